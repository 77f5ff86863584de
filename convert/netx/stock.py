"""Names what of a network stock netx (lava-dl 0.6.0) ignores, runs otherwise, or cannot load from the file that is written.

Stock netx puts the delays of a layer on the synapses before it.  That is the same for dense layers without recurrence and
bias, and wrong for others; of convolutions it ignores them.

Source: lava-dl 0.6.0 ``netx/hdf5.py``, ``netx/blocks/process.py``; ``tests/lava_models/test_stock_netx.py`` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from myelin.convert.layers import Dense
from myelin.convert.network import Layer, Network
from myelin.convert.neurons import Cuba, Delta, Rf, RfIz, Sigma, SigmaDelta
from myelin.convert.registry import Handlers
from myelin.hw_configs.fixed_point import NETX_BIAS_EXP, SDNN_SPIKE_EXP, SDNN_STATE_EXP

#: Fields of neurons that stock netx does not know, by class of the neuron; it knows no neurons of other classes.
FIELDS: Handlers[Callable[[Any], list[str]]] = Handlers("has {name} neurons, which stock netx does not know")


def beyond_stock(network: Network) -> list[str]:
    """What stock netx lacks of the file that ``write_netx`` writes, by layer and field; empty if it runs it as meant."""
    found = []
    source = network.input
    fields = [] if source.neuron is None else _of_neuron(source.neuron)
    if source.message_bits and source.neuron is None:
        fields.append("message_bits (its argument input_message_bits)")
    if fields:
        found.append(f"input: {', '.join(fields)}")
    for index, layer in enumerate(network.layers):
        fields = _of_layer(layer)
        if fields:
            found.append(f"layer {index} ({layer.kind}): {', '.join(fields)}")
    if network.average_groups is not None:
        found.append("the average layer")
    return found


def note(network: Network) -> str | None:
    """``beyond_stock`` as a note for the user; None where there is nothing."""
    found = beyond_stock(network)
    return f"stock netx (lava-dl) lacks or ignores: {'; '.join(found)}" if found else None


def _of_neuron(neuron: Any) -> list[str]:
    known = FIELDS.get(neuron)
    return [f"{type(neuron).__name__} neurons"] if known is None else known(neuron)


def _of_layer(layer: Layer) -> list[str]:
    found = _of_neuron(layer.neuron)
    dense = isinstance(layer.synapse, Dense)
    if isinstance(layer.synapse, Dense) and layer.synapse.weight_exp:
        found.append("weight_exp")
    if layer.delay_steps.any() and not (dense and layer.recurrent is None and not layer.neuron.has_bias):
        found.append("delay")
    if layer.synapse.delay_steps is not None and (layer.delay_steps.any() or layer.recurrent is not None):
        found.append("delay_synaptic" if layer.delay_steps.any() else "delay")
    back = layer.recurrent
    if back is not None:
        if not isinstance(back.synapse, Dense) or not dense:
            found.append(f"a recurrent {back.synapse.kind} in a {layer.synapse.kind} layer")
        elif back.synapse.weight_exp:
            found.append("weight_exp_rec")
        if back.delay_steps.any() or back.synapse.delay_steps is not None:
            found.append("delay_rec")
    if layer.output == "state" and layer.neuron.SENDS:
        found.append("output (its output is spikes)")
    return found


@FIELDS.register(Cuba)
def _cuba(neuron: Cuba) -> list[str]:
    return ["bias_exp"] if neuron.bias_exp != NETX_BIAS_EXP and neuron.has_bias else []


@FIELDS.register(Delta)
def _delta(neuron: Delta) -> list[str]:
    return _encoder(neuron)


@FIELDS.register(SigmaDelta)
def _sigma_delta(neuron: SigmaDelta) -> list[str]:
    return [*(["activation"] if neuron.activation != "relu" else []), *_encoder(neuron)]


@FIELDS.register(Sigma)
def _sigma(neuron: Sigma) -> list[str]:
    return []


def _encoder(neuron: Delta | SigmaDelta) -> list[str]:
    other = {
        "spike_exp": neuron.spike_exp != SDNN_SPIKE_EXP,
        "state_exp": neuron.state_exp != SDNN_STATE_EXP,
        "cum_error": neuron.cumulative_error,
    }
    return [name for name, differs in other.items() if differs]


@FIELDS.register(RfIz)
@FIELDS.register(Rf)
def _resonator(neuron: Rf | RfIz) -> list[str]:
    return ["sinDecay and cosDecay (it computes them again from period and decay, up to 1/4096 lower)"]
