"""Resonate-and-fire neurons as C."""

from __future__ import annotations

from myelin.convert.c99.instructions import Instructions
from myelin.convert.c99.neurons.neuron import NEURONS, CPopulation, NeuronCode
from myelin.convert.neurons import Rf, RfIz
from myelin.hw_configs.fixed_point import STATE_SHIFT

#: Instructions of the step of a neuron.
_WORK = Instructions(load=4, store=4, multiply=8, branch=2, other=56)


@NEURONS.register(Rf)
def rf_code(neuron: Rf, own: CPopulation) -> NeuronCode:
    """The equations of ``Rf``: a spike at a phase, which resets nothing."""
    level = neuron.threshold << STATE_SHIFT
    sent = [
        f"const int32_t sent = ((real >= {level}) && (imag >= 0) && (ram.{own.name}_imag[i] < 0)) ? 1 : 0;",
        "",
        f"ram.{own.name}_real[i] = real;",
        f"ram.{own.name}_imag[i] = imag;",
    ]
    return _resonator(neuron, own, sent)


@NEURONS.register(RfIz)
def rf_iz_code(neuron: RfIz, own: CPopulation) -> NeuronCode:
    """The equations of ``RfIz``: a spike at the threshold, which resets the state."""
    level = neuron.threshold << STATE_SHIFT
    sent = [
        f"const int32_t sent = (imag >= {level}) ? 1 : 0;",
        "",
        f"ram.{own.name}_real[i] = (sent != 0) ? 0 : real;",
        f"ram.{own.name}_imag[i] = (sent != 0) ? {level - 1} : imag;",
    ]
    return _resonator(neuron, own, sent)


def _resonator(neuron: Rf | RfIz, own: CPopulation, sent: list[str]) -> NeuronCode:
    """The rotation that both share; an input beyond 2^30 saturates the state in any case, since a rotation stays below 2^25."""
    sines, sine = own.of_each("sin_decay", neuron.sin_decay, "what remains times the sine of a step, in 1/4096", word=False)
    cosines, cosine = own.of_each("cos_decay", neuron.cos_decay, "likewise with the cosine", word=False)
    real, imag = own.state("real", "real parts"), own.state("imag", "imaginary parts")
    old_real, old_imag = f"ram.{real.name}[i]", f"ram.{imag.name}[i]"
    body = [
        f"const int32_t drive_real = limited(as_signed({own.summed(STATE_SHIFT, 'a_real')}));",
        f"const int32_t drive_imag = limited(as_signed({own.summed(STATE_SHIFT, 'a_imag')}));",
        f"const int32_t turned_real = turned({old_real}, {cosine}) - turned({old_imag}, {sine});",
        f"const int32_t turned_imag = turned({old_real}, {sine}) + turned({old_imag}, {cosine});",
        "const int32_t real = saturated(turned_real + drive_real);",
        "const int32_t imag = saturated(turned_imag + drive_imag);",
        *sent,
    ]
    return NeuronCode([real, imag], [*sines, *cosines], body, work=_WORK)
