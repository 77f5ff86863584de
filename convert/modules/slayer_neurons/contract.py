"""What the reader of SLAYER's blocks asks of a class of neurons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from myelin.convert.arrays import Shape
from myelin.convert.floats.neuron import FloatNeuron
from myelin.convert.modules.known import known_class, require_unchanged
from myelin.convert.modules.reading import ReadModule
from myelin.convert.modules.slayer_blocks.attributes import Treatments, require_considered
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError

#: Blocks that are read in the same way for every class of neurons.
COMMON_BLOCKS = ("Flatten", "Dense", "Conv", "Pool", "ConvT", "Unpool", "Recurrent", "KWTA", "Average")


@dataclass(frozen=True)
class NeuronPlace:
    """Where the neurons of a block stand, as far as it matters to what they compute.

    Attributes:
        stepwise: whether the block calls its neurons once for each step (Recurrent, KWTA), so that what they keep between
            calls counts.
        early_steps: steps in which the chip's neurons already run, on their bias alone, before the first step of the block's.
        cure: what the user can do about ``early_steps``.
    """

    stepwise: bool
    early_steps: int
    cure: str


#: (entry, found, block, path, raw): appends to ``found`` what ``block`` computes; ``raw`` as in ``slayer.read_into``.
BlockReader = Callable[["SlayerNeuron", ReadModule, Any, str, bool], None]


@dataclass(frozen=True)
class SlayerNeuron:
    """How one class of SLAYER's neurons is read, and the blocks made of them.

    Attributes:
        package: name of the modules ``slayer.neuron.<package>`` and ``slayer.block.<package>``.
        label: the neurons in messages, as ``CUBA``.
        attributes: every attribute of ``Neuron``, and how it is treated, see ``slayer_blocks.attributes``.
        check: raises NetworkError if something on a neuron is computed otherwise than ``read`` reads it.
        read: the neurons of a population, from (neuron, shape, spiking, dynamics): shape of the population; whether it sends
            spikes, or is a readout of states; whether the neurons run at all, or only the weighted sum is wanted.  An integer
            neuron is allowed where floats make no sense.
        blocks: blocks of ``package`` that are read as those of every class.
        own_blocks: blocks of ``package`` with a reader of their own, by name; they may replace one of ``COMMON_BLOCKS``.
        parts: from a synapse and the kind of its block, the real synapses it consists of by the name that follows its own in
            messages: itself by "", or those of a complex one.
        gain: the factor on the weights, such as that of a norm, from the neuron.
        inexact: why the integers are not exactly what the block computes although the values are, or None, from (neuron, what
            ``read`` returned, the neurons' place); raises NetworkError if no floats compute it either.
    """

    package: str
    label: str
    attributes: Treatments
    check: Callable[[Any], None]
    read: Callable[[Any, Shape, bool, bool], FloatNeuron | Neuron]
    blocks: tuple[str, ...] = COMMON_BLOCKS
    own_blocks: Mapping[str, BlockReader] = field(default_factory=dict)
    parts: Callable[[Any, str], Mapping[str, Any]] = lambda synapse, kind: {"": synapse}
    gain: Callable[[Any], float] = lambda neuron: 1.0
    inexact: Callable[[Any, Any, NeuronPlace], str | None] = lambda neuron, read, place: None

    @property
    def neuron(self) -> str:
        """Full name of the class of neurons."""
        return f"lava.lib.dl.slayer.neuron.{self.package}.Neuron"

    @property
    def readable(self) -> tuple[str, ...]:
        """Names of the blocks that can be read."""
        return tuple(dict.fromkeys((*self.own_blocks, *self.blocks)))

    def require_plain(self, neuron: Any) -> None:
        """Raise NetworkError unless ``neuron`` is of this class, without anything that changes what it computes."""
        known = known_class(neuron, (self.neuron,))
        if known is None:
            kind = type(neuron).__module__.removeprefix("lava.lib.dl.slayer.")
            raise NetworkError(
                f"it has {kind}.{type(neuron).__name__} neurons; {self.label} neurons (slayer.neuron.{self.package}) can "
                "be read"
            )
        require_unchanged("its neuron", neuron, known)
        require_considered("its neuron", neuron, known, self.attributes)
        self.check(neuron)
