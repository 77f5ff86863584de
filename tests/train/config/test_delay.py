"""The chip's grid of delays as configured: longest delays by hand, and what is refused."""

from __future__ import annotations

import pytest

from myelin.hw_configs.errors import ConfigError
from myelin.train.config.delay import DelayConfig


@pytest.mark.parametrize(
    ("values", "longest"),
    [
        ({}, 62),
        ({"grid_steps": 2}, 62),
        ({"grid_steps": 4}, 60),
        ({"grid_steps": 5, "max_delay_steps": 33}, 30),
        ({"bits": 3, "high": 0.0}, 7),
        ({"bits": 3, "grid_steps": 4, "high": 0.0}, 28),
        ({"bits": 4, "grid_steps": 2}, 30),
        ({"bits": 6}, 62),  # of its 64 levels a netx file holds 63
        ({"bits": 6, "max_delay_steps": 40}, 40),
        ({"max_delay_steps": 0, "high": 0.0}, 0),
    ],
)
def test_the_longest_delay_of_the_grid(values, longest):
    assert DelayConfig(**values).longest_steps == longest


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"grid_steps": 0}, "delay.grid_steps is 0; 1..62 is allowed"),
        ({"grid_steps": 31, "max_delay_steps": 30}, "delay.grid_steps is 31; 1..30 is allowed"),
        ({"bits": 0}, "delay.bits is 0; 1..6 is allowed"),
        ({"bits": 7}, "delay.bits is 7; 1..6 is allowed"),
        ({"bits": 3}, "delay.low and delay.high is (0.0, 30.0); a range within 0..7 is allowed"),
        ({"rounding": "late"}, "delay.rounding is late; hardening, straight-through, epoch, end is allowed"),
        ({"penalty": -1.0}, "delay.penalty is -1.0; 0 or more is allowed"),
    ],
)
def test_what_no_grid_can_be_is_refused(values, said):
    with pytest.raises(ConfigError) as error:
        DelayConfig(**values)
    assert str(error.value) == said


def test_spread_fades_to_zero_where_delays_harden():
    plan = DelayConfig(sigma=10.0, harden_at=0.5)
    assert [plan.sigma_at(progress) for progress in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([10.0, 10 * 0.95**50, 0.0, 0.0])
    assert DelayConfig(sigma=10.0, harden_at=0.0).sigma_at(0.0) == 0.0
    assert DelayConfig(rounding="straight-through").sigma_at(0.0) == 0.0
