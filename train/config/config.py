"""Configuration of a training run: a frozen, validated value, complete when it is saved."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import WEIGHT_BITS
from myelin.train.config.alif import AlifConfig
from myelin.train.config.checks import require
from myelin.train.config.data import AugmentConfig, DataConfig
from myelin.train.config.delay import DelayConfig
from myelin.train.config.layers import MODELS
from myelin.train.config.layers import LayerConfig as LayerConfig
from myelin.train.config.layers import NeuronConfig as NeuronConfig
from myelin.train.config.layers import ReadoutConfig as ReadoutConfig
from myelin.train.config.sigma_delta import SigmaDeltaConfig

#: Version of this layout; increased when a field changes its meaning.
CONFIG_VERSION = 1
#: Name of a loss -> task of the data that it is for (``myelin.train.config.task``).
LOSSES = {"sum": "classes", "rate": "classes", "softmax": "classes", "steps": "steps", "mse": "trace"}
#: Schedules of the learning rates.
SCHEDULES = ("cosine", "one-cycle", "constant")


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation.

    Attributes:
        epochs: number of epochs.
        batch_size: samples per optimisation step, over all processes.
        seed: of all random numbers, 0 to below 2^32.
        learning_rate: learning rate of the weights.
        delay_rate: learning rate of the delays, in steps.
        decay_rate: learning rate of the decays, in units of 1/4096.
        schedule: ``cosine``, ``one-cycle`` (a rise during ``warmup``, then a cosine), or ``constant``.
        warmup: fraction of the run in which the learning rates rise.
        weight_decay: weight decay of the weights; delays and decays have none.
        clip_norm: upper bound on the norm of the gradient.
        dropout: probability that a neuron's feed-forward output is dropped for a whole sequence.
        recurrent_dropout: probability that a neuron's recurrent output is dropped for a whole sequence.
        loss: what is minimised; None: the default for the data's task.  For classes, ``sum`` (cross-entropy of the readout's
            mean over steps, in units of the threshold), ``rate`` (of a spiking readout's mean rate) or ``softmax`` (of the
            softmax averaged over steps); all predict the class with the highest sum, as on the chip.  For labels per step,
            ``steps`` (cross-entropy at each labelled step).  For traces, ``mse`` (mean squared error of the readout, in
            SLAYER's unit).  See ``myelin.train.run.objective``.
        logit_scale: factor on the readout before the softmax.
        label_smoothing: label smoothing of the cross-entropy.
        rate_penalty: weight of the penalty on layers' mean rates, in spikes per neuron and step: the square of the excess over
            ``rate_target`` plus the square of the shortfall below ``rate_floor``.
        rate_target: upper end of the range of rates without a penalty, in spikes per neuron and step.
        rate_floor: lower end of that range.
        slices: number of parts of a batch, each with its own forward and backward pass.  Processes share the parts; a process
            needs the memory of one part at a time.  The number of slices changes results by rounding, the number of processes
            does not.  None: one slice per process at the start of the run.
        device: ``cpu``, with compiled loops, or another torch device such as ``cuda`` or ``cuda:1``, with torch operations.
            With ``cuda``, each process on a machine takes its own GPU.
        recompute: whether to run the forward pass of each layer again in the backward pass, instead of storing what the layer
            needs for it: less memory for long samples, the same bits.
        weight_bits: grid of the weights in the forward pass, 2..8 bits; None: as fine as the target's, at most 8; 0: floats (a
            control that cannot be exported).
        norm_freeze_at: fraction of the run after which the statistics of norms stay as they are, so that the last epochs train
            the very integers that are exported; 1: never.
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
    norm_freeze_at: float = 0.8
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
        require("train.norm_freeze_at", self.norm_freeze_at, 0 <= self.norm_freeze_at <= 1, "0 to 1")
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

    Attributes:
        name: name of the run in messages and reports.
        target: hardware to train for, a name or the path of a TOML file.
        data, augment, neuron, layers, readout, delay, train, sigma_delta, alif: the sections; a kind of neurons that no layer
            has brings none.
        version: version of this layout.
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
    alif: AlifConfig | None = None
    version: int = CONFIG_VERSION

    @property
    def first_exportable_epoch(self) -> int:
        """First epoch with frozen delays, for every ``delay.rounding``; the last epoch if training ends before that."""
        return min(math.ceil(self.delay.freeze_at * self.train.epochs - 1e-9), self.train.epochs - 1)

    @property
    def neuron_models(self) -> tuple[str, ...]:
        """Names of the kinds of neurons, as a target lists them."""
        if self.sigma_delta is not None:
            return "delta", "sigma_delta", "sigma"
        return tuple(dict.fromkeys([*map(self.model_of, self.layers), "cuba"]))

    def model_of(self, layer: LayerConfig) -> str:
        """Kind of the neurons of ``layer``: its own, or that of the network's neurons."""
        return self.neuron.model if layer.neuron is None else layer.neuron

    def _fill_sections(self) -> None:
        """Give every kind of neurons that a layer has its section; ConfigError for one that no layer has."""
        used = {} if self.sigma_delta is not None else {name: MODELS[name] for name in map(self.model_of, self.layers)}
        for name, kind in MODELS.items():
            if kind is None:
                continue
            if name in used and getattr(self, name) is None:
                object.__setattr__(self, name, kind())
            if name not in used and getattr(self, name) is not None:
                raise ConfigError(f"there is a section {name} and no layer has such neurons; set neuron.model = {name!r}")

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
            for name in ("norm", "bias", "learn_threshold", "neuron"):
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
        self._fill_sections()
        require("version", self.version, self.version == CONFIG_VERSION, str(CONFIG_VERSION))
