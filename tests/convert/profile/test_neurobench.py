"""NeuroBench's metrics: equal to what its package counts on feed-forward networks, and to counts by hand elsewhere."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import myelin
from myelin.cli import main
from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate, write_netx
from myelin.convert.profile.neurobench import footprint, neurobench
from myelin.hw_configs.errors import ConfigError

LIVELY = Cuba(300, 1024, 400)
SUMS = Cuba((1 << 17) - 1, 4096, 0)


def _network(rng: np.random.Generator, message_bits: int = 0) -> Network:
    """Input (2, 5, 4), conv of 3 channels, dense with delays, readout of states; half of the weights are zero."""

    def weights(*shape: int) -> Any:
        return 2 * rng.integers(-20, 60, shape) * rng.integers(0, 2, shape)

    return Network(
        Input((2, 5, 4), message_bits),
        [
            Layer((3, 5, 4), Conv(weights(3, 2, 3, 3), padding=(1, 1)), LIVELY, delay_steps=rng.integers(0, 5, (3, 5, 4))),
            Layer((7,), Dense(weights(7, 60)), LIVELY),
            Layer((4,), Dense(weights(4, 7)), SUMS, output="state"),
        ],
    )


def _by_the_package(network: Network, spikes: np.ndarray[Any, Any]) -> dict[str, Any]:
    """What the package neurobench counts on a torch module that replays the recorded spikes and voltages, sample by sample."""
    torch = pytest.importorskip("torch")
    snn = pytest.importorskip("snntorch", reason="snnTorch is not installed")
    pytest.importorskip("neurobench", reason="the package neurobench is not installed")
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics import static, workload
    from neurobench.models import SNNTorchModel

    recorded = simulate(network, spikes, record=dict.fromkeys(range(len(network.layers)), ("spikes", "v")))

    class Replay(snn.SpikingNeuron):  # type: ignore[misc]
        def __init__(self, index: int) -> None:
            super().__init__()
            arrays = recorded.layers[index]
            self.played = {name: torch.as_tensor(arrays[name].astype(np.float64)) for name in ("spikes", "v")}
            self.mem = torch.zeros_like(self.played["v"][:1, 0])

        def forward(self, _: Any) -> Any:
            self.mem = self.played["v"][model.sample : model.sample + 1, model.step]
            return self.played["spikes"][model.sample : model.sample + 1, model.step], self.mem

    class Replayed(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.sample, self.step = -1, 0
            for index, layer in enumerate(network.layers):
                weight = torch.as_tensor(layer.synapse.weight.astype(np.float64))
                module: Any
                if isinstance(layer.synapse, Conv):
                    module = torch.nn.Conv2d(*weight.shape[1::-1], 3, padding=layer.synapse.padding, bias=False)
                else:
                    module = torch.nn.Linear(*weight.shape[::-1], bias=False)
                module.weight = torch.nn.Parameter(weight)
                self.add_module(f"synapse{index}", module)
                if layer.output == "spikes":
                    self.add_module(f"neuron{index}", Replay(index))

        def reset(self) -> None:
            self.sample, self.step = self.sample + 1, 0

        def forward(self, value: Any) -> Any:
            for index, layer in enumerate(network.layers):
                if not isinstance(layer.synapse, Conv):
                    value = value.flatten(1)
                value = getattr(self, f"synapse{index}")(value)
                if layer.output == "spikes":
                    value, _ = getattr(self, f"neuron{index}")(value)
            self.step += 1
            return value, None

    model = Replayed()
    pairs = torch.utils.data.TensorDataset(torch.as_tensor(spikes.astype(np.float64)), torch.zeros(len(spikes)))
    metrics = [
        [static.ConnectionSparsity, static.ParameterCount],
        [
            workload.ActivationSparsity,
            workload.ActivationSparsityByLayer,
            workload.SynapticOperations,
            workload.MembraneUpdates,
        ],
    ]
    benchmark = Benchmark(SNNTorchModel(model), torch.utils.data.DataLoader(pairs, batch_size=1), [], [], metrics)
    found: dict[str, Any] = benchmark.run(quiet=True)
    return found


@pytest.mark.parametrize("message_bits", [0, 4])
def test_it_equals_what_the_package_counts(message_bits):
    """Every metric but the footprint, on three samples of a feed-forward network; graded values become multiplications."""
    rng = np.random.default_rng(message_bits)
    network = _network(rng, message_bits)
    spikes = rng.integers(0, 1 << max(1, message_bits), (3, 12, 2, 5, 4)) * (rng.random((3, 12, 2, 5, 4)) < 0.1)
    theirs = _by_the_package(network, spikes)
    ours = neurobench(network, inputs=spikes)
    readout = simulate(network, spikes, record={2: ("v",)}).layers[2]["v"].astype(np.int64)
    # they hook neurons that spike alone: the readout's voltages are counted here as the definition says
    own = (np.count_nonzero(np.diff(readout, axis=1)) + readout[:, 0].size) / 3
    assert ours["SynapticOperations"] == theirs["SynapticOperations"]
    assert ours["SynapticOperations"]["Effective_ACs"] > 0
    assert (ours["SynapticOperations"]["Effective_MACs"] > 0) == bool(message_bits)
    assert ours["ActivationSparsity"] == pytest.approx(theirs["ActivationSparsity"])
    assert 0 < ours["ActivationSparsity"] < 1
    assert list(ours["ActivationSparsityByLayer"].values()) == list(theirs["ActivationSparsityByLayer"].values())
    assert list(ours["ActivationSparsityByLayer"]) == ["layer 0 (conv)", "layer 1 (dense)"]
    assert ours["ConnectionSparsity"] == theirs["ConnectionSparsity"]
    assert ours["MembraneUpdates"] - own == pytest.approx(theirs["MembraneUpdates"])
    assert ours["ParameterCount"] == theirs["ParameterCount"] + 60 + 15  # 60 delays, five constants of three populations


def test_recurrence_and_delays_by_hand():
    """A spike meets the forward and the recurrent weights of its neuron once, whatever its delay; ``Dense`` counts all."""
    recurrent = DelayedRecurrent(Dense([[0, 0], [2, 0]]), [9, 0])
    always = Cuba(0, 4096, 4096)
    network = Network(Input((3,)), [Layer((2,), Dense([[2, 0, 0], [4, 6, 0]]), always, recurrent=recurrent)])
    spikes = np.zeros((2, 6, 3), int)
    spikes[0, 0] = spikes[1, 3, 0] = 1
    found = neurobench(network, inputs=spikes)
    fired = simulate(network, spikes, record={0: ("spikes",)}).layers[0]["spikes"]
    assert found["SynapticOperations"] == {
        "Effective_MACs": 0.0,
        "Effective_ACs": (3 + 2 + int(fired[..., 0].sum())) / 2,
        "Dense": 6 * (6 + 4),
    }
    assert found["ConnectionSparsity"] == 0.6
    assert found["ActivationSparsityByLayer"] == {"layer 0 (dense, recurrent dense)": (24 - int(fired.sum())) / 24}


def test_the_footprint_adds_up():
    """Weights of one byte, delays of one, constants in the narrowest type, states of four, rings of a bit a step."""
    network = Network(
        Input((3,)),
        [
            Layer((8,), Dense(np.full((8, 3), 254)), Cuba(300, 1024, 400), delay_steps=np.arange(8)),
            Layer((2,), Dense(np.full((2, 8), 3)), SUMS, output="state"),
        ],
    )
    assert dict(footprint(network, 100)) == {
        "weights": 24 + 16,
        "delays": 8,
        "constants": (2 + 2 + 2 + 1 + 1) + (4 + 2 + 1 + 1 + 1),
        "states": 4 * 2 * (8 + 2),
        "rings": 7,
        "bytes": 40 + 8 + 17 + 80 + 7,
    }
    assert footprint(network, 3)["rings"] == 3


def test_the_command_writes_neurobenchs_form(tmp_path, capsys):
    """A flat object of metrics by name, as its ``save_benchmark_results``; the public function returns the same."""
    network = _network(np.random.default_rng(1))
    write_netx(network, tmp_path / "a.net")
    assert main(["profile", str(tmp_path / "a.net"), "--samples", "2", "--neurobench", str(tmp_path / "n.json")]) == 0
    written = json.loads((tmp_path / "n.json").read_text())
    assert written == myelin.neurobench(tmp_path / "a.net", inputs=myelin.InputChoice(samples=2))
    assert list(written)[:3] == ["Footprint", "ParameterCount", "ConnectionSparsity"]
    capsys.readouterr()
    with pytest.raises(ConfigError, match=r"n\.json/m\.json"):
        myelin.neurobench(network, out=tmp_path / "n.json" / "m.json")
