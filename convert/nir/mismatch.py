"""What a reading of a NIR file changes, counted on random spikes: rounding to integers, and a reset that NIR cannot say.

NIR's neurons are set to ``v_reset`` when they spike.  Sinabs, Rockpool, Spyx and by default snnTorch subtract the threshold
instead, and their files do not say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatArray, FloatConv, FloatNetwork
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.network import Network

#: Random input: samples, steps, and densities, of which the first that makes the last spiking layer spike is used.
_SAMPLES, _STEPS, _DENSITIES = 4, 50, (0.1, 0.3, 0.9)
#: Upper bound on the synapses of a network that is measured: it takes about a second.
_MAX_SYNAPSES = 1 << 22


@dataclass(frozen=True, eq=False)
class SubtractingCuba(FloatCuba):
    """CUBA neurons whose voltage is lowered by the threshold when they spike, once per step.

    ``late``: the threshold is subtracted in the next step, after the decay, as Spyx's LIF and snnTorch's Leaky do.
    """

    late: bool = False

    def step(self, states: dict[str, FloatArray], x: FloatArray) -> tuple[dict[str, FloatArray], FloatArray]:
        """u, v and the spikes; see ``FloatCuba``."""
        u = (1 - self.current_decay) * states["u"] + x
        v = (1 - self.voltage_decay) * states["v"] + u + self.bias
        spikes = v > (np.inf if self.threshold is None else self.threshold)
        kept = 1 - self.voltage_decay if self.late else np.ones(())
        lost = (self.threshold or 0.0) / np.where(kept == 0, np.inf, kept)  # what is forgotten needs no reset
        return {"u": u, "v": v - spikes * lost}, spikes.astype(np.float64)


def subtracting(network: FloatNetwork, *, late: bool = False) -> FloatNetwork:
    """``network`` with resets by subtraction of the threshold; ``late`` as of ``SubtractingCuba``."""
    layers = []
    for layer in network.layers:
        neuron = layer.neuron
        if isinstance(neuron, FloatCuba) and neuron.threshold is not None:
            own = SubtractingCuba(neuron.threshold, neuron.current_decay, neuron.voltage_decay, neuron.bias, late)
            layer = replace(layer, neuron=own)
        layers.append(layer)
    return replace(network, layers=tuple(layers))


def notes(floats: FloatNetwork, network: Network) -> list[str]:
    """What the user must know of ``network``, rounded from ``floats``, with the share of the last spikes that it changes."""
    return [*_lost(floats, network), *_measured(floats, network)]


def _lost(floats: FloatNetwork, network: Network) -> list[str]:
    """Constants that say something else after rounding: thresholds that vanish, decays that are complete or vanish."""
    found = []
    for index, (layer, rounded) in enumerate(zip(floats.layers, network.layers, strict=True)):
        neuron, name = layer.neuron, f"layer {index} ({layer.kind})"
        if not isinstance(neuron, FloatCuba):
            continue
        if neuron.threshold and not getattr(rounded.neuron, "threshold", 1):
            found.append(f"{name}: its threshold, {neuron.threshold:g}, vanishes beside its weights and is 0")
        got = np.asarray(getattr(rounded.neuron, "voltage_decay", 1))
        if np.any(got == 4096):
            count = int(np.count_nonzero(np.broadcast_to(got, layer.shape) == 4096))
            found.append(
                f"{name}: {count} of {int(np.prod(layer.shape))} neurons keep nothing of their voltage from step to step"
            )
        gone = np.broadcast_to((got == 0) & (neuron.voltage_decay > 1e-6), layer.shape)
        if gone.any():
            found.append(f"{name}: {int(gone.sum())} of {gone.size} voltage decays are below 1/8192 a step and become 0")
    return found


def _measured(floats: FloatNetwork, network: Network) -> list[str]:
    spiking = [index for index, layer in enumerate(floats.layers) if layer.output == "spikes"]
    if not spiking:
        return []
    subtracts = "a simulator that subtracts the threshold at a spike, as Sinabs, Rockpool, Spyx and by default snnTorch do,"
    if _synapses(floats) > _MAX_SYNAPSES:
        return [f"spikes reset to v_reset, as NIR says: {subtracts} differs (not measured: the network is large)"]
    last = spiking[-1]
    plain, spikes = np.zeros(0), np.zeros(0)
    whole = floats.map_delays(np.rint)
    for density in _DENSITIES:
        shape = (_SAMPLES, _STEPS, *floats.input_shape)
        spikes = (np.random.default_rng(0).random(shape) < density).astype(np.int64)
        plain = simulate_floats(whole, spikes).layers[last]["spikes"]
        if plain.any():
            break
    if not plain.any():
        return [f"spikes reset to v_reset, as NIR says: {subtracts} may differ (not measured: random spikes make none here)"]
    from myelin.convert.simulator import simulate

    rounded = simulate(network, spikes, record={last: ("spikes",)}).layers[last]["spikes"]
    other, later = (simulate_floats(subtracting(whole, late=late), spikes).layers[last]["spikes"] for late in (False, True))
    return [
        f"on random spikes, rounding changes {_share(rounded, plain)} of the values of layer {last}",
        f"spikes reset to v_reset, as NIR says: {subtracts} has other values in {_share(other, plain)}, one that "
        f"subtracts it in the next step in {_share(later, plain)}",
    ]


def _synapses(floats: FloatNetwork) -> int:
    """Number of synapses, with each place of a convolution counted."""
    return sum(
        synapse.weight.size * (int(np.prod(layer.shape[1:])) if isinstance(synapse, FloatConv) else 1)
        for layer in floats.layers
        for synapse in layer.connections
    )


def _share(got: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> str:
    return f"{100 * np.count_nonzero(got != wanted) / wanted.size:.2g} %"
