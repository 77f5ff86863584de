"""A torch module goes to an artifact in one call, its input shape from the inputs."""

from __future__ import annotations

import numpy as np
import pytest

import myelin

torch = pytest.importorskip("torch")


def made(hard):
    torch.manual_seed(3)
    blocks = [
        myelin.nn.Conv(1, 2, 3, input_shape=(1, 6, 6), stride=2, delay=True),
        myelin.nn.Dense(8, 5, delay=True),
        myelin.nn.Readout(5, 3),
    ]
    for block in blocks[:2]:
        block.delay.set(hard=hard)
    return torch.nn.Sequential(*blocks).eval()


@pytest.fixture(scope="module")
def module():
    return made(True)


X = (np.random.default_rng(4).random((3, 1, 6, 6, 20)) < 0.4).astype(np.float32)


def test_the_shape_of_the_inputs_is_that_of_the_module(module, tmp_path):
    exported = myelin.export(module, tmp_path / "art", target="loihi2", inputs=torch.tensor(X), classes=["a", "b", "c"])
    artifact = myelin.read(exported).artifact
    assert exported.network.input.shape == (1, 6, 6)
    np.testing.assert_array_equal(artifact.golden.spikes, np.moveaxis(X, -1, 1))
    facts = artifact.manifest["provenance"]
    assert (facts["source"], facts["module"]) == ("module", "torch.nn.modules.container.Sequential")
    assert myelin.compare(module, exported.network, torch.tensor(X)).equal


def test_the_shape_can_be_given(module, tmp_path):
    exported = myelin.export(module, tmp_path / "art", target="loihi2", input_shape=(1, 6, 6))
    assert exported.network.input.shape == (1, 6, 6)
    with pytest.raises(myelin.DataError, match="does not say the shape of its input; give input_shape, or inputs"):
        myelin.export(module, tmp_path / "no", target="loihi2")
    with pytest.raises(myelin.NetworkError, match=r"a Sequential is no network; .*of a torch module with myelin.from_torch"):
        myelin.check(module, "loihi2")
    told = r"calibrate=x in myelin.from_torch, whose network export takes"
    with pytest.raises(myelin.NetworkError, match=told):
        myelin.export(made(False), tmp_path / "no", target="loihi2", input_shape=(1, 6, 6))
    network = myelin.from_torch(made(False), (1, 6, 6), calibrate=torch.tensor(X))
    assert myelin.export(network, tmp_path / "calibrated", target="loihi2", inputs=X).network is network
