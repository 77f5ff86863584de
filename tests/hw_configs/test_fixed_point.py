"""The ranges of the arithmetic agree with each other and with the targets."""

from __future__ import annotations

from myelin.hw_configs import fixed_point
from myelin.hw_configs.target_files import load_target


def test_the_numbers_that_follow_from_others():
    assert fixed_point.STATE_SCALE == 4096 == fixed_point.DECAY_UNITY
    assert fixed_point.STATE_MAX + 1 == fixed_point.CURRENT_WRAP == 1 << 23
    assert fixed_point.BIAS_MANT_MAX - fixed_point.BIAS_MANT_MIN + 1 == 1 << 13


def test_loihi2_is_the_model_that_lava_states():
    target = load_target("loihi2")
    assert target.threshold_max == fixed_point.THRESHOLD_MAX
    assert target.delay_steps_max == fixed_point.NETX_MAX_DELAY_STEPS
    assert (target.bias_mant_min, target.bias_mant_max) == (fixed_point.BIAS_MANT_MIN, fixed_point.BIAS_MANT_MAX)
    assert target.bias_exp_max == fixed_point.BIAS_EXP_MAX
    assert target.message_bits_max == fixed_point.MESSAGE_BITS_MAX
    assert 1 << (target.state_bits - 1) == fixed_point.CURRENT_WRAP


def test_the_cpu_target_holds_what_a_network_may_state():
    from myelin.convert.layers.dense import DELAY_LIMIT_STEPS

    target = load_target("cpu")
    assert target.delay_steps_max == DELAY_LIMIT_STEPS
    assert target.current_decay_max == target.voltage_decay_max == fixed_point.DECAY_UNITY
