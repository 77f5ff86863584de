"""Configuration of a training run: a frozen, validated value, complete when it is saved."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import NETX_BIAS_EXP, WEIGHT_BITS
from myelin.hw_configs.shapes import as_chw, convolved, cut_into_channels, half_kernel
from myelin.train.config.axes import Extent, is_extent, on_axes
from myelin.train.config.checks import require
from myelin.train.config.data import AugmentConfig, DataConfig
from myelin.train.config.delay import DELAY_KINDS, DelayConfig
from myelin.train.config.sigma_delta import SigmaDeltaConfig

#: Version of this layout; increased when a field changes its meaning.
CONFIG_VERSION = 1
#: Name of a loss -> task of the data that it is for (``myelin.train.config.task``).
LOSSES = {"sum": "classes", "rate": "classes", "softmax": "classes", "steps": "steps", "mse": "trace"}
#: Schedules of the learning rates.
SCHEDULES = ("cosine", "one-cycle", "constant")


@dataclass(frozen=True)
class NeuronConfig:
    """Arguments of ``myelin.train.neurons.Cuba``, documented and checked there.

    ``bias`` (one per neuron, in a conv layer per channel) and ``learn_threshold`` are those of layers that say nothing; the
    readout has its own.
    """

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
        kernel, stride: size and step of a conv layer's kernel: (vertical, horizontal), or one number for every axis of the
            previous layer (a row has only the horizontal axis).  The input is zero padded by half a kernel at every edge.
        recurrent: ``none``, ``dense`` (DelRec) or ``conv`` (ConvDelRec).
        taps: size of the recurrent kernel, given like ``kernel``; odd.
        recurrent_delay_per: ``neuron`` or ``channel``, each of which has one recurrent axonal delay.
        recurrent_delay: ``learned``, or a control: ``fixed`` (the initial random delays) or ``zero``.
        delay_per: ``none``, ``neuron`` or ``channel``, each of which has one feed-forward axonal delay.
        delay: as ``recurrent_delay``, for the feed-forward delays.
        gain, recurrent_gain: scale of the initial weights, in units of the threshold.
        threshold: of this layer's neurons, see ``Cuba``; None: ``neuron.threshold``.
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
        current_decay, voltage_decay, threshold: see ``Cuba``.
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


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation.

    Attributes:
        epochs: number of epochs.
        batch_size: samples per optimisation step, over all processes.
        seed: of all random numbers, 0 to below 2^32.
        learning_rate, delay_rate, decay_rate: learning rates of weights, delays (steps) and decays (units of 1/4096).
        schedule: ``cosine``, ``one-cycle`` (a rise during ``warmup``, then a cosine), or ``constant``.
        warmup: fraction of the run in which the learning rates rise.
        weight_decay: weight decay of the weights; delays and decays have none.
        clip_norm: upper bound on the norm of the gradient.
        dropout, recurrent_dropout: probability that a neuron's output is dropped for a whole sequence.
        loss: for classes, ``sum`` (cross-entropy of the readout's mean over steps, in units of the threshold), ``rate`` (of a
            spiking readout's mean rate) or ``softmax`` (of the softmax averaged over steps); all predict the class with the
            highest sum, as on the chip.  For labels per step, ``steps`` (cross-entropy at each labelled step).  For traces,
            ``mse`` (mean squared error of the readout, in SLAYER's unit).  None: the default for the data's task
            (``myelin.train.run.objective``).
        logit_scale: factor on the readout before the softmax.
        label_smoothing: label smoothing of the cross-entropy.
        rate_penalty: weight of the penalty on layers' mean rates, in spikes per neuron and step: the square of the excess over
            ``rate_target`` plus the square of the shortfall below ``rate_floor``.
        rate_target, rate_floor: upper and lower end of the range of rates without a penalty.
        slices: number of parts of a batch, each with its own forward and backward pass.  Processes share the parts; a process
            needs the memory of one part at a time.  The number of slices changes results by rounding, the number of processes
            does not.  None: one slice per process at the start of the run.
        device: ``cpu``, with compiled loops, or another torch device such as ``cuda`` or ``cuda:1``, with torch operations.
            With ``cuda``, each process on a machine takes its own GPU.
        recompute: whether to run the forward pass of each layer again in the backward pass, instead of storing what the layer
            needs for it: less memory for long samples, the same bits.
        weight_bits: grid of the weights in the forward pass, 2..8 bits; None: as fine as the target's, at most 8; 0: floats (a
            control that cannot be exported).
        freeze: names of parts that are not trained (``myelin.train.run.freeze``), such as ``layers.0`` or ``readout.synapse``.
    """

    epochs: int = 50
    batch_size: int = 64
    seed: int = 0
    learning_rate: float = 2e-3
    delay_rate: float = 0.1
    decay_rate: float = 10.0
    schedule: str = "one-cycle"
    warmup: float = 0.2
    weight_decay: float = 1e-5
    clip_norm: float = 1.0
    dropout: float = 0.1
    recurrent_dropout: float = 0.2
    loss: str | None = None
    logit_scale: float = 1.0
    label_smoothing: float = 0.0
    rate_penalty: float = 0.0
    rate_target: float = 0.1
    rate_floor: float = 0.0
    slices: int | None = None
    device: str = "cpu"
    recompute: bool = False
    weight_bits: int | None = None
    freeze: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require("train.epochs", self.epochs, self.epochs >= 1, "at least 1")
        require("train.batch_size", self.batch_size, self.batch_size >= 1, "at least 1")
        for name in ("learning_rate", "delay_rate", "decay_rate", "weight_decay", "rate_penalty"):
            require(f"train.{name}", getattr(self, name), getattr(self, name) >= 0, "0 or more")
        ordered = 0 <= self.rate_floor <= self.rate_target
        require("train.rate_floor", self.rate_floor, ordered, f"0 to rate_target = {self.rate_target:g}")
        weighted = self.rate_floor == 0 or self.rate_penalty > 0
        require("train.rate_floor", self.rate_floor, weighted, "with rate_penalty = 0, 0")
        require("train.slices", self.slices, self.slices is None or self.slices >= 1, "at least 1")
        require("train.seed", self.seed, 0 <= self.seed < 2**32, "0 to below 2^32")
        require("train.clip_norm", self.clip_norm, self.clip_norm > 0, "more than 0")
        for name in ("warmup", "dropout", "recurrent_dropout", "label_smoothing"):
            require(f"train.{name}", getattr(self, name), 0 <= getattr(self, name) < 1, "0 to below 1")
        require("train.schedule", self.schedule, self.schedule in SCHEDULES, ", ".join(SCHEDULES))
        require("train.loss", self.loss, self.loss is None or self.loss in LOSSES, ", ".join(LOSSES))
        smooth = self.label_smoothing == 0 or self.loss not in ("softmax", "mse")
        require("train.label_smoothing", self.label_smoothing, smooth, f"with loss = {self.loss!r}, 0")
        scaled = self.logit_scale == 1 or self.loss != "mse"
        require("train.logit_scale", self.logit_scale, scaled, "with loss = 'mse', 1")
        allowed = (None, 0, *range(2, WEIGHT_BITS + 1))
        require("train.weight_bits", self.weight_bits, self.weight_bits in allowed, f"2..{WEIGHT_BITS}, or 0 for floats")

    @property
    def slices_or_one(self) -> int:
        """``slices``; 1 if it is None."""
        return 1 if self.slices is None else self.slices

    @property
    def grid_bits(self) -> int:
        """``weight_bits``; those of the finest grid if it is None."""
        return WEIGHT_BITS if self.weight_bits is None else self.weight_bits


@dataclass(frozen=True)
class Config:
    """Everything that determines a run except the data.

    None leaves a value to the target.  ``myelin.train.config.target.resolve_for_target`` fills it in before training, so a
    saved run is complete.  Neurons are CUBA neurons (``neuron``), or sigma-delta neurons if there is a section ``sigma_delta``.
    """

    name: str = "run"
    target: str = "loihi2"
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    neuron: NeuronConfig = field(default_factory=NeuronConfig)
    layers: tuple[LayerConfig, ...] = (LayerConfig(), LayerConfig())
    readout: ReadoutConfig = field(default_factory=ReadoutConfig)
    delay: DelayConfig = field(default_factory=DelayConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    sigma_delta: SigmaDeltaConfig | None = None
    version: int = CONFIG_VERSION

    @property
    def first_exportable_epoch(self) -> int:
        """First epoch with frozen delays, for every ``delay.rounding``; the last epoch if training ends before that."""
        return min(math.ceil(self.delay.freeze_at * self.train.epochs - 1e-9), self.train.epochs - 1)

    @property
    def neuron_models(self) -> tuple[str, ...]:
        """Names of the kinds of neurons, as a target lists them."""
        return ("cuba",) if self.sigma_delta is None else ("delta", "sigma_delta", "sigma")

    def threshold_of(self, layer: LayerConfig) -> float:
        """Threshold of the neurons of ``layer``: its own, or that of the network's neurons."""
        shared = self.neuron if self.sigma_delta is None else self.sigma_delta
        return shared.threshold if layer.threshold is None else layer.threshold

    def _check_sigma_delta(self) -> None:
        if self.sigma_delta is None:
            return
        readout = ReadoutConfig(pool=self.readout.pool, gain=self.readout.gain)
        for section, given, usual in (("neuron", self.neuron, NeuronConfig()), ("readout", self.readout, readout)):
            for item in fields(usual):
                value, own = getattr(given, item.name), getattr(usual, item.name)
                held = f"with a section sigma_delta, whose neurons have no such constant, {own}"
                require(f"{section}.{item.name}", value, value == own, held)
        for index, layer in enumerate(self.layers):
            held = "with sigma-delta neurons, none"
            require(f"layers.{index}.recurrent", layer.recurrent, layer.recurrent == "none", held)
            for name in ("norm", "bias", "learn_threshold"):
                value, own = getattr(layer, name), getattr(LayerConfig(), name)
                require(f"layers.{index}.{name}", value, value == own, f"with a section sigma_delta, {own}")
            if layer.threshold is not None:
                replace(self.sigma_delta, threshold=layer.threshold)  # checks it

    @property
    def parts(self) -> tuple[LayerConfig | ReadoutConfig, ...]:
        """The layers, and the readout."""
        return *self.layers, self.readout

    def has_bias(self, part: LayerConfig | ReadoutConfig) -> bool:
        """Whether the neurons of a layer, or of the readout, learn a bias."""
        if part.bias is not None:
            return part.bias
        return part.norm != "none" or (isinstance(part, LayerConfig) and self.neuron.bias)

    def learns_threshold(self, part: LayerConfig | ReadoutConfig) -> bool:
        """Whether the threshold of a layer, or of the readout, is learnt."""
        return self.neuron.learn_threshold if part.learn_threshold is None else part.learn_threshold

    def __post_init__(self) -> None:
        require("layers", len(self.layers), len(self.layers) >= 1, "at least one layer")
        pools = self.readout.pool == "none" or self.layers[-1].channels > 1
        require("readout.pool", self.readout.pool, pools, "with a last layer of one channel, none")
        epochs, harden_at = self.train.epochs, self.delay.harden_at
        last = (epochs - 1) / epochs
        if self.delay.learn and self.delay.rounding != "straight-through" and last < harden_at:
            least = math.ceil(1 / (1 - harden_at)) if harden_at < 1 else math.inf
            raise ConfigError(
                f"train.epochs is {epochs} and delay.harden_at {harden_at:g}: delays would be spread in every epoch, none "
                f"could be exported; train at least {least} epochs, or set delay.harden_at to {last:g} or less"
            )
        self._check_sigma_delta()
        require("version", self.version, self.version == CONFIG_VERSION, str(CONFIG_VERSION))
