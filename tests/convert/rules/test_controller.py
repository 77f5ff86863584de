"""A network that a microcontroller does not hold is refused with the number that binds and a cure."""

from __future__ import annotations

import dataclasses

import numpy as np
from c_networks import delayed_network

from myelin.convert import Conv, Cuba, Input, Layer, Network
from myelin.convert.c99.footprint import footprint
from myelin.convert.rules import check, not_checked
from myelin.hw_configs.target_files import load_target

M4 = load_target("cortex-m4")


def board(**sizes):
    """A Cortex-M4 with other memory, whose compiler is not installed."""
    controller = dataclasses.replace(M4.controller, compiler=("none-gcc",), **sizes)
    return dataclasses.replace(M4, name="mine", controller=controller)


def test_what_fits_is_not_refused_and_the_last_byte_counts():
    network = delayed_network()
    held = footprint(network, board())
    assert check(network, board(flash_bytes=held.flash_bytes, ram_bytes=held.ram_bytes)) == []
    rules = [entry.rule for entry in check(network, board(flash_bytes=held.flash_bytes - 1, ram_bytes=held.ram_bytes - 1))]
    assert rules == ["flash", "RAM"]


def test_a_dense_recurrence_that_fills_the_flash_is_named_with_the_convolution_as_its_cure():
    network = delayed_network(neurons=100)
    held = footprint(network, board())
    (found,) = check(network, board(flash_bytes=8000))
    assert found.message == (
        "layer 0 (dense, recurrent dense): flash of the network (its recurrent weights and delays take 10100 "
        f"of it) is {held.flash_bytes} bytes, mine holds 8000; use a convolutional recurrence, whose kernel takes a few bytes, "
        "or prune its weights"
    )
    assert check(delayed_network("conv", neurons=100), board(flash_bytes=8000)) == []


def test_long_delays_that_fill_the_ram_are_named_with_fewer_steps_as_their_cure():
    network = delayed_network(neurons=100, longest=60)
    held = footprint(network, board())
    (found,) = check(network, board(ram_bytes=2000))
    assert found.message == (
        "layer 0 (dense, recurrent dense): RAM of the network (spikes under way to its recurrent connection take 960 of it) is "
        f"{held.ram_bytes} bytes, mine holds 2000; retrain with a max_delay_steps below 59, or shorten delays as the "
        "file is read, with myelin.read(path, clip_delays=STEPS)"
    )


def test_many_states_are_named():
    network = Network(Input((1, 30, 30)), [Layer((4, 30, 30), Conv(np.ones((4, 1, 1, 1), int)), Cuba(3, 900, 400))])
    (found,) = check(network, board(ram_bytes=9000))
    assert "(the states of this layer take 28800 of it)" in found.message and found.cure == "make the layer smaller"


def test_portable_c_has_no_memory_to_check_and_chips_have_none_of_this():
    for name in ("c99", "loihi2", "cpu"):
        assert not any(line.startswith(("flash", "RAM")) for line in not_checked(load_target(name)))
    unknown = not_checked(board(flash_bytes=None))
    assert "flash: flash_bytes of mine not public, not checked" in unknown and not any("cores" in line for line in unknown)
