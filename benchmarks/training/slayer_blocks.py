"""A network as lava-dl's own SLAYER blocks, evaluated on the CPU: the same weights, delays and constants.

SLAYER's Recurrent block has a dense recurrence whose spikes arrive in the next step, without recurrent delays and without
recurrent convolutions.  The networks here therefore have no recurrent delays, and a convolution becomes a matrix.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from myelin.convert import Conv, Cuba, Dense, Layer, Network
from myelin.convert.layers.conv import unroll
from myelin.convert.layers.synapse import Synapse
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_SCALE, WEIGHT_SCALE
from myelin.lava_models import compat


class SlayerBlocks:
    """Recurrent blocks and a readout of voltages (Affine), for networks of ``benchmarks.networks`` without recurrent delays."""

    def __init__(self, network: Network) -> None:
        compat.prepare(slayer=True)
        import torch
        from lava.lib.dl import slayer

        self.torch, self.slayer, self.network = torch, slayer, network
        *hidden, last = network.layers
        assert last.output == "state" and last.recurrent is None
        size, self.blocks = network.input.shape[0], []
        for layer in hidden:
            assert layer.recurrent is not None and not layer.recurrent.delay_steps.any()
            block = slayer.block.cuba.Recurrent(self._constants(layer), size, layer.neurons, delay=True)
            self._set(block.input_synapse, layer.synapse)
            self._set(block.recurrent_synapse, layer.recurrent.synapse, layer.neurons)
            block.delay.delay.data = torch.tensor(layer.delays, dtype=torch.float32)
            block.delay.init = True
            self.blocks.append(block)
            size = layer.neurons
        readout = slayer.block.cuba.Affine(self._constants(last), size, last.neurons)
        self._set(readout.synapse, last.synapse)
        self.blocks.append(readout)
        for block, layer in zip(self.blocks, network.layers, strict=True):
            device, neuron = block.neuron.device_params, cast(Cuba, layer.neuron)
            assert (device["iDecay"], device["vDecay"]) == (neuron.current_decay, neuron.voltage_decay)
            assert layer is last or device["vThMant"] == neuron.threshold

    def tensor(self, spikes: npt.NDArray[Any]) -> Any:
        """``spikes`` (batch, steps, inputs) as SLAYER's input (batch, inputs, steps)."""
        return self.torch.tensor(np.moveaxis(spikes, 1, -1), dtype=self.torch.float32)

    def run(self, x: Any) -> npt.NDArray[np.int32]:
        """Voltages (batch, steps, outputs) of the readout, from rest, as integers and in Myelin's alignment."""
        voltage = self.evaluate(x).numpy()
        output = np.zeros((voltage.shape[0], voltage.shape[2], voltage.shape[1]), np.int32)
        output[:, 1:] = np.moveaxis(voltage, 1, -1)[:, :-1] * STATE_SCALE  # an Affine block has no step of latency
        return output

    def evaluate(self, x: Any) -> Any:
        """The output of the chain of blocks for ``x``."""
        with self.torch.no_grad():
            for block in self.blocks:
                # a Recurrent block continues from the final states of the previous batch
                block.neuron.current_state = block.neuron.voltage_state = self.torch.zeros(1)
                x = block(x)
        return x

    def _constants(self, layer: Layer) -> dict[str, Any]:
        neuron = cast(Cuba, layer.neuron)
        return {
            "threshold": neuron.threshold / WEIGHT_SCALE,
            "current_decay": int(neuron.current_decay) / DECAY_UNITY,
            "voltage_decay": int(neuron.voltage_decay) / DECAY_UNITY,
        }

    def _set(self, block: Any, synapse: Synapse, sources: int = 0) -> None:
        weight = synapse.weight if isinstance(synapse, Dense) else _matrix(cast(Conv, synapse), sources)
        shape = block.weight.shape
        block.weight.data = self.torch.tensor(weight / WEIGHT_SCALE, dtype=self.torch.float32).reshape(shape)


def _matrix(synapse: Conv, sources: int) -> npt.NDArray[np.int32]:
    """The convolution over a row of ``sources`` neurons as a matrix (out, in)."""
    weight, target, source, shape = unroll(synapse, (sources,))
    matrix = np.zeros(shape, np.int32)
    matrix[target, source] = weight
    return matrix
