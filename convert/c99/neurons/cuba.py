"""CUBA neurons as C."""

from __future__ import annotations

import numpy as np

from myelin.convert.c99.instructions import Instructions
from myelin.convert.c99.neurons.neuron import NEURONS, CPopulation, NeuronCode
from myelin.convert.neurons import Cuba
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_SHIFT

#: Instructions of the step of a neuron: with a current that decays, and without.
_WITH_CURRENT = Instructions(load=3, store=3, multiply=4, branch=1.5, other=27)
_WITHOUT_CURRENT = Instructions(load=2, store=2, multiply=2, branch=1.5, other=17)


@NEURONS.register(Cuba)
def cuba_code(neuron: Cuba, own: CPopulation) -> NeuronCode:
    """The equations of ``Cuba``; a current that keeps nothing is no state, and at an input there is none."""
    keep_v, left_v = own.of_each("keep_v", DECAY_UNITY - neuron.voltage_decay, "share of v that remains, in 1/4096")
    constants, states = [*keep_v], []
    v = own.state("v", "voltages")
    if own.drive is None:
        drives, drive = own.of_each("bias", neuron.bias_mant << neuron.bias_exp, "bias")
        constants += drives
        if np.all(neuron.current_decay == DECAY_UNITY):
            current = f"as_signed({own.summed(STATE_SHIFT)})"
            body = [f"const int32_t u = wrapped_current({current});"]
        else:
            keep_u, left_u = own.of_each("keep_u", DECAY_UNITY - neuron.current_decay, "share of u that remains, in 1/4096")
            constants += keep_u
            u = own.state("u", "currents")
            states.append(u)
            current = f"(uint32_t)decayed(ram.{u.name}[i], {left_u}) + {own.summed(STATE_SHIFT)}"
            body = [f"const int32_t u = wrapped_current(as_signed({current}));"]
        added = ["(uint32_t)u", *([] if drive == "0u" else [drive])]
    else:
        mantissas, mantissa = own.of_each("bias_mant", neuron.bias_mant, "mantissa of the bias")
        constants += mantissas
        whole = own.drive if mantissa == "0u" else f"({own.drive} + {mantissa})"
        body, added = [], [f"({whole} << {neuron.bias_exp}u)"]
    states.append(v)
    voltage = " + ".join([f"(uint32_t)decayed(ram.{v.name}[i], {left_v})", *added])
    body += [
        f"const int32_t v = saturated(as_signed({voltage}));",
        f"const int32_t sent = (v > {neuron.threshold << STATE_SHIFT}) ? 1 : 0;",
        "",
        *([f"ram.{own.name}_u[i] = u;"] if len(states) == 2 else []),
        f"ram.{v.name}[i] = (sent != 0) ? 0 : v;",
    ]
    return NeuronCode(states, constants, body, f"ram.{v.name}[i]", work=_WITH_CURRENT if len(states) == 2 else _WITHOUT_CURRENT)
