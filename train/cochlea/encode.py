"""Encoding of one sound as spikes of the inner ear: prepare, basilar membrane, hair cell, bushy cell.

    sound, any rate -> 24 kHz, RMS 0.3, Hann window -> velocity at 12 kHz (channels, samples) -> firing probability -> spikes

Source: Cramer, Stradmann, Schemmel, Zenke 2020, arXiv 1910.07407, and the settings of its encoder `lauscher`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import signal

from myelin.hw_configs.errors import DataError
from myelin.train.cochlea.basilar_membrane import membrane_velocity
from myelin.train.cochlea.bushy_cell import FIBRES, bushy_spikes, nerve_spikes
from myelin.train.cochlea.hair_cell import firing_probability
from myelin.train.cochlea.wav import MAX_DURATION_S

RATE_HZ = 24_000  # sample rate of the membrane's input; its velocity has half of it
RMS_LEVEL = 0.3
MIN_DURATION_S = 0.02  # one period of the lowest voice; a shorter sound contains nothing to hear
BLOCK_SAMPLES = 1_000_000  # channels times samples processed at a time; bounds the memory for any sound and any channels
RATES_HZ = (4_000, 384_000)
CHANNELS = (2, 4096)


def encode_wave(
    samples: npt.ArrayLike, rate_hz: int, channels: int = 700, seed: int = 0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint16]]:
    """Spike times in seconds and units 0..channels - 1 (0: highest pitch), both (events,), ordered by time, then unit.

    samples: (samples,) sound pressure of any scale, or (samples, ears), which are averaged. The same input and seed give the
    same spikes. Raises DataError for an empty, silent, too short or too long sound, NaN, or a rate or number of channels out of
    range.
    """
    if not CHANNELS[0] <= channels <= CHANNELS[1]:
        raise DataError(f"encoder: channels is {channels}, allowed is {CHANNELS[0]}..{CHANNELS[1]} (SHD: 700)")
    wave = prepare(samples, rate_hz)
    rng = np.random.default_rng(seed)
    block = max(BLOCK_SAMPLES // wave.size, 1)
    parts = []
    for first in range(0, channels, block):
        velocity, velocity_rate_hz = membrane_velocity(wave, RATE_HZ, channels, slice(first, first + block))
        probability = firing_probability(velocity, velocity_rate_hz)
        counts = nerve_spikes(probability, velocity_rate_hz, FIBRES, rng)
        place, step = np.nonzero(bushy_spikes(counts, velocity_rate_hz, FIBRES))
        parts.append((step, place + first))
    steps, units = (np.concatenate(values) for values in zip(*parts))
    order = np.argsort(steps, kind="stable")  # units are in ascending order already
    return steps[order] / (RATE_HZ // 2), units[order].astype(np.uint16)


def prepare(samples: npt.ArrayLike, rate_hz: int) -> npt.NDArray[np.float64]:
    """Mono sound at RATE_HZ with an RMS of RMS_LEVEL and a Hann window over its whole length; (samples,).

    The level is set before the window, as in the published encoder, so the windowed sound is quieter than RMS_LEVEL.
    """
    wave = np.asarray(samples, dtype=np.float64)
    if wave.ndim == 2 and wave.shape[1]:
        wave = wave.mean(axis=1)
    if wave.ndim != 1:
        raise DataError(f"encoder: sound has shape {wave.shape}; (samples,) or (samples, ears) is needed")
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise DataError(f"encoder: sample rate is {rate_hz} Hz, allowed is {RATES_HZ[0]}..{RATES_HZ[1]} Hz")
    duration_s = wave.size / rate_hz
    if not MIN_DURATION_S <= duration_s <= MAX_DURATION_S:
        raise DataError(f"encoder: sound lasts {duration_s:.3f} s, allowed is {MIN_DURATION_S} s to {MAX_DURATION_S:.0f} s")
    if not np.isfinite(wave).all():
        raise DataError(f"encoder: {int((~np.isfinite(wave)).sum())} samples of the sound are NaN or infinite")
    peak = np.abs(wave - wave.mean()).max()
    if peak <= 1e-9 * max(1.0, np.abs(wave).max()):
        raise DataError("encoder: sound is silent (constant); a recording with sound in it is needed")
    common = math.gcd(int(rate_hz), RATE_HZ)
    wave = signal.resample_poly(wave, RATE_HZ // common, int(rate_hz) // common)
    wave *= RMS_LEVEL / np.sqrt(np.mean(wave**2))
    ramp = np.hanning(2 * (wave.size // 2))[: wave.size // 2]
    wave[: ramp.size] *= ramp
    wave[wave.size - ramp.size :] *= ramp[::-1]
    return wave
