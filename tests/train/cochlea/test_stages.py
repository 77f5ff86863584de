"""The inner ear stage by stage: against its equations, numbers of the published encoder, and that encoder where installed.

`lauscher` (LGPL, on the package index; it needs `soundfile`) is the encoder that made the Spiking Heidelberg Digits.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special

from myelin.train.cochlea import basilar_membrane as membrane
from myelin.train.cochlea.bushy_cell import bushy_spikes, nerve_spikes
from myelin.train.cochlea.encode import prepare
from myelin.train.cochlea.hair_cell import firing_probability
from myelin.train.cochlea.hankel import hankel0, taylor_table

RATE_HZ = 24_000
VELOCITY_RATE_HZ = 12_000


def tones(samples: int = 481) -> np.ndarray:
    t = np.arange(samples) / RATE_HZ
    return np.sin(2 * np.pi * 1000 * t) + 0.5 * np.sin(2 * np.pi * 3000 * t)


# lauscher 1.0.1 on prepare(tones()) with 5 channels: velocity and firing probability of each channel at three steps
LAUSCHER = {
    60: (
        [0.1312728802, -0.5143734738, 5.076643424, 0.0007233681008, -6.594093817e-05],
        [0.005401764995, 0.006084130532, 0.007900557012, 0.005398132011, 0.005397249044],
    ),
    120: (
        [0.09600611843, 0.2606307891, 7.596793552, 8.930660613e-05, 7.663742672e-05],
        [0.00527432659, 0.007736960943, 0.008396882959, 0.005397454128, 0.005397388567],
    ),
    180: (
        [-0.03466751193, 0.7617311603, 2.952655383, 0.0006505670291, -8.207709047e-05],
        [0.005272377692, 0.007019622852, 0.005419525899, 0.005398054863, 0.005397229495],
    ),
}


@pytest.mark.parametrize(("low", "high"), [(1e-4, 0.1), (0.1, 3.99), (3.9, 4.1), (4, 20), (20, 59), (59.5, 60.5), (60, 300)])
def test_hankel_equals_scipy(low, high):
    rng = np.random.default_rng(0)
    z = rng.uniform(low, high, 300) * np.exp(1j * rng.uniform(0, np.pi / 2, 300))
    got = np.array([hankel0(value, taylor_table()) for value in z])
    np.testing.assert_allclose(got, special.hankel1(0, z), rtol=1e-11)


def test_membrane_equals_its_equations():
    """The closed form of the phase against the integral it stands for, and the whole stage against a plain evaluation."""
    wave = prepare(tones(480), RATE_HZ)
    channels = 4
    got, rate_hz = membrane.membrane_velocity(wave, RATE_HZ, channels)
    count = wave.size // 2 + 1
    omega = 2 * np.pi * np.linspace(1, rate_hz, count)
    fine = np.linspace(0, membrane.LENGTH_CM, 3 * 1000 + 1)[:, None]
    stiffness = membrane.BASE_STIFFNESS * np.exp(-membrane.ALPHA * fine) - membrane.STIFFNESS_OFFSET
    damping = membrane.BASE_DAMPING * np.exp(-membrane.ALPHA * fine / 2)
    xi = stiffness - membrane.MASS * omega**2 - 1j * omega * damping
    g = omega * np.sqrt(membrane.DENSITY / (membrane.HEIGHT * xi))
    phase = 2 * g[:1] / membrane.ALPHA + integrate.cumulative_simpson(g, x=fine[:, 0], axis=0, initial=0)
    pressure = np.sqrt(phase / g) * special.hankel1(0, phase)
    u = 2 * omega / membrane.ALPHA * np.sqrt(2 / (membrane.HEIGHT * membrane.BASE_STIFFNESS))
    z = np.sqrt(2 * membrane.BASE_STIFFNESS / membrane.HEIGHT) * (1j * special.hankel2(0, u)) / special.hankel2(1, u)
    places = slice(None, None, 1000)
    transfer = 2 * omega / xi[places] * pressure[places] / pressure[:1] * z
    expected = np.fft.ifft(transfer * np.fft.fft(wave)[:count], axis=1).real
    assert (got.shape, rate_hz) == ((channels, count), VELOCITY_RATE_HZ)
    np.testing.assert_allclose(got, expected, atol=1e-6 * np.abs(expected).max())


def test_numbers_of_the_published_encoder():
    velocity, rate_hz = membrane.membrane_velocity(prepare(tones(), RATE_HZ), RATE_HZ, 5)
    probability = firing_probability(velocity, rate_hz)
    for step, (velocities, probabilities) in LAUSCHER.items():
        np.testing.assert_allclose(velocity[:, step], velocities, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(probability[:, step], probabilities, rtol=1e-8)


def test_high_tones_move_the_base():
    t = np.arange(2400) / RATE_HZ
    peaks = []
    for pitch_hz in (200, 800, 3000, 9000):
        velocity, _ = membrane.membrane_velocity(prepare(np.sin(2 * np.pi * pitch_hz * t), RATE_HZ), RATE_HZ, 70)
        peaks.append(int(np.argmax(np.sum(velocity**2, axis=1))))
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[0] - peaks[-1] > 35


def test_hair_cell_rests_and_answers():
    quiet = firing_probability(np.zeros((1, 500)), VELOCITY_RATE_HZ)[0]
    np.testing.assert_allclose(quiet, quiet[0], rtol=1e-12)
    permeability = 2000 * 5 / 305
    cleft = 5.05 * permeability / (2500 * permeability + 5.05 * 9080)  # the resting state, from dq/dt = dc/dt = 0
    assert quiet[0] == pytest.approx(50_000 / VELOCITY_RATE_HZ * cleft)
    step = firing_probability(np.r_[np.zeros(10), np.full(490, 100.0)][None], VELOCITY_RATE_HZ)[0]
    assert step[10:60].max() > 2 * quiet[0]
    assert step[-1] < 0.8 * step.max()  # it adapts
    assert (firing_probability(np.full((1, 100), -50.0), VELOCITY_RATE_HZ) >= 0).all()


# ---- bushy cell


def test_nerve_fibres_pause_and_keep_their_rate():
    chance = 0.05
    counts = nerve_spikes(np.full((20, 20_000), chance), VELOCITY_RATE_HZ, 1, np.random.default_rng(0))
    gaps = np.concatenate([np.diff(np.flatnonzero(row)) for row in counts])
    assert counts.max() == 1
    assert gaps.min() == 12  # 1 ms
    assert gaps.mean() == pytest.approx(11 + 1 / chance, rel=0.02)
    share = np.bincount(gaps - 12, minlength=40)[:40] / gaps.size
    np.testing.assert_allclose(share, chance * (1 - chance) ** np.arange(40), atol=0.006)


def test_nerve_fibres_follow_the_probability():
    probability = np.array([0.02, 0.3, 0.0, 0.1, 1.0, 0.5])
    rows = 20_000
    counts = nerve_spikes(np.tile(probability, (rows, 1)), VELOCITY_RATE_HZ, 1, np.random.default_rng(1))
    expected = probability * np.concatenate(([1], np.cumprod(1 - probability)[:-1]))  # one spike at most in six steps
    np.testing.assert_allclose(counts.mean(axis=0), expected, atol=5 * math.sqrt(0.25 / rows))
    many = nerve_spikes(np.tile(probability, (500, 1)), VELOCITY_RATE_HZ, 40, np.random.default_rng(2))
    np.testing.assert_allclose(many.mean(axis=0) / 40, expected, atol=5 * math.sqrt(0.25 / rows))


def test_certain_fibres_fire_each_millisecond():
    counts = nerve_spikes(np.ones((2, 25)), VELOCITY_RATE_HZ, 40, np.random.default_rng(0))
    assert np.flatnonzero(counts[0]).tolist() == [0, 12, 24]
    assert set(counts[:, [0, 12, 24]].ravel()) == {40}


def test_bushy_cell_by_hand():
    # one fibre spike adds W / 40 dt = 0.0271 to V at once
    counts = np.zeros((3, 40), np.uint8)
    counts[0, 3] = 40  # 1.083 in its first step
    counts[1, 3] = 2
    counts[2, -1] = 40  # the last step never fires
    fired = bushy_spikes(counts, VELOCITY_RATE_HZ, 40)
    # after the pause of 12 steps (4 to 15) the current is 40 exp(-13 / 6) = 4.58: V grows by 0.124, 0.105, ... to 0.6 at most
    assert np.flatnonzero(fired[0]).tolist() == [3]
    assert not fired[1:].any()


def test_bushy_cell_equals_its_equations():
    rng = np.random.default_rng(3)
    counts = rng.poisson(np.repeat([[0.3], [1.0], [4.0]], 600, axis=1)).astype(np.uint8)
    fired = bushy_spikes(counts, VELOCITY_RATE_HZ, 40)
    dt = 1 / VELOCITY_RATE_HZ
    for channel in range(3):
        current, voltage, blocked, expected = 0.0, 0.0, -1, []
        for t in range(599):
            current = current * math.exp(-dt / 5e-4) + counts[channel, t]
            voltage = 0.0 if t <= blocked else voltage * math.exp(-dt / 1e-3) + current * 13e3 / 40 * dt
            if voltage >= 1:
                expected.append(t)
                blocked, voltage = t + 12, 0.0
        assert np.flatnonzero(fired[channel]).tolist() == expected
    assert fired.sum() > 50


# ---- against the published encoder itself


@pytest.fixture(scope="module")
def lauscher():
    transformations = pytest.importorskip("lauscher.transformations", reason="pip install lauscher soundfile")
    from lauscher.helpers import CommandLineArguments

    CommandLineArguments().num_concurrent_jobs = 1
    return transformations


@pytest.mark.parametrize("samples", [960, 961, 722])
def test_stages_equal_lauscher(lauscher, samples):
    from lauscher.audiowaves import MonoAudioWave

    noise = np.random.default_rng(samples).normal(size=samples)
    wave = MonoAudioWave(tones(samples) + noise, RATE_HZ)
    wave = lauscher.HanningWindow()(lauscher.RmsNormalizer(0.3)(wave))
    ours = prepare(tones(samples) + noise, RATE_HZ)
    np.testing.assert_allclose(ours, wave.samples, rtol=1e-12, atol=1e-15)

    theirs = lauscher.BasilarMembrane(channels=9)(wave)
    velocity, rate_hz = membrane.membrane_velocity(ours, RATE_HZ, 9)
    assert rate_hz == theirs.sample_rate
    np.testing.assert_allclose(velocity, theirs.channels, atol=1e-11 * np.abs(theirs.channels).max())

    hair = lauscher.HairCell()(theirs)
    probability = firing_probability(velocity, rate_hz)
    np.testing.assert_allclose(probability, hair.channels, rtol=1e-10)


def test_bushy_cell_equals_lauscher(lauscher):
    cell = lauscher.BushyCell()
    np.random.seed(5)
    probability = np.repeat([[0.01], [0.03], [0.08]], 1500, axis=1)
    fibres = np.array([cell._sample(row, VELOCITY_RATE_HZ) for row in probability])
    expected = np.array([cell._lif(channel, VELOCITY_RATE_HZ) for channel in fibres]) > 0
    np.testing.assert_array_equal(bushy_spikes(fibres.sum(axis=2).astype(np.uint8), VELOCITY_RATE_HZ, 40), expected)
    assert expected.sum() > 100
    # the fibres themselves are other draws of the same law: rates within 4 standard errors of each other
    ours = nerve_spikes(probability, VELOCITY_RATE_HZ, 40, np.random.default_rng(6))
    theirs = fibres.sum(axis=(1, 2))
    np.testing.assert_allclose(ours.sum(axis=1), theirs, atol=4 * np.sqrt(2 * theirs.max()))
