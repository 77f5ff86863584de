"""Axonal delays: kernels worked out by hand, the schedule, and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myelin.hw_configs.errors import ConfigError
from myelin.train.config.config import Config, DelayConfig, LayerConfig
from myelin.train.delay import AxonalDelay, shift_one_step
from myelin.train.kernels.delays.kernel import DelayKernel
from myelin.train.model import build_model


def delay_of(values, *, grid=1, max_delay=62, **state):
    """An AxonalDelay with these delays."""
    module = AxonalDelay(len(values), max_delay=max_delay, grid=grid)
    with torch.no_grad():
        module.delay.copy_(torch.tensor(values))
        for name, value in state.items():
            getattr(module, name).fill_(value)
    return module


def impulse(steps, neurons):
    """One spike of each neuron at step 0, (T, 1, N)."""
    spikes = torch.zeros(steps, 1, neurons)
    spikes[0] = 1
    return spikes


def test_sigma_zero_interpolates_between_neighbours():
    arriving = delay_of([2.25, 3.0])(impulse(8, 2))[:, 0]
    assert arriving[:, 0].tolist() == [0, 0, 0, 0.75, 0.25, 0, 0, 0]
    assert arriving[:, 1].tolist() == [0, 0, 0, 0, 1, 0, 0, 0]


def test_triangle_of_half_width_two():
    arriving = delay_of([4.0], sigma=1.0)(impulse(10, 1))[:, 0, 0]
    assert arriving.tolist() == [0, 0, 0, 0, 0.25, 0.5, 0.25, 0, 0, 0]


def test_nothing_arrives_before_the_next_step():
    kernel = DelayKernel.triangle(np.array([0.0, 0.5, 1.0]), sigma=10.0)
    assert not kernel.dense_weights[0].any()
    arriving = delay_of([0.0], sigma=10.0)(impulse(30, 1))[:, 0, 0].detach()
    assert arriving[0] == 0 and arriving[1] == pytest.approx(11 / 121)


def test_hard_delays_round_to_the_nearest_step():
    arriving = delay_of([0.4, 1.6, 2.5], hard=True)(impulse(8, 3))[:, 0]
    assert arriving.argmax(dim=0).tolist() == [1, 3, 3]
    assert arriving.sum(dim=0).tolist() == [1, 1, 1]
    assert delay_of([0.4, 1.6, 2.5]).rounded_steps().tolist() == [0, 2, 2]


def test_what_arrives_past_the_end_is_lost():
    assert delay_of([5.0], hard=True)(impulse(6, 1)).sum() == 0


def test_zero_delay_is_the_latency_of_a_connection():
    spikes = (torch.rand(9, 2, 3) < 0.4).float()
    assert torch.equal(delay_of([0.0, 0.0, 0.0], hard=True)(spikes), shift_one_step(spikes))


@pytest.mark.parametrize("sigma", [0.0, 0.7, 4.0])
def test_gradients_equal_autograd(sigma):
    torch.manual_seed(0)
    module = delay_of([0.35, 2.6, 7.15, 3.2], sigma=sigma)
    spikes = (torch.rand(20, 2, 4) < 0.3).float().requires_grad_()
    weights = torch.randn(20, 2, 4)
    (module(spikes) * weights).sum().backward()
    s2, d2 = spikes.detach().double().requires_grad_(), module.delay.detach().double().requires_grad_()
    lags, half = torch.arange(20.0, dtype=torch.float64)[:, None], 1 + sigma
    h = (half - (lags - (1 + d2)).abs()).clamp(min=0) / half**2 * (lags >= 1)
    arriving = torch.stack([sum(h[lag] * s2[t - lag] for lag in range(t + 1)) for t in range(20)])
    (arriving * weights).sum().backward()
    torch.testing.assert_close(spikes.grad.double(), s2.grad, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(module.delay.grad.double(), d2.grad, rtol=1e-4, atol=1e-5)


def test_hard_gradient_is_the_central_difference():
    module = delay_of([3.0], hard=True)
    weights = torch.tensor([0.0, 0, 1, 2, 5, 11, 0, 0])[:, None, None]
    (module(impulse(8, 1)) * weights).sum().backward()
    assert module.delay.grad.item() == pytest.approx((11 - 2) / 2)


def test_hard_gradient_at_zero_is_one_sided():
    module = delay_of([0.0], hard=True)
    weights = torch.tensor([100.0, 3, 8, 0])[:, None, None]
    (module(impulse(4, 1)) * weights).sum().backward()
    assert module.delay.grad.item() == pytest.approx(8 - 3)


def test_schedule_spreads_then_rounds_then_freezes():
    config = Config(delay=DelayConfig(sigma=10.0, harden_at=0.5, freeze_at=0.75))
    model = build_model(config, 10)
    seen = []
    for progress in (0.0, 0.25, 0.5, 0.75):
        model.schedule_delays(config, progress)
        delay = next(iter(model.delays()))
        seen.append((round(float(delay.sigma), 3), bool(delay.hard), delay.delay.requires_grad))
    assert seen[0] == (10.0, False, True)
    assert seen[1] == (0.769, False, True)  # 10 * 0.95 ** 50
    assert seen[2:] == [(0.0, True, True), (0.0, True, False)]


def test_delays_are_clamped_to_the_target():
    module = delay_of([-3.0, 70.0])
    module.clamp()
    assert module.delay.tolist() == [0.0, 62.0]


def test_a_range_beyond_the_target_is_refused():
    with pytest.raises(ConfigError, match=r"within 0\.\.10"):
        AxonalDelay(4, max_delay=10, low=0, high=30)


def test_whole_steps_are_the_nearest_of_the_grid():
    values = [0.4, 1.0, 1.1, 2.9, 3.0, 5.0, 58.1, 60.0]  # 1, 3 and 5 are half way: to the even multiple of 2
    assert delay_of(values, grid=2, max_delay=60).rounded_steps().tolist() == [0, 0, 2, 2, 4, 4, 58, 60]
    assert delay_of(values, grid=4, max_delay=60).rounded_steps().tolist() == [0, 0, 0, 4, 4, 4, 60, 60]
    arriving = delay_of([2.9], grid=4, max_delay=8, hard=True)(impulse(8, 1))[:, 0, 0]
    assert arriving.tolist() == [0, 0, 0, 0, 0, 1, 0, 0]
    module = delay_of([2.9, 7.0], grid=4, max_delay=8)
    module.snap()
    assert module.delay.tolist() == [4.0, 8.0]


def test_a_longest_delay_off_the_grid_is_refused():
    with pytest.raises(ConfigError, match="62 steps; a multiple of the grid of 4"):
        AxonalDelay(4, max_delay=62, grid=4)


def scheduled(rounding, progress):
    """(sigma, rounded, learnt) of the delays of a small network after ``progress`` of training."""
    config = Config(
        layers=(LayerConfig(neurons=4),), delay=DelayConfig(rounding=rounding, sigma=4.0, harden_at=0.5, freeze_at=0.75)
    )
    model = build_model(config, 2)
    model.schedule_delays(config, progress)
    delay = next(iter(model.delays()))
    return float(delay.sigma), bool(delay.hard), delay.delay.requires_grad


@pytest.mark.parametrize(
    ("rounding", "start", "middle", "end"),
    [
        ("hardening", (4.0, False, True), (0.0, True, True), (0.0, True, False)),
        ("straight-through", (0.0, True, True), (0.0, True, True), (0.0, True, False)),
        ("epoch", (4.0, False, True), (0.0, False, True), (0.0, False, False)),
        ("end", (4.0, False, True), (0.0, False, True), (0.0, False, False)),
    ],
)
def test_each_rounding_has_its_phases(rounding, start, middle, end):
    assert [scheduled(rounding, progress) for progress in (0.0, 0.5, 0.75)] == [start, middle, end]


@pytest.mark.parametrize("rounding", ["hardening", "straight-through", "epoch", "end"])
def test_an_exportable_epoch_is_judged_with_rounded_delays(rounding):
    torch.manual_seed(0)
    config = Config(layers=(LayerConfig(neurons=6),), delay=DelayConfig(rounding=rounding, grid_steps=2))
    model = build_model(config, 2)
    model.schedule_delays(config, 0.0)
    delay = next(iter(model.delays()))
    drawn, whole = delay.delay.tolist(), delay.rounded_steps().tolist()
    model.settle_delays(config, exportable=False)
    assert bool(delay.hard) == (rounding == "straight-through")
    assert delay.delay.tolist() == (whole if rounding == "epoch" else drawn)
    model.settle_delays(config, exportable=True)
    assert bool(delay.hard) and delay.sigma == 0 and delay.rounded_steps().tolist() == whole
    model.schedule_delays(config, 0.0)
    assert bool(delay.hard) == (rounding == "straight-through")  # the next epoch trains as before


def test_the_penalty_is_the_mean_square_of_learnt_delays():
    layers = (
        LayerConfig(neurons=2),
        LayerConfig(neurons=3, delay_per="neuron", delay="fixed"),
        LayerConfig(neurons=2, recurrent_delay="zero"),
    )
    config = Config(layers=layers)
    model = build_model(config, 2)
    first, second = model.blocks[0].recurrence.delay.delay, model.blocks[1].recurrence.delay.delay
    with torch.no_grad():
        first.copy_(torch.tensor([1.0, 2.0]))
        second.copy_(torch.tensor([0.0, 3.0, 6.5]))
    value = model.mean_square_delay()
    assert value.item() == pytest.approx((1 + 4 + 0 + 9 + 42.25) / 5)
    (10.0 * value).backward()
    assert first.grad.tolist() == pytest.approx([4.0, 8.0]) and second.grad.tolist() == pytest.approx([0.0, 12.0, 26.0])
    assert model.blocks[1].delay.delay.grad is None and model.blocks[2].recurrence.delay.delay.grad is None
    model.schedule_delays(config, 0.9)
    assert model.mean_square_delay().item() == 0.0  # frozen


def test_controls_of_one_layer_leave_all_else_as_drawn():
    """Same seed: a control differs from the learned network in its delays alone."""
    states = {}
    for kind in ("learned", "fixed", "zero"):
        torch.manual_seed(3)
        config = Config(
            layers=(LayerConfig(neurons=8, delay_per="neuron", recurrent_delay=kind),), delay=DelayConfig(grid_steps=2)
        )
        model = build_model(config, 2)
        model.schedule_delays(config, 0.0)
        states[kind] = dict(model.state_dict())
        delays = {"ff": model.blocks[0].delay, "recurrent": model.blocks[0].recurrence.delay}
        assert delays["ff"].delay.requires_grad and not bool(delays["ff"].hard)
        assert delays["recurrent"].delay.requires_grad == (kind == "learned") == (not bool(delays["recurrent"].hard))
        assert model.delay_steps()["delay_longest_steps"] == max(d.rounded_steps().max() for d in delays.values())
    name = "0.recurrence.delay.delay"
    for kind in ("fixed", "zero"):
        others = {key for key in states[kind] if not torch.equal(states[kind][key], states["learned"][key])}
        assert others == {name, "0.recurrence.delay.hard", "0.recurrence.delay.sigma"}
    drawn = states["learned"][name]
    assert torch.equal(states["fixed"][name], 2 * torch.round(drawn / 2)) and states["zero"][name].tolist() == [0.0] * 8
