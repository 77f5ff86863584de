"""A network laid out as C: its populations from the input to the output, their connections, and all memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.c99.layers import CLink, ConnectionCode, connection_code
from myelin.convert.c99.memory import Array, struct_bytes
from myelin.convert.c99.neurons import NEURONS, CPopulation, NeuronCode
from myelin.convert.c99.rings import Ring, counter, uniform, value_type
from myelin.convert.mapping.activity import Activity, Counts
from myelin.convert.network import Network, naming_layer
from myelin.convert.neurons import Neuron
from myelin.convert.synapses import Connection, connections

#: Index of a layer (-1: the input's neurons, None: the input itself) -> share of its neurons that send in a step.
Densities = Mapping[int | None, float]


@dataclass(frozen=True, eq=False)
class CStage:
    """A population with its incoming connections.

    Attributes:
        index: of the layer; -1 for the input's neurons.
        own: where it stands.
        neuron: its constants.
        code: its neurons as C.
        incoming: its connections with any weight, the feed-forward one first.
        sends: the rings that it sends into.
        phase: its place among the populations, which says when a reset interval resets it.
    """

    index: int
    own: CPopulation
    neuron: Neuron
    code: NeuronCode
    incoming: list[ConnectionCode]
    sends: list[Ring] = field(default_factory=list)
    phase: int = 0


@dataclass(frozen=True, eq=False)
class Program:
    """A network as C.

    Attributes:
        network: the network.
        stages: its populations, the input's neurons first.
        input_rings: rings that the input itself sends into.
        output_ring: where spikes wait that leave the network after an axonal delay; None without one.
    """

    network: Network
    stages: list[CStage]
    input_rings: list[Ring]
    output_ring: Ring | None

    @property
    def input_type(self) -> str | None:
        """Type of an input value; None for spikes, one bit each."""
        source = self.network.input
        if source.neuron is None and not source.message_bits:
            return None
        return value_type(source.min_value, source.max_value)

    @property
    def output_type(self) -> str:
        """Type of an output value."""
        return "uint8_t" if self.network.output_dtype is np.uint8 else "int32_t"

    @property
    def rings(self) -> list[Ring]:
        """All rings."""
        found = [code.ring for stage in self.stages for code in stage.incoming]
        return found if self.output_ring is None else [*found, self.output_ring]

    @cached_property
    def state(self) -> list[Array]:
        """All arrays in RAM."""
        layers = [stage for stage in self.stages if stage.own.drive is None]
        widest = max(stage.own.neurons * len(stage.neuron.INPUTS) for stage in layers)
        parts = [code.link.targets for stage in layers for code in stage.incoming if code.finishes]
        lengths = sorted({ring.length for ring in self.rings if ring.length > 1})
        return [
            Array("sum", "uint32_t", widest, "summed input of the layer that is computed", "network"),
            *([Array("part", "uint32_t", max(parts), "summed input of one of its connections", "network")] if parts else []),
            *(array for stage in self.stages for array in stage.code.states),
            *(ring.state for ring in self.rings),
            *(counter(length) for length in lengths),
        ]

    @cached_property
    def constants(self) -> list[Array]:
        """All arrays in flash, without those of the helping functions."""
        codes = [code for stage in self.stages for code in stage.incoming]
        return [
            *(array for code in codes for array in code.constants),
            *(array for stage in self.stages for array in stage.code.constants),
            *(array for ring in self.rings for array in ring.constants),
        ]

    @property
    def ram_bytes(self) -> int:
        """Size of the state, without a reset interval."""
        return struct_bytes(self.state)


def program(network: Network, densities: Densities | None = None) -> Program:
    """``network`` laid out as C.

    Args:
        network: the network.
        densities: measured activity, which chooses between loops over spikes and over all sources of graded input.

    Raises:
        NetworkError: a population or a connection has no code; the message names it.
    """
    known = densities or {}
    stages: list[CStage] = []
    input_rings: list[Ring] = []
    sent: list[tuple[int, Ring]] = []  # who sends into which ring; -2 is the input
    source = network.input
    if source.neuron is not None:
        drive = f"(({source.weight & 0xFFFFFFFF}u * (uint32_t)input->value[i]) + {source.bias & 0xFFFFFFFF}u)"
        own = CPopulation("input_neurons", "input neurons", source.shape, 0, drive, False)
        stages.append(CStage(-1, own, source.neuron, NEURONS.of(source.neuron)(source.neuron, own), []))
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            codes = [connection_code(_link(network, index, one, known)) for one in connections(network, index)]
            incoming = [code for code in codes if code is not None]
            unit = min((code.exponent for code in incoming), default=0)
            part = f"layer {index} ({layer.kind})"
            own = CPopulation(f"layer{index}", part, layer.shape, unit, None, layer.output == "state")
            made = NEURONS.of(layer.neuron)(layer.neuron, own)
        stages.append(CStage(index, own, layer.neuron, made, incoming, phase=len(stages)))
        before = index - 1 if index or source.neuron is not None else -2
        sent += [(index if code.link.recurrent else before, code.ring) for code in incoming]
    by_index = {stage.index: stage for stage in stages}
    for index, ring in sent:
        (input_rings if index == -2 else by_index[index].sends).append(ring)
    return Program(network, stages, input_rings, _output_ring(network))


def densities_of(activity: Activity) -> dict[int | None, float]:
    """The share of neurons that send in a step, from measured activity."""
    steps = activity.samples * activity.steps
    sent: list[tuple[int | None, Counts]] = [(None, activity.entered), *activity.sent.items()]
    return {index: float(counts.sum()) / (steps * counts.size) for index, counts in sent}


def _output_ring(network: Network) -> Ring | None:
    layer, index = network.layers[-1], len(network.layers) - 1
    if layer.output != "spikes" or not layer.delay_steps.any():
        return None
    ctype = "int32_t" if layer.neuron.GRADED else None
    delays: IntArray = uniform(np.ascontiguousarray(layer.delays))
    part = f"layer {index} ({layer.kind})"
    return Ring("output_ring", layer.neurons, ctype, False, delays, 0, part)


def _link(network: Network, index: int, connection: Connection, densities: Densities) -> CLink:
    layer = network.layers[index]
    source: int | None = index if connection.recurrent else index - 1
    if source == -1 and network.input.neuron is None:
        source = None
    if source is None:
        low, high = network.input.min_value, network.input.max_value
        ctype = value_type(low, high) if network.input.message_bits else None
        highest: int | None = high
    else:
        neuron = network.neuron(source)
        assert neuron is not None
        ctype, highest = ("int32_t", None) if neuron.GRADED else (None, 1)
    return CLink(
        name=f"layer{index}_{'recurrent' if connection.recurrent else 'forward'}",
        part=f"layer {index} ({layer.kind})",
        synapse=connection.synapse,
        shape=connection.shape,
        target=layer.shape,
        axonal=connection.axonal,
        recurrent=connection.recurrent,
        ctype=ctype,
        highest=highest,
        density=densities.get(source),
    )
