"""A hardware target as data: the frozen, validated ``Target``.  ``myelin.hw_configs.target_files`` reads it from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from myelin.hw_configs.controller import Controller
from myelin.hw_configs.costs import Events, SynapsePacking
from myelin.hw_configs.errors import TargetError

#: Names of the neurons and connections that a target file may list as supported; networks use the same names.
NEURON_MODELS = ("cuba", "alif", "delta", "sigma_delta", "sigma", "rf", "rf_iz")
LAYER_KINDS = ("dense", "conv", "recurrent dense", "recurrent conv")


#: Numbers that may be negative, and numbers that are at least 1.
_SIGNED = ("weight_exp_min", "bias_mant_min")
_POSITIVE = (
    "chips",
    "weight_bits",
    "state_bits",
    "cores_per_chip",
    "usable_cores_per_chip",
    "cores_per_tile",
    "neurons_per_core",
    "neuron_configs_per_core",
    "core_memory_bytes",
    "delay_slots_per_core",
    "axons_in_per_core",
    "axons_out_per_core",
)


@dataclass(frozen=True)
class Target:
    """Limits of a chip, a board or a simulator.  None means "not public"; rules then report "not public, not checked".

    Attributes:
        name: short name, for ``--target``.
        title: full name.
        chip: name of the chip on a board; for a chip, its own name.
        chips: number of chips.
        simulator: whether it is a simulator without hardware, so that cores, memory and axons have no meaning.
        weight_bits: bits of a signed synaptic weight; weights of one sign use the sign bit too.
        weight_exp_min, weight_exp_max: range of the exponent of a connection's weights.
        delay_steps_max: longest delay between a spike and its arrival, in steps beyond the one that every connection takes.
        current_decay_min, current_decay_max, voltage_decay_min, voltage_decay_max: decays in 1/4096 per step.
        threshold_max: mantissa, in units of 64 states.
        bias_mant_min, bias_mant_max, bias_exp_max: bias is ``bias_mant << bias_exp``.
        message_bits_max: payload of a spike in bits; 0: spikes are 0 or 1.
        state_bits: bits of u and v, sign included.
        cores_per_chip, usable_cores_per_chip: nominal number of neurocores, and number that a mapping may use.
        cores_per_tile: neurocores that share a router.
        neurons_per_core: neurons that one core updates.
        neuron_configs_per_core: number of different sets of decays that the neurons of one core may have.
        core_memory_bytes: synapse memory of a core (Loihi 1), or memory shared with neuron states (Loihi 2).
        delay_slots_per_core: number of sums of delayed input that a core keeps; a neuron with input delays up to d steps takes
            the power of two above d + 1: one slot for each step of arrival, and one that is being read.
        axons_in_per_core, axons_out_per_core: routing entries of a core.
        embedded_cores_per_chip: x86 cores on the chip.
        step_ns_min: shortest step of the whole chip, in nanoseconds.
        neuron_models, layer_kinds: supported neurons and connections, from NEURON_MODELS and LAYER_KINDS.
        conv_weights_shared: whether the neurons of a core share the kernels of a convolution; otherwise it is unrolled.
        packing: layout of synapses in memory.
        events: costs of events.
        controller: the microcontroller that runs a network as C; None for chips with neurocores and the simulator.
        sources: source of each given value, by name (``packing.header_bits``, ``events.hop_east_west``).
    """

    name: str
    title: str
    chip: str = ""
    chips: int | None = None
    simulator: bool = False
    weight_bits: int | None = None
    weight_exp_min: int | None = None
    weight_exp_max: int | None = None
    delay_steps_max: int | None = None
    current_decay_min: int | None = None
    current_decay_max: int | None = None
    voltage_decay_min: int | None = None
    voltage_decay_max: int | None = None
    threshold_max: int | None = None
    bias_mant_min: int | None = None
    bias_mant_max: int | None = None
    bias_exp_max: int | None = None
    message_bits_max: int | None = None
    state_bits: int | None = None
    cores_per_chip: int | None = None
    usable_cores_per_chip: int | None = None
    cores_per_tile: int | None = None
    neurons_per_core: int | None = None
    neuron_configs_per_core: int | None = None
    core_memory_bytes: int | None = None
    delay_slots_per_core: int | None = None
    axons_in_per_core: int | None = None
    axons_out_per_core: int | None = None
    embedded_cores_per_chip: int | None = None
    step_ns_min: int | None = None
    neuron_models: tuple[str, ...] | None = None
    layer_kinds: tuple[str, ...] | None = None
    conv_weights_shared: bool | None = None
    packing: SynapsePacking | None = None
    events: Events | None = None
    controller: Controller | None = None
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not self.chip:
            object.__setattr__(self, "chip", self.name)
        for name in number_fields():
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int):
                raise TargetError(f"target {self.name}: {name} is {value!r}; a whole number is allowed")
            least = 1 if name in _POSITIVE else 0
            if value < least and name not in _SIGNED:
                raise TargetError(f"target {self.name}: {name} is {value}; {least} or more is allowed")
        usable, cores = self.usable_cores_per_chip, self.cores_per_chip
        if usable is not None and cores is not None and usable > cores:
            raise TargetError(
                f"target {self.name}: usable_cores_per_chip is {usable}, above cores_per_chip, which is {cores}; state both"
            )
        for low in number_fields():
            high = low.removesuffix("_min") + "_max"
            if low.endswith("_min") and high in number_fields():
                bottom, top = getattr(self, low), getattr(self, high)
                if bottom is not None and top is not None and bottom > top:
                    raise TargetError(f"target {self.name}: {low} is {bottom}, above {high}, which is {top}")

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the values that are not public."""
        return tuple(name for name in known_fields() if getattr(self, name) is None)

    @property
    def has_cores(self) -> bool:
        """Whether neurocores run the network; otherwise cores, core memory and axons have no meaning."""
        return not self.simulator and self.controller is None

    @property
    def flash_bytes(self) -> int | None:
        """Flash of a microcontroller."""
        return None if self.controller is None else self.controller.flash_bytes

    @property
    def ram_bytes(self) -> int | None:
        """RAM of a microcontroller."""
        return None if self.controller is None else self.controller.ram_bytes

    @property
    def limits(self) -> dict[str, int]:
        """The known numbers by name."""
        return {name: getattr(self, name) for name in number_fields() if getattr(self, name) is not None}

    @property
    def cores_to_plan_with(self) -> int | None:
        """Number of neurocores per chip that a mapping may use: the usable ones if public, else the nominal ones."""
        return self.cores_per_chip if self.usable_cores_per_chip is None else self.usable_cores_per_chip

    @property
    def packing_label(self) -> str:
        """Note for memory figures based on ``packing``; empty if the packing was published for this chip."""
        if self.packing is None or self.packing.published_for == self.chip:
            return ""
        return f"estimate, {self.packing.published_for} packing"

    @property
    def events_label(self) -> str:
        """Note for energy and time figures based on ``events``; empty if the figures were published for this chip."""
        if self.events is None or self.events.published_for == self.chip:
            return ""
        return f"relative comparison only: figures per event are those of {self.events.published_for}"


#: Fields that identify a target and state no limits.
_IDENTITY = ("name", "title", "chip", "simulator", "controller", "sources")


def known_fields() -> tuple[str, ...]:
    """Names of all fields about the hardware."""
    return tuple(entry.name for entry in fields(Target) if entry.name not in _IDENTITY)


def number_fields() -> tuple[str, ...]:
    """Names of all integer fields about the hardware."""
    return tuple(name for name in known_fields() if name not in PROCESS_FIELDS and name not in ("packing", "events"))


#: Fields of the table ``processes`` of a target file.
PROCESS_FIELDS = ("neuron_models", "layer_kinds", "conv_weights_shared")
