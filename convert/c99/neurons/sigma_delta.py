"""Sigma-delta neurons, delta encoders at an input, and readouts of sums as C."""

from __future__ import annotations

from myelin.convert.c99.instructions import Instructions
from myelin.convert.c99.memory import Array
from myelin.convert.c99.neurons.neuron import NEURONS, CPopulation, NeuronCode
from myelin.convert.neurons import Delta, Sigma, SigmaDelta

#: Instructions of the step of a neuron.
_ENCODER = Instructions(load=4, store=4, branch=1.5, other=20)
_SUM = Instructions(load=2, store=2, branch=1, other=4)


@NEURONS.register(Delta)
def delta_code(neuron: Delta, own: CPopulation) -> NeuronCode:
    """The equations of ``Delta``."""
    shift = f" << {neuron.shift}u" if neuron.shift else ""
    return _encoder(neuron, own, [], [], [f"const int32_t value = as_signed({own.drive}{shift});"])


@NEURONS.register(SigmaDelta)
def sigma_delta_code(neuron: SigmaDelta, own: CPopulation) -> NeuronCode:
    """The equations of ``SigmaDelta``."""
    sigma = own.state("sigma", "sums of the input over time")
    biases, bias = own.of_each("bias", neuron.bias << neuron.shift, "bias")
    body = [f"const int32_t sigma = as_signed((uint32_t)ram.{sigma.name}[i] + {own.summed(0)});"]
    total = "sigma" if bias == "0u" else f"as_signed((uint32_t)sigma + {bias})"
    if neuron.activation == "relu":
        body += [f"const int32_t active = {total};", "const int32_t value = (active > 0) ? active : 0;"]
    else:
        body += [f"const int32_t value = {total};"]
    return _encoder(neuron, own, [sigma], biases, body, [f"ram.{sigma.name}[i] = sigma;"])


@NEURONS.register(Sigma)
def sigma_code(neuron: Sigma, own: CPopulation) -> NeuronCode:
    """The sum of the input over time."""
    sigma = own.state("sigma", "sums of the input over time")
    body = [
        f"const int32_t sent = as_signed((uint32_t)ram.{sigma.name}[i] + {own.summed(0)});",
        "",
        f"ram.{sigma.name}[i] = sent;",
    ]
    return NeuronCode([sigma], [], body, f"ram.{sigma.name}[i]", resets=False, work=_SUM)


def _encoder(
    neuron: Delta | SigmaDelta,
    own: CPopulation,
    states: list[Array],
    constants: list[Array],
    value: list[str],
    after: list[str] | None = None,
) -> NeuronCode:
    """A delta encoder of ``value``; a residue is what an encoder without an accumulated error keeps back."""
    act, residue = own.state("act", "values of the last step"), own.state("residue", "what was not sent")
    kept = [act, residue]
    body = [
        *value,
        f"const int32_t change = as_signed(((uint32_t)value - (uint32_t)ram.{act.name}[i]) + (uint32_t)ram.{residue.name}[i]);",
    ]
    compared = "change"
    if neuron.cumulative_error:
        error = own.state("error", "changes since the last message")
        kept.append(error)
        body.append(f"const int32_t error = as_signed((uint32_t)ram.{error.name}[i] + (uint32_t)change);")
        compared = "error"
    limit = neuron.threshold << neuron.shift
    whole = f"(magnitude({compared}) >= {limit}u) ? change : 0" if limit else "change"
    body += [
        f"const int32_t whole = {whole};",
        f"const int32_t sent = as_signed(floor_shift((uint32_t)whole, {neuron.state_exp}u));",
        "",
        *(after or []),
        f"ram.{act.name}[i] = value;",
        f"ram.{residue.name}[i] = as_signed((uint32_t)change - (uint32_t)whole);",
    ]
    if neuron.cumulative_error:
        body.append(f"ram.{own.name}_error[i] = (whole != 0) ? 0 : error;")
    return NeuronCode([*states, *kept], constants, body, resets=False, work=_ENCODER)
