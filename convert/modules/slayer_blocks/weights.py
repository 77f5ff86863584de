"""The weights of SLAYER's synapses as the forward pass uses them."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.floats.neuron import FloatArray
from myelin.convert.modules.known import known_class, numbers, require_unchanged, weight_of
from myelin.convert.modules.slayer_blocks.attributes import SYNAPSES, require_considered
from myelin.hw_configs.errors import NetworkError

_SYNAPSE = "lava.lib.dl.slayer.synapse.layer."


def real_weights(block: Any, synapse: Any, name: str, kind: str, *, raw: bool, called: bool = True) -> FloatArray:
    """The weights of a real synapse, without the axis of time: (out, in, height, width), transposed ones (in, out, ...).

    Args:
        block: the block, whose mask counts.
        synapse: lava-dl's synapse.
        name: of the synapse in messages.
        kind: the class of ``slayer.synapse.layer`` that it must be.
        raw: before ``pre_hook_fx``.
        called: whether the block calls the synapse.  One that it does not call runs no hooks, so that a normalised or pruned
            weight is that of its construction, whatever was trained since.

    Raises:
        NetworkError: something on it is computed otherwise, or has no counterpart.
    """
    known = known_class(synapse, (_SYNAPSE + kind,))
    if known is None:
        raise NetworkError(f"its {name} is a {type(synapse).__name__} of {type(synapse).__module__}; {kind} can be read")
    require_unchanged(f"its {name}", synapse, known)
    require_considered(f"its {name}", synapse, known, SYNAPSES[kind], name)
    if synapse.stride[2] != 1 or synapse.padding[2] != 0 or synapse.dilation[2] != 1 or synapse.weight.shape[4] != 1:
        raise NetworkError(f"its {name} reaches over several steps; a kernel, stride and dilation of 1 in time is allowed")
    weight, mask = weight_of(synapse) if called else synapse.weight, getattr(block, "mask", None)
    if mask is not None:
        if "weight" not in synapse._parameters:
            raise NetworkError(
                f"it has a mask, which lava-dl does not apply to the normalised or parametrised weights of its {name}: "
                "remove the norm first, as with synapse.disable_weight_norm()"
            )
        weight = weight * mask
    hook = synapse.pre_hook_fx
    if raw or hook is None:
        return numbers(weight)[..., 0]
    values = numbers(hook(weight))
    if not np.array_equal(values, numbers(hook(weight)), equal_nan=True):
        raise NetworkError(
            f"the pre_hook_fx of its {name} gives other weights in every call; a quantisation without noise is allowed"
        )
    return values[..., 0]
