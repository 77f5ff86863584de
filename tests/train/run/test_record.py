"""What the training code's layers emit equals its own forward pass."""

from __future__ import annotations

import numpy as np
import torch

from myelin.hw_configs.fixed_point import STATE_SCALE
from myelin.train.config.config import Config, DataConfig, LayerConfig
from myelin.train.model import build_model
from myelin.train.run.record import record


def model_of(**readout):
    from myelin.train.config.config import ReadoutConfig

    torch.manual_seed(3)
    layers = (LayerConfig(neurons=12, recurrent="conv", taps=3, delay_per="neuron"), LayerConfig(neurons=6))
    data = DataConfig(steps=20, step_ms=5.0, channels=10, message_bits=0)
    config = Config(name="x", target="loihi2", data=data, layers=layers, readout=ReadoutConfig(**readout))
    model = build_model(config, 3)
    model.set_delays(hard=True)
    return model


def inputs():
    return (torch.rand(4, 10, 20, generator=torch.Generator().manual_seed(1)) < 0.4).float()


def test_spikes_and_states_of_the_forward_pass():
    model, spikes = model_of(), inputs()
    model.train()
    layers, output = record(model, spikes.movedim(-1, 1).numpy())
    assert model.training
    model.eval()
    with torch.no_grad():
        expected = model(spikes)
        first = model.blocks[0](spikes)  # (B, N, T), delayed
    assert sorted(layers) == [0, 1] and layers[0].shape == (4, 20, 12) and layers[0].dtype == np.uint8
    assert np.array_equal(output, (expected.double() * STATE_SCALE).permute(0, 2, 1).numpy().astype(np.int64))
    assert layers[0].any() and output.any()
    for neuron, delay in enumerate(model.blocks[0].delay.rounded_steps()):
        late = min(int(delay), 20)
        assert np.array_equal(first[:, neuron, late:].numpy(), layers[0][:, : 20 - late, neuron])


def test_a_spiking_readout_is_a_layer_too():
    layers, output = record(model_of(spiking=True, gain=8.0), inputs().movedim(-1, 1).numpy())
    assert sorted(layers) == [0, 1, 2]
    assert np.array_equal(output, layers[2]) and set(np.unique(output)) <= {0, 1}
