"""The settings of a trained network: what each leaves as it was trained, and that all of them together are the export."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.convert.recording import class_scores
from myelin.validation.trained import ALL, QuantisedParts, Trained


@pytest.fixture
def trained():
    import torch

    from myelin.train.config.config import Config, DataConfig, LayerConfig
    from myelin.train.model import build_model

    torch.manual_seed(5)
    layers = (LayerConfig(neurons=8, recurrent="dense", delay_per="neuron"),)
    data = DataConfig(steps=25, step_ms=5.0, channels=6, message_bits=0)
    config = Config(name="x", target="loihi2", data=data, layers=layers)
    return Trained(config, build_model(config, 3), clip_steps=9)


def test_settings_touch_what_they_name(trained):
    block = trained.model.blocks[0]
    block.neuron.current_decay.data += 0.3
    for setting in (
        QuantisedParts(),
        QuantisedParts(delays=True),
        QuantisedParts(weights=True),
        QuantisedParts(decays=True),
        ALL,
    ):
        trained.apply(setting)
        assert bool(block.delay.hard) is bool(block.recurrence.delay.hard) is setting.delays
        assert block.delay.max_delay == (9 if setting.delays else trained.config.delay.longest_steps)
        weight = block.synapse.effective_weight() * 64
        assert bool((weight == weight.round()).all()) is setting.weights
        keep = 4096 * block.neuron.keep()[0]
        assert np.array_equal(keep, np.rint(keep)) is setting.decays
    assert ALL.quantised == ("delays", "weights", "decays") and QuantisedParts().quantised == ()


def test_a_decay_that_is_not_rounded_changes_the_states(trained):
    """0.49 / 4096 of the current each step: little, and seen."""
    import torch

    neuron = trained.model.blocks[0].neuron
    neuron.current_decay.data[:] = 1000.49
    neuron.spiking = False
    states = []
    for decays in (False, True):
        trained.apply(QuantisedParts(delays=True, weights=True, decays=decays))
        states.append(neuron.steps(torch.full((25, 1, 8), 0.3)).detach())
    assert (states[0] != states[1]).any() and torch.allclose(states[0], states[1], rtol=1e-2)


def test_the_training_code_as_a_backend_gives_the_simulators_spikes(trained):
    from myelin.convert import DelayedRecurrent, Dense, Input, Layer, Network, simulate
    from myelin.convert.neurons import Cuba
    from myelin.hw_configs.fixed_point import THRESHOLD_MAX

    trained.apply(ALL)
    block, readout = trained.model.blocks

    def whole(weight):
        return np.rint(weight.detach().numpy() * 64).astype(int)

    def cuba(neuron, threshold):
        decays = (np.rint(decay.detach().numpy()).astype(int).reshape(()) for decay in neuron.decays)
        return Cuba(threshold, *decays)

    recurrent = DelayedRecurrent(
        Dense(whole(block.neuron.quantise(block.recurrence.weight))), block.recurrence.delay.rounded_steps()
    )
    network = Network(
        Input((6,)),
        [
            Layer(
                (8,),
                Dense(whole(block.synapse.effective_weight())),
                cuba(block.neuron, int(block.neuron.threshold * 64)),
                block.delay.rounded_steps(),
                recurrent,
            ),
            Layer((3,), Dense(whole(readout.synapse.effective_weight())), cuba(readout.neuron, THRESHOLD_MAX), output="state"),
        ],
    )
    frames = (np.random.default_rng(0).random((4, 25, 6)) < 0.5).astype(np.uint8)
    record = {0: ("spikes",), 1: ("spikes",)}
    got, expected = trained.run_network(network, frames, record), simulate(network, frames, record=record)
    assert expected.layers[0]["spikes"].any()
    for index in record:
        assert np.array_equal(got.layers[index]["spikes"], expected.layers[index]["spikes"])
    assert np.array_equal(got.output, expected.output) and np.array_equal(got.readout, class_scores(network, got.output))
