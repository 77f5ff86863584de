"""Writes a block to a group of a netx file, as lava-dl's ``block.export_hdf5`` does; with the fields of Myelin's own writer.

``myelin.convert.netx.format`` describes the fields, and ``myelin.convert.netx.write`` writes the same ones from a ``Network``;
a test holds the two equal.  Training imports nothing of the conversion, so this one works on the blocks' own attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import NETX_BIAS_EXP, NETX_MAX_DELAY_STEPS, STATE_SCALE, WEIGHT_SCALE
from myelin.hw_configs.shapes import half_kernel
from myelin.train.delay import AxonalDelay

if TYPE_CHECKING:
    import h5py

    from myelin.train.layers.block import Block
    from myelin.train.layers.sigma_delta import Delta


def write_flatten(neurons: int, group: h5py.Group) -> None:
    """Fill ``group`` with a flatten layer of ``neurons``."""
    _text(group, "type", "flatten")
    group["shape"] = [neurons, 1, 1]


def write_delta(encoder: Delta, group: h5py.Group) -> None:
    """Fill the empty ``group`` with the delta encoders of a network's input."""
    _text(group, "type", "input")
    group["shape"] = tuple(encoder.shape)
    group["weight"], group["bias"] = encoder.weight, encoder.bias
    group["neuron/type"], group["neuron/activation"] = "SDNN", "relu"
    group["neuron/vThMant"] = int(encoder.threshold * WEIGHT_SCALE)
    if encoder.cumulative_error:
        group["cum_error"] = True


def write_block(block: Block, group: h5py.Group) -> None:
    """Fill the empty ``group`` with the integers of the block's forward pass.

    Raises:
        NetworkError: they are no integers: weights are floats, decays are not rounded, or delays are spread or have fractions.
    """
    name, recurrence = type(block).__name__, block.recurrence
    try:
        synapse = block.synapse
        folded, shift = block.folded()
        weight = _integers(folded, synapse.pre_hook_fx is not None, "weights")
        positions = getattr(synapse, "positions", 1)
        weight = weight.repeat(positions, axis=1) if positions > 1 else weight  # one weight for all positions of a channel
        shape = tuple(block.shape)
        if recurrence is not None and recurrence.weight.dim() == 3 and len(shape) == 1 and recurrence.weight.shape[0] > 1:
            channels = recurrence.weight.shape[0]
            shape = (channels, 1, shape[0] // channels)  # neurons in a row are cut into channels of one row each
        spatial = weight.ndim == 4
        _text(group, "type", ("conv" if spatial else "dense") + ("_rec" if recurrence is not None else ""))
        group["shape"] = shape
        _write_weight(group, "weight", weight)
        if spatial:
            group["input_shape"] = synapse.input_shape  # the file may have no input layer that says it
            group["inChannels"], group["outChannels"] = weight.shape[1] * synapse.groups, weight.shape[0]
            group["kernelSize"] = weight.shape[2:]
            for field in ("stride", "padding", "dilation", "groups"):
                group[field] = getattr(synapse, field)
        else:
            group["outFeatures"], group["inFeatures"] = weight.shape
        _write_delay(group, "delay", block.delay)
        if recurrence is not None:
            hook = recurrence.pre_hook_fx
            back = _integers(
                recurrence.weight if hook is None else hook(recurrence.weight), hook is not None, "recurrent weights"
            )
            _write_weight(group, "weight_rec", back[:, :, None, :] if back.ndim == 3 else back)
            if back.ndim > 2:
                kernel = (1, back.shape[2]) if back.ndim == 3 else (back.shape[2], back.shape[3])
                fields: dict[str, Any] = {"stride": (1, 1), "padding": half_kernel(kernel), "dilation": (1, 1), "groups": 1}
                for field, value in fields.items():
                    group[f"{field}_rec"] = value
            _write_delay(group, "delay_rec", recurrence.delay)
        _write_neuron(group, block.neuron)
        _write_bias(group, block.neuron, shift, shape, spatial)
    except NetworkError as error:
        raise NetworkError(f"{name}: {error}") from None


def _write_neuron(group: h5py.Group, neuron: Any) -> None:
    constants = getattr(neuron, "device_params", None)
    if constants is None:
        raise NetworkError(
            f"{type(neuron).__name__} neurons have no device_params, the chip's constants by netx name; add them"
        )
    if not neuron.whole_decays:
        raise NetworkError("its decays are not rounded, and a chip has 12 bit of them; set neuron.whole_decays = True")
    for key, value in constants.items():
        whole = np.asarray(value)
        group[f"neuron/{key}"] = whole.reshape(()) if whole.size == 1 and whole.dtype.kind in "biuf" else value
    for key, value in neuron.layer_params.items():
        group[key] = value
    if not neuron.spiking:
        group["output"] = np.bytes_("state")


def _write_bias(group: h5py.Group, neuron: Any, shift: Tensor | None, shape: tuple[int, ...], grid: bool) -> None:
    """Write the mantissas of the bias, to which a norm adds ``shift``, per channel or per neuron.

    With ``grid``, those of neurons are (width, height, channels).
    """
    bias = neuron.effective_bias(shift)
    if bias is None:
        return
    if not neuron.whole_bias:
        raise NetworkError("its biases are floats; train it with quantise=True, or give from_torch samples to calibrate with")
    mantissa = (
        np.rint(bias.detach().cpu().double().numpy() * (STATE_SCALE / 2**neuron.bias_exp)).astype(np.int32).reshape(shape)
    )
    if not mantissa.any():
        return
    if len(shape) == 3 and (mantissa == mantissa[:, :1, :1]).all():
        mantissa = mantissa[:, 0, 0]
    else:
        mantissa = mantissa.transpose(2, 1, 0) if grid else mantissa.reshape(-1)
    group["bias"] = mantissa
    if neuron.bias_exp != NETX_BIAS_EXP:
        group["bias_exp"] = neuron.bias_exp


def _write_delay(group: h5py.Group, key: str, delay: AxonalDelay | None) -> None:
    if delay is None:
        return
    steps = delay.rounded_steps()
    if not bool(delay.hard) and (
        float(delay.sigma) > 0 or not torch.equal(delay.delay.detach().cpu(), torch.from_numpy(steps))
    ):
        raise NetworkError(
            f"its {key} is spread or has fractions, and a chip delays by whole steps; use DelaySchedule, or round it with "
            f"{'recurrence.' if key == 'delay_rec' else ''}delay.set(hard=True)"
        )
    if steps.max() > NETX_MAX_DELAY_STEPS:
        raise NetworkError(
            f"longest {key} is {steps.max()} steps, a netx file holds {NETX_MAX_DELAY_STEPS}; train with "
            f"max_delay={NETX_MAX_DELAY_STEPS}"
        )
    if steps.any():
        group[key] = steps.reshape(()) if steps.size == 1 else steps


def _integers(weight: Tensor, quantised: bool, name: str) -> np.ndarray:
    """Weights in the chip's unit."""
    if not quantised:
        raise NetworkError(f"its {name} are floats; train it with quantise=True, or give from_torch samples to calibrate with")
    return (weight.detach().cpu().double() * WEIGHT_SCALE).round().to(torch.int32).numpy()


def _write_weight(group: h5py.Group, key: str, weight: np.ndarray) -> None:
    group.create_dataset(key, data=weight, compression="gzip", shuffle=True)


def _text(group: h5py.Group, key: str, value: str) -> None:
    group.create_dataset(key, (1,), "S10", [value.encode("ascii")])
