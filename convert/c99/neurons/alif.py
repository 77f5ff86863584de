"""ALIF neurons as C."""

from __future__ import annotations

from myelin.convert.c99.instructions import Instructions
from myelin.convert.c99.neurons.neuron import NEURONS, CPopulation, NeuronCode
from myelin.convert.neurons import Alif
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_SHIFT

#: Instructions of the step of a neuron.
_WORK = Instructions(load=5, store=5, multiply=8, branch=2, other=52)


@NEURONS.register(Alif)
def alif_code(neuron: Alif, own: CPopulation) -> NeuronCode:
    """The equations of ``Alif``; the state ``raised`` is theta without the threshold at rest, so every state rests at 0."""
    keeps, constants = {}, []
    for name, what in (("current", "i"), ("voltage", "v"), ("threshold", "theta"), ("refractory", "r")):
        decay = getattr(neuron, f"{name}_decay")
        arrays, keeps[what] = own.of_each(f"keep_{what}", DECAY_UNITY - decay, f"share of {what} that remains, in 1/4096")
        constants += arrays
    biases, bias = own.of_each("bias", neuron.bias_mant << neuron.bias_exp, "bias")
    notes = {"i": "currents", "v": "voltages", "raised": "thresholds above that at rest", "r": "refractory states"}
    i, v, raised, r = (own.state(name, note) for name, note in notes.items())
    base, rise = neuron.threshold << STATE_SHIFT, neuron.threshold_step << STATE_SHIFT
    added = "" if bias == "0u" else f" + {bias}"
    current = f"(uint32_t)decayed(ram.{i.name}[i], {keeps['i']}) + {own.summed(STATE_SHIFT)}"
    body = [
        f"const int32_t current = wrapped_current(as_signed({current}));",
        f"const int32_t v = saturated(as_signed((uint32_t)decayed(ram.{v.name}[i], {keeps['v']}) + (uint32_t)current{added}));",
        f"const uint32_t above = (uint32_t)decayed(ram.{raised.name}[i], {keeps['theta']});",
        f"const uint32_t theta = above + {base}u;",
        f"const uint32_t r = (uint32_t)decayed(ram.{r.name}[i], {keeps['r']});",
        "const int32_t sent = (as_signed((uint32_t)v - r) >= as_signed(theta)) ? 1 : 0;",
        "",
        f"ram.{i.name}[i] = current;",
        f"ram.{v.name}[i] = v;",
        f"ram.{raised.name}[i] = as_signed((sent != 0) ? (above + {rise}u) : above);",
        f"ram.{r.name}[i] = as_signed((sent != 0) ? (r + (2u * theta)) : r);",
    ]
    return NeuronCode([i, v, raised, r], [*constants, *biases], body, work=_WORK)
