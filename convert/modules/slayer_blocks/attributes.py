"""Every attribute of SLAYER's objects that was considered, and how it is treated; what is not listed is refused by name.

The lists hold for lava-dl 0.6.0, and a test compares them with its objects.  Parameters, buffers, submodules and plain
attributes count; what torch itself keeps on every module does not.  An attribute that no list names is one of another version
of lava-dl, which may compute with it, or one that the user set.  It is refused on an object of lava-dl's own class.  An object
of a subclass may keep what it likes, as long as no code of lava-dl's class uses that name: then it cannot change what that
code computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

from myelin.convert.modules.known import full_name, written_class
from myelin.hw_configs.errors import NetworkError

#: The reader takes the value, or refuses it with a message that needs more than the value.
READ = "read"
#: It changes gradients, names, sizes or files, but nothing that the forward pass returns in evaluation.
NO_EFFECT = "no effect in evaluation"
#: What a forward pass leaves behind for the next one; networks begin at rest.
STATE = "state; a network begins at rest"


@dataclass(frozen=True)
class Only:
    """Refused unless ``allowed(value)``; ``message`` says why, with ``{value}``."""

    allowed: Callable[[Any], bool]
    message: str


Treatments = Mapping[str, str | Only]


def is_not_true(value: Any) -> bool:
    """True unless ``value`` is True itself, which is what SLAYER asks of its flags."""
    return value is not True


def exactly(*values: Any) -> Callable[[Any], bool]:
    """True for one of these values."""
    return lambda value: any(value is one or (type(value) is type(one) and value == one) for one in values)


_COUNT_LOG = Only(is_not_true, "it has count_log={value}, so it returns a pair; build it with count_log=False")
_BLOCK: Treatments = {
    "neuron": READ,
    "delay": READ,
    "delay_shift": READ,
    "delay_buffer": STATE,
    "count_log": _COUNT_LOG,
}
_WEIGHTED: Treatments = {**_BLOCK, "synapse": READ}
_LOOP: Treatments = {
    **_BLOCK,
    "bias": Only(
        exactly(None),
        "it has a bias before the synapse filter, which neurons on the chip do not have; train without",
    ),
    "num_neurons": READ,
    "requires_grad": NO_EFFECT,
    "spike_state": STATE,
    "persistent_state": NO_EFFECT,  # of the block; that of its neuron is what counts
}
#: Kind of block -> its attributes; they are the same for every class of neurons.
BLOCKS: dict[str, Treatments] = {
    "Input": {
        **_BLOCK,
        "weight": READ,
        "bias": READ,
        "pre_hook_fx": READ,
        "input_shape": NO_EFFECT,
        "synapse_params": NO_EFFECT,
    },
    "Flatten": {"shape": READ, "count_log": _COUNT_LOG},
    "Average": {"num_outputs": READ, "count_log": _COUNT_LOG},
    "Dense": {**_WEIGHTED, "mask": READ},
    "Affine": {**_WEIGHTED, "mask": READ, "dynamics": READ},
    "Output": _WEIGHTED,
    "Conv": _WEIGHTED,
    "Pool": _WEIGHTED,
    "ConvT": _WEIGHTED,
    "Unpool": _WEIGHTED,
    "Recurrent": {**_LOOP, "input_synapse": READ, "recurrent_synapse": READ},
    "KWTA": {**_LOOP, "synapse": READ, "num_winners": READ, "self_excitation": READ},
}

_BIAS = Only(exactly(None), "its {name} has a bias, which a connection on the chip does not have; train without")
_REAL = Only(exactly(False), "its {name} has complex={value}; real weights can be read")
_SYNAPSE: Treatments = {
    "weight": READ,
    "_pre_hook_fx": READ,
    "bias": _BIAS,
    "complex": _REAL,
    "stride": READ,
    "padding": READ,
    "dilation": READ,
    "groups": READ,
    # normalised, pruned and parametrised weights are read through ``weight``
    **dict.fromkeys(("weight_g", "weight_v", "weight_orig", "weight_mask", "weight_u", "parametrizations"), READ),
    "weight_norm_enabled": NO_EFFECT,
    # SLAYER calls torch's convolution itself, and these are not among what it hands over
    **dict.fromkeys(("in_channels", "out_channels", "kernel_size", "transposed", "padding_mode"), NO_EFFECT),
    "_reversed_padding_repeated_twice": NO_EFFECT,
    "output_padding": NO_EFFECT,
}


def _fixed(name: str, value: Any) -> Only:
    return Only(exactly(value), f"its {{name}} has {name}={{value}}; {value} is allowed")


_PLAIN: Treatments = {
    name: _fixed(name, value)
    for name, value in (("stride", (1, 1, 1)), ("padding", (0, 0, 0)), ("dilation", (1, 1, 1)), ("groups", 1))
}
_BACKWARDS: Treatments = {"output_padding": _fixed("output_padding", (0, 0, 0))}
#: Kind of synapse -> its attributes.
SYNAPSES: dict[str, Treatments] = {
    "Dense": {**_SYNAPSE, **_PLAIN},
    "Conv": _SYNAPSE,
    "Pool": {**_SYNAPSE, "groups": NO_EFFECT},
    "ConvTranspose": {**_SYNAPSE, **_BACKWARDS},
    "Unpool": {**_SYNAPSE, **_BACKWARDS},
}
#: What every class of neurons has from ``slayer.neuron.base.Neuron``.
NEURON: Treatments = {
    "_threshold": READ,
    "p_scale": READ,
    "w_scale": READ,
    "s_scale": READ,
    "norm": READ,
    "drop": READ,
    "requires_grad": READ,
    "persistent_state": READ,
    "shape": READ,
    "shared_param": NO_EFFECT,  # it only says how constants are drawn
    "num_neurons": NO_EFFECT,
    "tau_rho": NO_EFFECT,
    "scale_rho": NO_EFFECT,
    "complex": NO_EFFECT,
    "debug": NO_EFFECT,
}
#: ``slayer.axon.Delay``.
DELAY: Treatments = {
    "delay": READ,
    "init": READ,
    "max_delay": READ,
    "sampling_time": Only(exactly(1), "its delay has sampling_time={value}; 1 is allowed, so that delays are in steps"),
    "grad_scale": NO_EFFECT,
}
#: torch's dropouts, and SLAYER's, which is derived from one.
DROPOUT: Treatments = {"p": NO_EFFECT, "inplace": NO_EFFECT}
#: ``slayer.neuron.norm``.
NORM: Treatments = {
    "running_mean": READ,
    "running_var": READ,
    "pre_hook_fx": READ,
    "eps": READ,
    "weight_exp_bits": READ,
    "num_features": NO_EFFECT,
    "momentum": NO_EFFECT,
    "update": NO_EFFECT,
}

_TORCH_MODULE = "torch.nn.modules.module.Module"
#: What torch sets on a module later than at its construction.
_LATER = {"_compiled_call_impl", "_is_replica", "_former_parameters"}


def require_considered(what: str, module: Any, known: type, treatments: Treatments, name: str = "") -> None:
    """Raise NetworkError if an attribute of ``module`` is on no list, or has a value that its treatment refuses.

    Args:
        what: the module in messages, as ``its neuron``.
        module: an object of lava-dl's class ``known``, or of a subclass.
        known: the class whose computation is read.
        treatments: attributes of that class.
        name: of the attribute that holds the module, for messages.
    """
    present = attributes_of(module)
    for attribute in present:
        treatment = treatments.get(attribute)
        if isinstance(treatment, Only):
            value = getattr(module, attribute)
            if not treatment.allowed(value):
                raise NetworkError(treatment.message.format(value=value, name=name))
        elif treatment is None and (written_class(module) is known or attribute in _mentioned(known)):
            raise NetworkError(
                f"{what} has the attribute {attribute}, which {known.__name__} of lava-dl 0.6.0 does not have, so what it "
                f"computes with it is unknown; delete it if it is yours, or keep it in a subclass of {known.__name__}, under a "
                "name that lava-dl does not use"
            )


def attributes_of(module: Any) -> tuple[str, ...]:
    """Names of the plain attributes, parameters, buffers and submodules of ``module``, without what torch itself keeps."""
    torch_module = next(cls for cls in type(module).__mro__ if full_name(cls) == _TORCH_MODULE)
    names = dict.fromkeys(vars(module))
    for table in (module._parameters, module._buffers, module._modules):
        names |= dict.fromkeys(table)
    return tuple(name for name in names if name not in _kept_by(torch_module))


@cache
def _kept_by(torch_module: type) -> frozenset[str]:
    return frozenset(vars(torch_module())) | _LATER


@cache
def _mentioned(known: type) -> frozenset[str]:
    """Every name that code of lava-dl's class and of its bases in lava-dl mentions, as an attribute or as a string."""
    found: set[str] = set()
    for cls in known.__mro__:
        if cls.__module__.startswith("lava."):
            for value in vars(cls).values():
                for function in (value, *(getattr(value, part, None) for part in ("fget", "fset", "__func__"))):
                    for code in _codes(getattr(function, "__code__", None)):
                        found |= {*code.co_names, *(text for text in code.co_consts if isinstance(text, str))}
    return frozenset(found)


def _codes(code: Any) -> Iterator[CodeType]:
    if isinstance(code, CodeType):
        yield code
        for constant in code.co_consts:
            yield from _codes(constant)
