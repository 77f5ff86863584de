"""The sections ``neuron``, ``layers`` and ``readout`` of a configuration."""

from __future__ import annotations

from dataclasses import dataclass

from myelin.hw_configs.fixed_point import NETX_BIAS_EXP
from myelin.hw_configs.shapes import as_chw, convolved, cut_into_channels, half_kernel
from myelin.train.config.alif import AlifConfig
from myelin.train.config.axes import Extent, is_extent, on_axes
from myelin.train.config.checks import require
from myelin.train.config.delay import DELAY_KINDS

#: Kinds of neurons in layers -> class of the section with their own constants; None: they have those of ``neuron`` only.
MODELS: dict[str, type | None] = {"cuba": None, "alif": AlifConfig}


@dataclass(frozen=True)
class NeuronConfig:
    """The kind of the layers' neurons, and arguments of ``myelin.train.neurons.Cuba``, which checks them.

    The readout consists of CUBA neurons with constants of its own.

    Attributes:
        model: kind of layers that say nothing, one of ``MODELS``; other kinds than ``cuba`` take further constants from the
            section of that name.
        threshold: in SLAYER's units; a multiple of 1/64.
        current_decay: fraction of the current lost per step, 0..1, at the start of training.
        voltage_decay: fraction of the voltage lost per step, 0..1, at the start of training.
        per_neuron: whether each neuron (each channel of a conv layer) has decays of its own.
        spread: with ``per_neuron``, initial decays are uniform within +- this fraction of their value.
        learn_decays: whether decays are trained.
        current_decay_min: smallest decay of the current, in 1/4096; None: the target's.
        current_decay_max: largest decay of the current, in 1/4096; None: the target's.
        voltage_decay_min: smallest decay of the voltage, in 1/4096; None: the target's.
        voltage_decay_max: largest decay of the voltage, in 1/4096; None: the target's.
        surrogate: derivative of the spike in the backward pass: ``atan``, ``exponential`` or ``triangle``.
        width: width of the surrogate.
        scale: height of the surrogate.
        bias: whether neurons (in a conv layer, channels) of layers that say nothing learn a bias.
        bias_exp: exponent of the bias; stock netx knows 6 alone.
        learn_threshold: whether layers that say nothing learn their threshold.
        threshold_max: largest learnt threshold, in 1/64; None: the target's.
    """

    model: str = "cuba"
    threshold: float = 1.0
    current_decay: float = 0.5
    voltage_decay: float = 0.1
    per_neuron: bool = False
    spread: float = 0.0
    learn_decays: bool = False
    current_decay_min: int | None = None
    current_decay_max: int | None = None
    voltage_decay_min: int | None = None
    voltage_decay_max: int | None = None
    surrogate: str = "atan"
    width: float = 1.0
    scale: float = 1.0
    bias: bool = False
    bias_exp: int = NETX_BIAS_EXP
    learn_threshold: bool = False
    threshold_max: int | None = None

    def __post_init__(self) -> None:
        require("neuron.model", self.model, self.model in MODELS, " or ".join(MODELS))


#: How a layer's feed-forward input may be normalised.
NORMS = ("none", "batch")
#: Added to the variance of a normalised input, as in torch.
NORM_EPS = 1e-5


@dataclass(frozen=True)
class LayerConfig:
    """One hidden layer.

    Attributes:
        kind: the feed-forward connection, ``dense`` or ``conv``.
        neurons: number of neurons of a dense layer.
        channels: channels of a conv layer; for a dense layer with convolutional recurrence, the channels it is cut into.
        kernel: size of a conv layer's kernel: (vertical, horizontal), or one number for every axis of the previous layer (a
            row has only the horizontal axis).  The input is zero padded by half a kernel at every edge.
        stride: step of a conv layer's kernel, given like ``kernel``.
        recurrent: ``none``, ``dense`` (DelRec) or ``conv`` (ConvDelRec).
        taps: size of the recurrent kernel, given like ``kernel``; odd.
        recurrent_delay_per: ``neuron`` or ``channel``, each of which has one recurrent axonal delay.
        recurrent_delay: ``learned``, or a control: ``fixed`` (the initial random delays) or ``zero``.
        delay_per: ``none``, ``neuron`` or ``channel``, each of which has one feed-forward axonal delay.
        delay: as ``recurrent_delay``, for the feed-forward delays.
        gain: scale of the initial feed-forward weights, in units of the threshold.
        recurrent_gain: scale of the initial recurrent weights, in units of the threshold.
        neuron: kind of this layer's neurons; None: ``neuron.model``.
        threshold: of this layer's neurons, in SLAYER's units; None: ``neuron.threshold``.
        norm: ``batch``: the feed-forward input is normalised over batch and time, and folded into weights and bias before they
            are rounded (``myelin.train.layers.norm``); ``none``.
        bias: whether the neurons learn a bias; None: ``neuron.bias``, and yes with a norm.
        learn_threshold: whether the layer's threshold is learnt; None: ``neuron.learn_threshold``.
    """

    kind: str = "dense"
    neurons: int = 256
    channels: int = 1
    kernel: Extent = 5
    stride: Extent = 1
    recurrent: str = "conv"
    taps: Extent = 3
    recurrent_delay_per: str = "neuron"
    recurrent_delay: str = "learned"
    delay_per: str = "none"
    delay: str = "learned"
    gain: float = 1.0
    recurrent_gain: float = 0.5
    neuron: str | None = None
    threshold: float | None = None
    norm: str = "none"
    bias: bool | None = None
    learn_threshold: bool | None = None

    def __post_init__(self) -> None:
        require("layers.kind", self.kind, self.kind in ("dense", "conv"), "dense or conv")
        require("layers.norm", self.norm, self.norm in NORMS, " or ".join(NORMS))
        require("layers.recurrent", self.recurrent, self.recurrent in ("none", "dense", "conv"), "none, dense or conv")
        require("layers.neurons", self.neurons, self.neurons >= 1, "at least 1")
        require("layers.channels", self.channels, self.channels >= 1, "at least 1")
        require("layers.neuron", self.neuron, self.neuron is None or self.neuron in MODELS, " or ".join(MODELS))
        divides = self.kind == "conv" or self.neurons % self.channels == 0
        require("layers.channels", self.channels, divides, f"a divisor of the {self.neurons} neurons")
        for name in ("kernel", "stride"):
            size = getattr(self, name)
            require(f"layers.{name}", size, is_extent(size), "at least 1, or a pair [vertical, horizontal] of such,")
        require("layers.taps", self.taps, is_extent(self.taps, odd=True), "an odd number, or a pair of them,")
        per = ("neuron", "channel")
        require("layers.recurrent_delay_per", self.recurrent_delay_per, self.recurrent_delay_per in per, "neuron or channel")
        require("layers.delay_per", self.delay_per, self.delay_per in ("none", *per), "none, neuron or channel")
        for name in ("recurrent_delay", "delay"):
            require(f"layers.{name}", getattr(self, name), getattr(self, name) in DELAY_KINDS, ", ".join(DELAY_KINDS))

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the layer's neurons: (neurons,), or (channels, height, width) for a layer with channels."""
        if self.kind == "dense":
            return cut_into_channels(self.neurons, self.channels)
        _, height, width = as_chw(input_shape)
        kernel, stride = on_axes(self.kernel, height), on_axes(self.stride, height)
        return self.channels, *convolved((height, width), kernel, stride, half_kernel(kernel))


@dataclass(frozen=True)
class ReadoutConfig:
    """The last layer: one neuron per class.

    Attributes:
        pool: ``average``: all neurons in a channel of the previous layer share a weight; ``none``: each has its own weight.
        spiking: True: spikes are counted; False: voltages of leaky integrators are summed.
        threshold: of a spiking readout, in SLAYER's units; a multiple of 1/64.
        current_decay: fraction of the current lost per step, 0..1.
        voltage_decay: fraction of the voltage lost per step, 0..1.
        gain: scale of the initial weights, in units of the hidden neurons' threshold.
        norm: as in a layer.
        bias: whether the neurons learn a bias; None: with a norm.
        learn_threshold: whether the threshold of a spiking readout is learnt.
    """

    pool: str = "none"
    spiking: bool = False
    threshold: float = 1.0
    current_decay: float = 1.0
    voltage_decay: float = 0.05
    gain: float = 1.0
    norm: str = "none"
    bias: bool | None = None
    learn_threshold: bool = False

    def __post_init__(self) -> None:
        require("readout.pool", self.pool, self.pool in ("none", "average"), "none or average")
        require("readout.norm", self.norm, self.norm in NORMS, " or ".join(NORMS))
        learns = self.spiking or not self.learn_threshold
        require("readout.learn_threshold", self.learn_threshold, learns, "with spiking = false, false")
