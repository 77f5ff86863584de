"""From what people bring to a report: a module from a user's own loop, and files of others, with data given as arrays."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch

import myelin

pytestmark = [pytest.mark.lava, pytest.mark.subprocess, pytest.mark.training]
NAMES = ("left", "right", "up", "down")


@pytest.fixture(autouse=True)
def lava():
    from myelin.lava_models import compat

    if not compat.available():
        pytest.skip(f"{', '.join(compat.missing())} not installed")


def report_values(report):
    """The results in a report whose page and values were written."""
    assert report.page.stat().st_size > 10_000 and report.beside.is_file()
    return report.values["validation"]


def test_the_public_interface_runs_as_it_is_documented(tmp_path, monkeypatch):
    """The lines of the public interface as they are documented, with a small loader and the body of the loop."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    names = NAMES
    frames = torch.from_numpy((rng.random((6, 2, 34, 34, 10)) < 0.1).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 4, 6))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(frames, labels), batch_size=3)
    x_test, y_test, frame = frames[:2], labels[:2], frames[0, ..., 0]
    # --- as documented
    net = torch.nn.Sequential(
        myelin.nn.Conv(2, 8, 5, input_shape=(2, 34, 34), stride=4, delay=True),
        myelin.nn.DelayedRecurrent(8 * 8 * 8, 64, recurrent="conv", max_delay=20),
        myelin.nn.Readout(64, 4),
    )
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    schedule = myelin.nn.DelaySchedule(net, epochs=20)
    for epoch in range(20):
        schedule.step(epoch)
        for x, y in loader:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(x).mean(dim=2), y).backward()
            optimiser.step()
    network = myelin.from_torch(net, input_shape=(2, 34, 34))
    assert myelin.compare(net, network, x).equal
    artifact = myelin.export(network, "art", target="loihi2", inputs=x[:4], classes=names)
    validation = myelin.validate(artifact, (x_test, y_test), reference=net, max_drop=1.0)
    report = myelin.write_report(artifact, (x_test, y_test), "report.html", reference=net)
    simulator = myelin.Simulator(network)
    out = simulator.step(frame)
    # ---
    assert validation.classes == NAMES and not validation.examination.failures
    assert [str(equality) for equality in validation.equalities if not equality.holds] == []
    whole = myelin.simulate(network, frames)
    assert np.unique(whole.output).size > 10
    assert np.array_equal(out, whole.output[0, 0])
    assert report_values(report)["predictions"]["simulator"] == whole.prediction[:2].tolist()
    assert report.page.name == "report.html"


def mixed_module():
    """lava-dl's Conv with learned delays, our DelayedRecurrent, lava-dl's Dense."""
    neuron = {"threshold": 1.0, "current_decay": 0.25, "voltage_decay": 0.1, "requires_grad": False}
    cuba = myelin.slayer.block.cuba
    net = torch.nn.Sequential(
        cuba.Conv(neuron, 2, 4, 3, stride=2, weight_scale=3, delay=True),
        cuba.Flatten(),
        myelin.nn.DelayedRecurrent(4 * 4 * 4, 12, recurrent="dense", max_delay=10),
        cuba.Dense(neuron, 12, 4, weight_scale=3),
    )
    net[0].delay.delay.data, net[0].delay.init = torch.tensor([0.4, 3.7, 6.2, 1.0]), True  # lava-dl begins with 0
    return net


def test_a_mixed_module_from_a_loop_to_a_report_has_equal_outputs(tmp_path):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x = torch.from_numpy((rng.random((16, 2, 9, 9, 15)) < 0.2).astype(np.float32))
    y = torch.from_numpy(rng.integers(0, 4, 16))
    net = mixed_module()
    schedule = myelin.nn.DelaySchedule(net, epochs=2, harden_at=0.5, freeze_at=0.5)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for epoch in range(2):
        schedule.step(epoch)
        for numbers in torch.arange(16).split(8):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(x[numbers]).mean(dim=2), y[numbers]).backward()
            optimiser.step()
    network = myelin.from_torch(net, (2, 9, 9))
    with torch.no_grad():
        said = net(x).numpy().swapaxes(1, 2)
    assert network.layers[0].delay_steps.max() >= 5 and network.layers[1].recurrent.delay_steps.max() > 0
    assert said.any() and np.array_equal(myelin.simulate(network, x).output, said)
    artifact = myelin.export(network, tmp_path / "art", target="loihi2", inputs=x[:4], classes=NAMES)
    report = myelin.write_report(artifact, (x, y), tmp_path / "report.html", reference=net, lava_samples=1)
    values = report_values(report)
    assert [(parity["equal"], parity["values"] > 0) for parity in values["parities"][:3]] == [(True, True)] * 3
    assert values["parities"][0]["values"] == said.size and values["reference"]["kind"] == "module"


def lava_dl_file(path):
    """What lava-dl itself exports, and its own forward pass."""
    neuron = {"threshold": 1.0, "current_decay": 0.25, "voltage_decay": 0.1, "requires_grad": False}
    cuba = myelin.slayer.block.cuba
    net = torch.nn.Sequential(cuba.Dense(neuron, 6, 16, weight_scale=3, delay=True), cuba.Dense(neuron, 16, 3, weight_scale=3))
    net[0].delay.delay.data, net[0].delay.init = torch.rand(16) * 8, True
    with torch.no_grad():
        net(torch.zeros(1, 6, 2))  # fixes the shapes of the neurons
    with h5py.File(path, "w") as file:
        for number, block in enumerate(net):
            block.export_hdf5(file.create_group(f"layer/{number}"))

    def forward(x):
        with torch.no_grad():
            return net(x)

    return path, forward


def hand_made_file(path):
    """A netx file with lava-dl's fields, written with h5py alone; its numbers as a float network would have them."""
    rng = np.random.default_rng(0)
    neuron = {"iDecay": 1024, "vDecay": 400, "vThMant": 80, "refDelay": 1}
    with h5py.File(path, "w") as file:
        entry = file.create_group("layer/0")
        entry["type"], entry["shape"] = b"input", [6]
        for number, (inputs, outputs) in enumerate(((6, 16), (16, 3)), 1):
            entry = file.create_group(f"layer/{number}")
            entry["type"], entry["shape"] = b"dense", [outputs]
            entry["inFeatures"], entry["outFeatures"] = inputs, outputs
            entry["weight"] = rng.integers(-60, 61, (outputs, inputs)) * 2
            for name, value in {"type": b"CUBA", **neuron}.items():
                entry[f"neuron/{name}"] = value
    network = myelin.read(path).network
    return path, lambda x: myelin.simulate(network, np.asarray(x)).prediction


def snntorch_file(path):
    snntorch = pytest.importorskip("snntorch", reason="snnTorch is not installed")
    pytest.importorskip("nirtorch", reason="nirtorch is not installed")
    torch.manual_seed(0)
    leaky = {"reset_mechanism": "zero", "init_hidden": True}
    net = torch.nn.Sequential(
        torch.nn.Linear(6, 16), snntorch.Leaky(beta=0.9, **leaky), torch.nn.Linear(16, 3), snntorch.Leaky(beta=0.95, **leaky)
    )
    with torch.no_grad():
        net[0].weight *= 3
        net[2].weight *= 3

    def forward(x):  # (samples, units, steps)
        for layer in net[1::2]:
            layer.reset_mem()
        with torch.no_grad():
            return torch.stack([net(frame) for frame in x.float().unbind(dim=2)], dim=2)

    x = (torch.rand(8, 6, 20) < 0.3).float()
    network = myelin.from_torch(net, (6,), calibrate=x)
    myelin.write_netx(network, path)
    return path, forward


@pytest.mark.parametrize("made", [lava_dl_file, hand_made_file, snntorch_file])
def test_a_network_of_somebody_else_goes_all_the_way_with_arrays(made, tmp_path):
    torch.manual_seed(0)
    path, forward = made(tmp_path / "theirs.net")
    rng = np.random.default_rng(1)
    x, y = torch.from_numpy((rng.random((24, 6, 20)) < 0.3).astype(np.float32)), torch.from_numpy(rng.integers(0, 3, 24))
    opened = myelin.read(path)
    assert opened.network.input.shape == (6,)
    checked = myelin.check(opened, "loihi2", inputs=x)
    assert checked["holds"] and checked["calibration"] is not None
    mapped = myelin.map_cores(opened, "loihi2", inputs=x)
    assert mapped["fits"] and mapped["cores"] >= 1
    recording = myelin.simulate(opened, x)
    assert recording.output.shape == (24, 20, 3) and recording.output.any()
    validation = myelin.validate(opened, (x, y), reference=forward, max_drop=50.0, lava_samples=1)
    assert validation.failures == [] and repr(validation) == "\n".join(validation.lines())
    assert np.array_equal(validation.outcomes["simulator"].predictions, recording.prediction)
    if made is lava_dl_file:
        assert np.array_equal(recording.output, forward(x).numpy().swapaxes(1, 2))
    if made is not snntorch_file:
        assert np.array_equal(validation.outcomes["float"].predictions, recording.prediction)
    report = myelin.write_report(
        opened, (x, y), tmp_path / "report.html", reference=forward, max_drop=50.0, lava_samples=0, target="loihi2"
    )
    values = report_values(report)
    assert values["predictions"]["simulator"] == recording.prediction.tolist()
    assert report.values["verdict"]["headline"].startswith("This network may go to")


def test_quantised_floats_end_in_an_artifact_that_validates(tmp_path):
    from myelin.convert.floats.network import dequantised

    rng = np.random.default_rng(1)
    path, _ = hand_made_file(tmp_path / "theirs.net")
    x, y = (rng.random((24, 20, 6)) < 0.3).astype(np.uint8), rng.integers(0, 3, 24)
    floats = dequantised(myelin.read(path).network)
    with pytest.raises(myelin.DataError, match=r"give --calibration-samples \(calibration_samples= in Python\) below 24$"):
        myelin.quantise(floats, (x, y), target="loihi2")
    made = myelin.quantise(floats, (x, y), target="loihi2", calibration_samples=8, artifact=tmp_path / "art")
    assert repr(made) == f"Quantised, the integers:\n  artifact {tmp_path / 'art'}\n{made.network!r}"
    assert myelin.validate(made.artifact, (x, y), max_drop=50.0, lava_samples=0).failures == []
