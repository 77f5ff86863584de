"""Training goes on from networks of any origin: the start is that network, integer by integer, or is refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_runs import sweeps, tiny_config

import myelin
from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
from myelin.convert.floats.checkpoint import floats_from_checkpoint
from myelin.convert.floats.network import dequantised
from myelin.convert.quantise.rounding import round_network
from myelin.hw_configs.errors import ConfigError, NetworkError
from myelin.train.config.files import config_from_dict
from myelin.train.datasets import SpikeDataset
from myelin.train.run.files.run_record import read_run
from myelin.training.grid import best_exponent, bits_of
from myelin.training.initial_network import initial_network
from myelin.training.parameters import fit_parameters

pytestmark = pytest.mark.training
#: Changes no parameter in an epoch.
STILL = ["train.epochs=1", "train.learning_rate=0.0", "train.delay_rate=0.0", "train.weight_decay=0.0", "train.decay_rate=0.0"]


def mean_error(output, target):
    """A loss that is nobody's name."""
    return output.mean(dim=2).square().mean()


def arrays(network):
    """All integers of a network."""
    found = []
    for layer in network.layers:
        neuron = layer.neuron
        spiking = layer.output == "spikes"
        found += [layer.synapse.weight, neuron.threshold if spiking else 0, neuron.current_decay, neuron.voltage_decay]
        found.append(np.broadcast_to(layer.delay_steps, layer.shape))
        if layer.recurrent is not None:
            found += [layer.recurrent.synapse.weight, np.broadcast_to(layer.recurrent.delay_steps, layer.shape)]
    return [np.asarray(values) for values in found]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(other), strict=True))


def network_of(run):
    return network_from_checkpoint(read_checkpoint(run))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of ``tiny_config`` with a longest delay and two layers that differ."""
    from myelin.train.run.logger import RunLogger

    out = tmp_path_factory.mktemp("run") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunLogger, "draw", lambda self: None)
        myelin.fit(tiny_config(train={"epochs": 4}), sweeps(), out)
    return out


def test_a_run_goes_on_where_it_was(run, tmp_path):
    said = []
    record = myelin.fit(None, sweeps(), tmp_path / "next", init_from=run, overrides=STILL, say=said.append)
    assert same(network_of(tmp_path / "next"), network_of(run))
    before = read_run(run).best
    assert record["init_from"]["validation_accuracy"] == before.validation_accuracy == record["best"]["validation_accuracy"]
    assert record["init_from"]["source"] == str(run) and f"starts from   {run}: validation {before.validation}" in said
    assert record["config"]["delay"] | {"harden_at": 0.0, "freeze_at": 0.0} == record["config"]["delay"]
    assert record["config"]["train"]["batch_size"] == 6  # the configuration is that of the run


@pytest.mark.parametrize("kind", ["network", "netx", "opened", "floats", "artifact", "artifact without checkpoint", "exported"])
def test_a_network_of_any_origin_is_the_start(kind, run, tmp_path):
    network = network_of(run)
    if kind in ("netx", "opened"):
        myelin.write_netx(network, tmp_path / "one.net")
    if "artifact" in kind or kind == "exported":
        from myelin.train.datasets import write_shd

        write_shd(replace(sweeps(), keys=("up", "down")), tmp_path / "sweeps.h5")
        exported = myelin.export(run, tmp_path / "art", target="loihi2", data=str(tmp_path / "sweeps.h5"))
        if "without" in kind:
            import shutil

            shutil.rmtree(tmp_path / "art" / "checkpoint")
            start = myelin.Opened(None, None, network)
        else:
            start = exported if kind == "exported" else tmp_path / "art"
    else:
        start = {
            "network": network,
            "netx": tmp_path / "one.net",
            "opened": myelin.read(tmp_path / "one.net") if kind == "opened" else None,
            "floats": floats_from_checkpoint(read_checkpoint(run)),
        }[kind]
    config = tiny_config(delay={"harden_at": 0.0, "freeze_at": 0.0, "high": 5.0}, train={"epochs": 1, "learning_rate": 0.0})
    config = replace(config, train=replace(config.train, delay_rate=0.0, weight_decay=0.0))
    myelin.fit(config, sweeps(), tmp_path / "run", init_from=start)
    if kind == "floats":  # weights between the points of the grid may be scaled to it
        assert [layer.shape for layer in network_of(tmp_path / "run").layers] == [layer.shape for layer in network.layers]
    else:
        assert same(network_of(tmp_path / "run"), network)


def test_fine_tuning_changes_weights_and_keeps_delays(run, tmp_path):
    network = network_of(run)
    config = tiny_config(delay={"harden_at": 0.0, "freeze_at": 0.0, "high": 5.0})
    record = myelin.fit(config, sweeps(), tmp_path / "run", init_from=network, freeze=["layers.0"])
    tuned = network_of(tmp_path / "run")
    assert [np.array_equal(a.synapse.weight, b.synapse.weight) for a, b in zip(network.layers, tuned.layers)] == [
        True, False, False,
    ]  # fmt: skip
    assert all(np.array_equal(a.delays, b.delays) for a, b in zip(network.layers, tuned.layers))
    assert record["config"]["train"]["freeze"] == ["layers.0"]


@pytest.mark.parametrize("name", ["dense", "conv", "pooled"])
def test_every_structure_of_training_comes_back(name, tiny, tmp_path):
    """Parameters -> float network -> parameters, without a difference, for all kinds of layers, delays and readouts."""
    import tomllib

    from myelin.train.model import untrained

    values = tomllib.loads(tiny.configs["conv" if name == "pooled" else name].read_text())
    if name == "pooled":
        values["readout"] = {"pool": "average"}
        values["neuron"] = {"per_neuron": True, "spread": 0.3}
        values["layers"][1]["recurrent_delay_per"] = "channel"
    config = myelin_config(values)
    model = untrained(config, 4)
    model.set_delays(hard=True)
    for delay in model.delays():
        delay.snap()
    tensors = {key: value.numpy() for key, value in model.state_dict().items()}
    found = fit_parameters(floats_of(config, tensors), config, from_run=True)
    for key, values in found.parameters.items():
        wanted = np.rint(tensors[key]) if key.endswith("_decay") else tensors[key]
        assert np.array_equal(values.astype(np.float32), wanted), key
    assert set(found.parameters) == {key for key, _ in model.named_parameters()} and found.config == config


def myelin_config(values):
    from myelin.train.run.start import configuration

    return configuration(config_from_dict(values))


def floats_of(config, tensors):
    from types import SimpleNamespace

    from myelin.train.config.files import config_to_dict

    return floats_from_checkpoint(SimpleNamespace(config=config_to_dict(config), tensors=tensors, folder="here"))


def test_thresholds_of_layers_come_from_the_network_and_go_to_the_export(run, tmp_path):
    """Each layer has a threshold of its own, such as calibration gives."""
    layers = [
        replace(layer, neuron=replace(layer.neuron, threshold=70 + 30 * index)) if layer.output == "spikes" else layer
        for index, layer in enumerate(network_of(run).layers)
    ]
    network = replace(network_of(run), layers=tuple(layers))
    config = tiny_config(delay={"harden_at": 0.0, "freeze_at": 0.0, "high": 5.0}, train={"epochs": 1, "learning_rate": 0.0})
    config = replace(config, train=replace(config.train, delay_rate=0.0, weight_decay=0.0))
    record = myelin.fit(config, sweeps(), tmp_path / "run", init_from=network)
    assert [layer["threshold"] for layer in record["config"]["layers"]] == [70 / 64, 100 / 64]
    assert same(network_of(tmp_path / "run"), network)
    wrong = replace(config, layers=(config.layers[0], replace(config.layers[1], threshold=1.5)))
    with pytest.raises(
        NetworkError, match=r"layer 1 \(dense, recurrent dense\): has a threshold of 1.5625, its configuration of 1.5"
    ):
        myelin.fit(wrong, sweeps(), tmp_path / "other", init_from=network)


def test_weights_of_four_bits_are_trained_on_their_grid(run, tmp_path):
    """Plain rounding has a scale per layer: weights and threshold are brought to the grid of training, then stay on it."""
    plain = round_network(floats_from_checkpoint(read_checkpoint(run)), 4)
    said = []
    config = tiny_config(delay={"harden_at": 0.0, "freeze_at": 0.0, "high": 5.0}, train={"weight_bits": 4, "epochs": 2})
    myelin.fit(config, sweeps(), tmp_path / "run", init_from=plain, say=said.append)
    tuned = network_of(tmp_path / "run")
    for layer in tuned.layers:
        assert not np.any(layer.synapse.weight % 32) and layer.synapse.weight.any()
    found = fit_parameters(dequantised(plain), config, from_run=False)
    for index, layer in enumerate(dequantised(plain).layers):
        ratio = found.parameters[f"{index}.synapse.weight"] / np.where(layer.synapse.weight == 0, 1, layer.synapse.weight)
        (scale,) = set(ratio[layer.synapse.weight != 0].tolist())
        assert np.log2(scale) == round(np.log2(scale))
        if layer.output == "spikes":
            own = found.config.layers[index].threshold or config.neuron.threshold
            assert own == layer.neuron.threshold * scale
        if scale != 1:
            assert any(
                line.startswith(f"scaled        layer {index} ") and f"times 2^{int(np.log2(scale))}" in line for line in said
            )


def test_the_scale_is_that_of_the_least_error():
    weights = np.array([-1.0, 0.5, 0.25, 0.875])
    assert bits_of([weights]) == 4 and bits_of([weights, np.array([0.5, 1.0, 7.5])]) == 5
    assert best_exponent([weights], 1.0, 4) == 2 and best_exponent([weights * 4], 1.0, 4) == 0
    assert best_exponent([weights], 20.0, 4) == 1  # a threshold of 64 is not allowed
    assert best_exponent([weights * 64], None, 4) == -4


def plain_network(**changes):
    """A network that training can have: 20 inputs, 6 neurons with recurrence, 2 readouts of states."""
    rng = np.random.default_rng(0)
    cuba = Cuba(threshold=64, current_decay=2048, voltage_decay=410)
    layer = Layer(
        (6,),
        Dense(2 * rng.integers(-100, 100, (6, 20))),
        cuba,
        delay_steps=np.arange(6),
        recurrent=DelayedRecurrent(Dense(2 * rng.integers(-50, 50, (6, 6))), np.arange(6)),
    )
    readout = Layer((2,), Dense(2 * rng.integers(-100, 100, (2, 6))), replace(cuba, threshold=131071), output="state")
    first = replace(layer, **changes.get("layer", {}))
    last = replace(readout, **changes.get("readout", {}))
    return Network(Input((20,), message_bits=changes.get("message_bits", 4)), (first, last), changes.get("average_groups"))


def plain_config(**changes):
    own = {"neurons": 6, "recurrent": "dense", "delay_per": "neuron"} | changes.pop("layer", {})
    delay = {"harden_at": 0.0, "freeze_at": 0.0, "high": 5.0} | changes.pop("delay", {})
    return tiny_config(**{"layers": [own], "delay": delay, **changes})


CASES = [
    ({}, {"layers": [{"neurons": 6}, {"neurons": 6}]}, "has 2 layers, the configuration 3"),
    ({}, {"data": {"channels": 10}}, r"an input of shape \(20,\), the configuration \(10,\); change data.channels"),
    ({"message_bits": 0}, {}, "has an input of message bits 0, the configuration 4; change data.message_bits"),
    ({"average_groups": 1}, {}, "ends in an average over groups"),
    ({}, {"layer": {"neurons": 8}}, r"layer 0 .*has neurons of shape \(6,\), its configuration of \(8,\)"),
    ({}, {"layer": {"recurrent": "none"}}, "recurrence of kind dense, its configuration not; set layers.0.recurrent=dense"),
    ({}, {"layer": {"recurrent": "conv"}}, "has a dense recurrence, its configuration a conv one"),
    ({}, {"layer": {"delay_per": "none"}}, "axonal delays of up to 5 steps, its configuration none; set layers.0.delay_per"),
    ({}, {"layer": {"delay_per": "channel"}}, "other delays within a channel.*set layers.0.delay_per=neuron"),
    ({}, {"layer": {"kind": "conv", "channels": 1}}, r"set layers.0.kind=dense|has neurons of shape"),
    ({"layer": {"delay_steps": np.full(6, 40)}}, {"delay": {"max_delay_steps": 30}}, "delay of 40 steps, 30 is allowed"),
    ({}, {"readout": {"spiking": True}}, "layer 1 .*gives state, its configuration spikes; set readout.spiking=false"),
    ({"layer": {"neuron": Cuba(64, np.arange(6) + 9, 410)}}, {}, "values of current_decay.*neuron.per_neuron=true"),
    ({"layer": {"neuron": Cuba(64, 0, 410)}}, {}, r"a current_decay of 0..0/4096; 1..4096 is allowed"),
    ({"layer": {"neuron": Cuba(64, 9, 410, bias_mant=np.int32(3))}}, {}, "has a bias, .* none; set layers.0.bias=true"),
    ({"layer": {"neuron": Cuba(64, 9, 410, bias_mant=np.int32(4000), bias_exp=7)}}, {"layer": {"bias": True}},
     "has biases of 125..125; with neuron.bias_exp=6, up to 63.98"),
    ({}, {"layer": {"norm": "batch"}}, "has no norm, or one that is folded into its weights, .*; set layers.0.norm=none"),
    ({}, {"readout": {"norm": "batch"}}, "layer 1 .*its configuration norm = batch; set readout.norm=none"),
    ({"layer": {"neuron": Cuba(64 * 64, 9, 410)}}, {"layer": {"threshold": 60.0}}, "threshold of 64, its configuration of 60"),
]  # fmt: skip


@pytest.mark.parametrize(("network", "config", "said"), CASES)
def test_what_does_not_fit_is_refused_by_name(network, config, said, tmp_path):
    with pytest.raises(NetworkError, match=said):
        myelin.fit(plain_config(**config), sweeps(), tmp_path / "run", init_from=plain_network(**network))
    assert not (tmp_path / "run").exists()


def test_that_network_fits_as_it_is(tmp_path):
    config = plain_config(train={"epochs": 1, "learning_rate": 0.0})
    config = replace(config, train=replace(config.train, delay_rate=0.0, weight_decay=0.0))
    myelin.fit(config, sweeps(), tmp_path / "run", init_from=plain_network())
    assert same(network_of(tmp_path / "run"), plain_network())


def test_synaptic_delays_and_other_convolutions_are_refused(tmp_path):
    delayed = plain_network(layer={"synapse": Dense(np.ones((6, 20), int), delay_steps=np.ones((6, 20), int))})
    with pytest.raises(NetworkError, match="has a delay for every synapse; axonal delays are trained here"):
        myelin.fit(plain_config(), sweeps(), tmp_path / "run", init_from=delayed)
    conv = Conv(np.ones((1, 1, 1, 5), int), stride=(1, 2), padding=(0, 0))
    cuba = Cuba(64, 2048, 410)
    layers = (Layer((1, 1, 8), conv, cuba), Layer((2,), Dense(np.ones((2, 8), int)), cuba, output="state"))
    config = plain_config(
        layer={"kind": "conv", "channels": 1, "kernel": 5, "stride": 2, "recurrent": "none", "delay_per": "none"}
    )
    with pytest.raises(NetworkError, match=r"has neurons of shape \(1, 1, 8\), its configuration of \(1, 1, 10\)"):
        myelin.fit(config, sweeps(), tmp_path / "run", init_from=Network(Input((20,), message_bits=4), layers))


def test_other_classes_and_no_configuration_are_refused(run, tmp_path):
    with pytest.raises(ConfigError, match="a network in memory: has 3 outputs, sweeps needs 2; name data with as many"):
        three = replace(plain_network().layers[1], shape=(3,), synapse=Dense(np.ones((3, 6), int)))
        network = replace(plain_network(), layers=(plain_network().layers[0], three))
        myelin.fit(plain_config(), sweeps(), tmp_path / "run", init_from=network)
    with pytest.raises(ConfigError, match="config is None; name an experiment or a file, or give a network to start from"):
        myelin.fit(None, sweeps(), tmp_path / "run")
    with pytest.raises(ConfigError, match="init_from is a int; a run folder, an artifact, a netx or NIR file, a Network"):
        initial_network(3)
    with pytest.raises(
        ConfigError, match=r"a network in memory does not say how spikes become frames \(data.steps, data.step_ms\)"
    ):
        myelin.fit(None, sweeps(), tmp_path / "run", init_from=plain_network())


def test_on_the_command_line(run, main, refused, capsys, tmp_path):
    from myelin.train.datasets import write_shd

    write_shd(sweeps(), tmp_path / "sweeps.h5")
    data = ("--data", tmp_path / "sweeps.h5", "--out", tmp_path / "next", "--quiet")
    assert "CONFIG is missing; name an experiment or a file, or a network to start from with --init-from" in refused(
        "train", *data
    )
    assert "freeze: the network has no part 'layer'; layers.0," in refused(
        "train", "--init-from", run, "--freeze", "layer", *data
    )
    assert main("train", "--init-from", run, *data, "--freeze", "layers.1", "--set", "train.epochs=1") == 0
    assert f"starts from   {run}: validation" in capsys.readouterr().out
    old, new = network_of(run), network_of(tmp_path / "next")
    assert np.array_equal(old.layers[1].synapse.weight, new.layers[1].synapse.weight)
    assert not np.array_equal(old.layers[0].synapse.weight, new.layers[0].synapse.weight)


def test_the_loss_of_the_run_gives_way_to_an_own_loss_and_to_another_task(run, tmp_path):
    dataset = sweeps()
    own = myelin.fit(None, dataset, tmp_path / "own", init_from=run, loss=mean_error, overrides=STILL)
    assert own["config"]["train"]["loss"] is None and own["loss"]["name"].endswith("mean_error")
    with pytest.raises(ConfigError, match=r"was trained with loss 'sum', a function is given; resume without loss, or start a"):
        myelin.fit(None, dataset, run, resume=True, loss=mean_error)
    config = read_run(run).config
    steps, step_ms, channels = (config["data"][key] for key in ("steps", "step_ms", "channels"))
    frames = np.ones((16, steps, channels), np.uint8)
    labels = np.arange(16)[:, None].repeat(steps, axis=1) % dataset.classes
    per_step = SpikeDataset.from_dense(frames, labels, step_ms=step_ms)
    changes = [*STILL, "augment.time_shift_ms=0.0", "augment.time_stretch=0.0"]
    assert (
        myelin.fit(None, per_step, tmp_path / "steps", init_from=run, overrides=changes)["config"]["train"]["loss"] == "steps"
    )
    with pytest.raises(ConfigError, match=r"train.loss is 'softmax', for data with one class per sample"):
        myelin.fit(None, per_step, tmp_path / "named", init_from=run, overrides=[*changes, "train.loss='softmax'"])


@pytest.mark.parametrize("exponent", [6, 2])
def test_a_network_with_biases_fits_as_it_is(exponent, tmp_path):
    layer = {"neuron": Cuba(64, 9, 410, bias_mant=np.arange(6) * 2 - 5, bias_exp=exponent)}
    network = plain_network(layer=layer, readout={"neuron": Cuba(131071, 4096, 205, bias_mant=np.int32(-3), bias_exp=exponent)})
    changes = {"neuron": {"bias": True, "bias_exp": exponent}, "readout": {"bias": True}}
    config = plain_config(train={"epochs": 1, "learning_rate": 0.0}, **changes)
    config = replace(config, train=replace(config.train, delay_rate=0.0, weight_decay=0.0))
    myelin.fit(config, sweeps(), tmp_path / "run", init_from=network)
    assert same(network_of(tmp_path / "run"), network)


def test_a_normalised_run_goes_on_with_its_norm_or_without(tmp_path):
    """With the same norm nothing of it is lost; without, its folded integers are kept."""
    normed = plain_config(layer={"norm": "batch", "learn_threshold": True}, readout={"bias": True}, train={"epochs": 2})
    myelin.fit(normed, sweeps(), tmp_path / "run")
    network = network_of(tmp_path / "run")
    assert network.layers[0].neuron.has_bias
    still = {"epochs": 1, "learning_rate": 0.0, "weight_decay": 0.0, "delay_rate": 0.0, "norm_freeze_at": 0.0}
    for name, layer in (("again", {"norm": "batch", "learn_threshold": True}), ("folded", {"bias": True})):
        config = plain_config(layer=layer, readout={"bias": True}, train=still)
        myelin.fit(config, sweeps(), tmp_path / name, init_from=tmp_path / "run")
        assert same(network_of(tmp_path / name), network)
    with pytest.raises(NetworkError, match=r"layer 0 .*has a bias, its configuration none; set layers\.0\.bias=true"):
        myelin.fit(plain_config(readout={"bias": True}), sweeps(), tmp_path / "none", init_from=tmp_path / "run")
