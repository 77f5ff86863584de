"""Values derived from the recorded current u and voltage v of leaky integrators: their input, and states before their limits.

For the equations see ``myelin.convert.neurons.cuba``.  States are recorded after the step: the voltage of a CUBA neuron is 0
where it spiked, and the recorded values are the ones that decay in the next step.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, each, signed
from myelin.hw_configs.fixed_point import CURRENT_WRAP, DECAY_UNITY, STATE_SHIFT

Ints = npt.NDArray[np.int64]
#: Number of bits of the summed input a that u determines: u is known modulo 2^24, and a enters it shifted by 6.
INPUT_BITS = (2 * CURRENT_WRAP).bit_length() - 1 - STATE_SHIFT


class Leaky(Protocol):
    """Neurons with a current and a voltage that leak; decays in 1/4096 per step."""

    @property
    def current_decay(self) -> IntArray:  # noqa: D102
        ...

    @property
    def voltage_decay(self) -> IntArray:  # noqa: D102
        ...


def decayed(state: npt.ArrayLike, decay: npt.ArrayLike) -> Ints:
    """A state after the decay of one step: ``rz(state * (4096 - decay))``, which rounds toward zero."""
    product = np.asarray(state, np.int64) * (DECAY_UNITY - np.asarray(decay, np.int64))
    return np.sign(product) * (np.abs(product) // DECAY_UNITY)


def derived_input(u: npt.NDArray[Any], neuron: Leaky, shape: Shape) -> Ints:
    """The summed input a of every step, computed from u alone, for a backend without a variable for a.

    ``64 a = u[t] - rz(u[t-1] (4096 - current_decay))`` modulo 2^24, so a is known only modulo 2^18; u starts at 0.

    Args:
        u: (batch, steps, neurons), after each step.
        neuron, shape: the population's constants and shape.

    Returns:
        a (batch, steps, neurons), in -2^17 .. 2^17 - 1.
    """
    change = u.astype(np.int64) - decayed(before(u), each(neuron.current_decay, shape))
    return signed(change >> STATE_SHIFT, INPUT_BITS)


def current_before_wrap(a: npt.NDArray[Any], u: npt.NDArray[Any], neuron: Leaky, shape: Shape) -> Ints:
    """u before it wraps: ``rz(u[t-1] (4096 - current_decay)) + 64 a[t]``, all (batch, steps, neurons)."""
    return decayed(before(u), each(neuron.current_decay, shape)) + (a.astype(np.int64) << STATE_SHIFT)


def voltage_before_limit(u: npt.NDArray[Any], v: npt.NDArray[Any], bias: npt.NDArray[Any], neuron: Leaky, shape: Shape) -> Ints:
    """v before it saturates and before a spike sets it to zero: ``rz(v[t-1] (4096 - voltage_decay)) + u[t] + bias``.

    Args:
        u, v: (batch, steps, neurons), after each step.
        bias: the bias shifted by its exponent, broadcastable to the same shape.
        neuron, shape: the population's constants and shape.
    """
    return decayed(before(v), each(neuron.voltage_decay, shape)) + u.astype(np.int64) + bias


def before(states: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """States one step earlier, zero before the first."""
    result = np.zeros_like(states)
    result[:, 1:] = states[:, :-1]
    return result
