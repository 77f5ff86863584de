"""Networks of simulators that write NIR files, each with its own exporter and its own simulation.

A simulator that is not installed is skipped; ``benchmarks/conformance/__main__.py`` says how to install them elsewhere.
Constants are given for every neuron, since nir 1.0.8 cannot write the scalars that some exporters make of their defaults.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Written:
    """A network of another simulator.

    Attributes:
        name: the network in words.
        graph: function that writes it with the simulator's own exporter, as a ``nir.NIRGraph``.
        own: the simulator's own simulation: spikes (batch, steps, *input shape) -> output (batch, steps, *output shape).
        input_shape: shape of a frame.
        decays: share of the voltage lost per step in the simulator, by layer; a number or one for each neuron.
        why: what of the simulator's neurons its file does not say, so that values differ; empty if nothing is known.
    """

    name: str
    graph: Callable[[], Any]
    own: Callable[[Array], Array]
    input_shape: tuple[int, ...]
    decays: tuple[Any, ...]
    why: str = ""


@dataclass(frozen=True)
class Writer:
    """A simulator: its name, its module that is asked for first, its package, and its networks."""

    name: str
    module: str
    package: str
    networks: Callable[[], list[Written]]

    @property
    def version(self) -> str:
        """Version of the package."""
        return version(self.package)

    def missing(self) -> str | None:
        """Why the simulator cannot be used, or None."""
        try:
            with quiet():
                importlib.import_module(self.module)
        except (ImportError, OSError) as error:
            return f"{self.package} is not installed ({error})"
        return None


@contextmanager
def quiet() -> Iterator[None]:
    """Without warnings of other packages."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _stepped(module: Any, spikes: Array, state: bool = False) -> Array:
    """Outputs of a module that is called step by step, with a state that it takes and gives if ``state``."""
    import torch

    x, rows, now = torch.from_numpy(spikes.astype(np.float32)), [], None
    with torch.no_grad():
        for t in range(x.shape[1]):
            out = module(x[:, t], now) if state else module(x[:, t])
            out, now = out if state else (out[0] if isinstance(out, tuple) else out, None)
            rows.append(out.numpy())
    return np.stack(rows, 1)


def _weights(module: Any, gain: float) -> Any:
    """``module`` with weights that make random spikes go through it."""
    import torch

    for layer in module.modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d):
            fan = layer.weight[0].numel()
            layer.weight.data = torch.randn(layer.weight.shape) * gain / fan**0.5 + 0.3 * gain / fan**0.5
    return module


def snntorch_networks() -> list[Written]:
    """snnTorch: leaky neurons that subtract (its default) or reset to zero, a synapse filter, a convolution."""
    import snntorch
    import torch
    from snntorch import utils
    from snntorch.export_nir import export_to_nir

    def leaky(size: tuple[int, ...], beta: float, reset: str, **more: Any) -> Any:
        return snntorch.Leaky(
            beta=torch.full(size, beta), threshold=torch.ones(size), reset_mechanism=reset, init_hidden=True, **more
        )

    def written(name: str, net: Any, shape: tuple[int, ...], decays: tuple[Any, ...], why: str = "") -> Written:
        def own(spikes: Array) -> Array:
            utils.reset(net)
            return _stepped(net, spikes)

        def graph() -> Any:
            utils.reset(net)
            return export_to_nir(net, torch.zeros(1, *shape), ignore_dims=[0])

        return Written(name, graph, own, shape, decays, why)

    found = []
    for reset in ("subtract", "zero"):
        torch.manual_seed(1)
        net = torch.nn.Sequential(
            torch.nn.Linear(30, 40, bias=False),
            leaky((40,), 0.9, reset),
            torch.nn.Linear(40, 10, bias=False),
            leaky((10,), 0.8, reset, output=True),
        )
        found.append(written(f"Linear, Leaky, reset {reset}", _weights(net, 1.0), (30,), (0.1, 0.2)))
    synaptic = {"alpha": torch.full((20,), 0.7), "beta": torch.full((20,), 0.9), "threshold": torch.ones(20)}
    for late in (True, False):
        torch.manual_seed(1)
        net = torch.nn.Sequential(
            torch.nn.Linear(30, 20, bias=False),
            snntorch.Synaptic(**synaptic, init_hidden=True, reset_mechanism="zero", output=True, reset_delay=late),
        )
        name = f"Linear, Synaptic, reset zero{', its default' if late else ', reset_delay=False'}"
        why = "its neurons stay at 0 in the step after a spike, whatever current reaches them" if late else ""
        found.append(written(name, _weights(net, 0.5), (30,), (0.1,), why))
    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, bias=False),
        leaky((4, 6, 6), 0.9, "zero"),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(36, 10, bias=False),
        leaky((10,), 0.8, "zero", output=True),
    )
    found.append(
        written("Conv2d, Leaky, AvgPool2d, Flatten, Linear, Leaky, reset zero", _weights(net, 2.0), (2, 8, 8), (0.1, 0.2))
    )
    return found


def norse_networks() -> list[Written]:
    """norse: LIF with a synapse filter and without, an integrate-and-fire neuron, a readout."""
    import norse.torch as norse
    import torch
    from norse.torch.utils.export_nir import to_nir

    def full(parameters: Any, size: int, **change: float) -> Any:
        return type(parameters)(
            *(
                torch.full((size,), float(change.get(name, value))) if torch.is_tensor(value) else value
                for name, value in zip(parameters._fields, parameters, strict=True)
            )
        )

    def written(name: str, net: Any, decays: tuple[Any, ...], gain: float) -> Written:
        net = _weights(net, gain)
        return Written(
            name, lambda: to_nir(net, torch.zeros(1, 30)), lambda spikes: _stepped(net, spikes, state=True), (30,), decays
        )

    torch.manual_seed(1)
    lif = norse.SequentialState(
        torch.nn.Linear(30, 40, bias=False),
        norse.LIFCell(full(norse.LIFParameters(), 40)),
        torch.nn.Linear(40, 10, bias=False),
        norse.LIFCell(full(norse.LIFParameters(), 10)),
    )
    box = norse.SequentialState(
        torch.nn.Linear(30, 40, bias=False),
        norse.LIFBoxCell(full(norse.LIFBoxParameters(), 40)),
        torch.nn.Linear(40, 10, bias=False),
        norse.LIFBoxCell(full(norse.LIFBoxParameters(), 10, tau_mem_inv=50)),
    )
    return [
        written("Linear, LIFCell", lif, (0.1, 0.1), 3.0),
        written("Linear, LIFBoxCell", box, (0.1, 0.05), 10.0),
    ]


def sinabs_networks() -> list[Written]:
    """Sinabs: integrate-and-fire and leaky neurons with its defaults, with single spikes and resets, and a convolution."""
    import torch
    from sinabs import activation, layers
    from sinabs.nir import to_nir

    plain: dict[str, Any] = {"spike_fn": activation.SingleSpike, "reset_fn": activation.MembraneReset()}

    def written(
        name: str, build: Callable[[int], Any], shape: tuple[int, ...], decays: tuple[Any, ...], gain: float, why: str = ""
    ) -> Written:
        def made(batch: int) -> Any:
            torch.manual_seed(1)
            return _weights(build(batch), gain)

        def own(spikes: Array) -> Array:
            net = made(len(spikes))
            with torch.no_grad():
                out = net(torch.from_numpy(spikes.astype(np.float32)).flatten(0, 1))
            return np.asarray(out.numpy().reshape(*spikes.shape[:2], -1))

        def graph() -> Any:
            found = to_nir(made(1), torch.zeros(1, *shape))
            found.infer_types()
            return found

        return Written(name, graph, own, shape, decays, why)

    def dense(neuron: Callable[..., Any], **how: Any) -> Callable[[int], Any]:
        def build(batch: int) -> Any:
            sizes = ((40,), (10,))
            first, second = (
                neuron(batch_size=batch, spike_threshold=torch.ones(size), **how, **_tau(neuron, size)) for size in sizes
            )
            return torch.nn.Sequential(torch.nn.Linear(30, 40, bias=False), first, torch.nn.Linear(40, 10, bias=False), second)

        return build

    def _tau(neuron: Callable[..., Any], size: tuple[int, ...]) -> dict[str, Any]:
        return {"tau_mem": torch.full(size, 20.0)} if neuron is layers.LIFSqueeze else {}

    def conv(batch: int) -> Any:
        return torch.nn.Sequential(
            torch.nn.Conv2d(2, 4, 3, bias=False),
            layers.IAFSqueeze(batch_size=batch, **plain),
            layers.SumPool2d(2),
            torch.nn.Conv2d(4, 6, 2, bias=False),
            layers.IAFSqueeze(batch_size=batch, **plain),
            torch.nn.Flatten(),
            torch.nn.Linear(24, 5, bias=False),
            layers.IAFSqueeze(batch_size=batch, **plain),
        )

    keep = float(1 - np.exp(-1 / 20))
    why = "sends several spikes in a step, and subtracts as many thresholds"
    return [
        written("Linear, IAF, defaults", dense(layers.IAFSqueeze), (30,), (0, 0), 1.0, why),
        written("Linear, IAF, single spikes and resets", dense(layers.IAFSqueeze, **plain), (30,), (0, 0), 1.0),
        written("Linear, LIF, single spikes and resets", dense(layers.LIFSqueeze, **plain), (30,), (keep, keep), 8.0),
        written("Conv2d, IAF, SumPool2d, Conv2d, IAF, Flatten, Linear, IAF, single spikes", conv, (2, 8, 8), (0, 0, 0), 0.5),
    ]


def rockpool_networks() -> list[Written]:
    """Rockpool: LIF with a synapse filter, which subtracts, and a leaky neuron without one."""
    import torch
    from rockpool.nn.combinators import Sequential
    from rockpool.nn.modules.torch import LIFTorch, LinearTorch
    from rockpool.nn.modules.torch.nir import to_nir

    torch.manual_seed(1)
    net = Sequential(
        LinearTorch((30, 40)), LIFTorch((40,), tau_mem=0.02, tau_syn=0.01), LinearTorch((40, 10)), LIFTorch((10,), tau_mem=0.03)
    )
    for name, value in net.named_parameters():
        if name.endswith("weight"):
            value.data = torch.randn(value.shape) * 0.01 + 0.003

    def own(spikes: Array) -> Array:
        net.reset_state()
        with torch.no_grad():
            return np.asarray(net(torch.from_numpy(spikes.astype(np.float32)))[0].numpy())

    decays = (float(1 - np.exp(-1 / 20)), float(1 - np.exp(-1 / 30)))
    return [Written("Linear, LIF", lambda: to_nir(net), own, (30,), decays)]


def spikingjelly_networks() -> list[Written]:
    """SpikingJelly: its LIF neuron, an integrate-and-fire neuron, and a convolution with average pooling."""
    import torch
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    def written(name: str, net: Any, shape: tuple[int, ...], decays: tuple[Any, ...], gain: float) -> Written:
        net = _weights(net, gain)

        def own(spikes: Array) -> Array:
            functional.reset_net(net)
            return _stepped(net, spikes)

        def graph() -> Any:
            functional.reset_net(net)
            return export_to_nir(net, torch.zeros(1, *shape))

        return Written(name, graph, own, shape, decays)

    torch.manual_seed(1)
    lif = torch.nn.Sequential(
        layer.Linear(30, 40, bias=False), neuron.LIFNode(tau=2.0), layer.Linear(40, 10, bias=False), neuron.LIFNode(tau=5.0)
    )
    plain = torch.nn.Sequential(
        layer.Linear(30, 40, bias=False),
        neuron.IFNode(),
        layer.Linear(40, 10, bias=False),
        neuron.LIFNode(4.0, decay_input=False),
    )
    conv = torch.nn.Sequential(
        layer.Conv2d(2, 4, 3, padding=1, bias=False),
        neuron.LIFNode(tau=2.0),
        torch.nn.AvgPool2d(2),
        layer.Flatten(),
        layer.Linear(64, 10, bias=False),
        neuron.LIFNode(tau=2.0),
    )
    return [
        written("Linear, LIFNode", lif, (30,), (0.5, 0.2), 3.0),
        written("Linear, IFNode, LIFNode without decay_input", plain, (30,), (0, 0.25), 1.0),
        written("Conv2d, LIFNode, AvgPool2d, Flatten, Linear, LIFNode", conv, (2, 8, 8), (0.5, 0.5), 3.0),
    ]


def spyx_networks() -> list[Written]:
    """Spyx: LIF and CuBaLIF, which subtract the threshold one step later."""
    import jax.numpy as jnp
    import spyx.nn as spyx
    from flax import nnx
    from spyx.nir import to_nir

    def written(name: str, neurons: Callable[[Any], tuple[Any, Any]], decays: tuple[Any, ...], gain: float) -> Written:
        rngs = nnx.Rngs(1)
        first, second = neurons(rngs)
        net = spyx.Sequential(
            nnx.Linear(30, 40, use_bias=False, rngs=rngs), first, nnx.Linear(40, 10, use_bias=False, rngs=rngs), second
        )
        rng = np.random.default_rng(1)
        for index in (0, 2):
            shape = net.layers[index].kernel[...].shape
            values = (rng.normal(size=shape) + 0.3) * gain / shape[0] ** 0.5
            net.layers[index].kernel[...] = jnp.asarray(values, jnp.float32)

        def own(spikes: Array) -> Array:
            out, _ = spyx.run(net, jnp.asarray(spikes.swapaxes(0, 1), jnp.float32))
            return np.asarray(out).swapaxes(0, 1)

        def graph() -> Any:
            return to_nir(net, {"input": np.array([30])}, {"output": np.array([10])})

        return Written(name, graph, own, (30,), decays)

    return [
        written(
            "Linear, LIF",
            lambda rngs: (spyx.LIF((40,), beta=0.9, rngs=rngs), spyx.LIF((10,), beta=0.8, rngs=rngs)),
            (0.1, 0.2),
            1.0,
        ),
        written(
            "Linear, CuBaLIF",
            lambda rngs: (
                spyx.CuBaLIF((40,), alpha=0.7, beta=0.9, rngs=rngs),
                spyx.CuBaLIF((10,), alpha=0.5, beta=0.8, rngs=rngs),
            ),
            (0.1, 0.2),
            0.5,
        ),
    ]


#: Simulators whose exporters are tried.
WRITERS = (
    Writer("snnTorch", "snntorch.export_nir", "snntorch", snntorch_networks),
    Writer("Norse", "norse.torch.utils.export_nir", "norse", norse_networks),
    Writer("Sinabs", "sinabs.nir", "sinabs", sinabs_networks),
    Writer("Rockpool", "rockpool.nn.modules.torch.nir", "rockpool", rockpool_networks),
    Writer("SpikingJelly", "spikingjelly.activation_based.nir_exchange", "spikingjelly", spikingjelly_networks),
    Writer("Spyx", "spyx.nir", "spyx", spyx_networks),
)


@dataclass(frozen=True)
class Found:
    """Comparison of a file, as Myelin reads it, with the simulator that wrote it.

    Attributes:
        network: the network in words.
        refused: the message, if the file is refused; the other values are None then.
        mismatch: share of output values that differ.
        unrounded: the same before the floats are rounded to integers.
        subtracted: the same if spikes subtracted the threshold, at once or one step later, whichever is closer.
        why: as of ``Written``.
        lag: steps by which the simulator's output is earlier than Myelin's.
        rate: mean of the simulator's output.
        decay: largest error of a decay of the voltage, in 1/4096.
    """

    network: str
    refused: str | None = None
    mismatch: float | None = None
    unrounded: float | None = None
    subtracted: float | None = None
    why: str = ""
    lag: int | None = None
    rate: float | None = None
    decay: float | None = None

    @property
    def reason(self) -> str:
        """Why the floats differ, as far as it was tried or is known."""
        if not self.unrounded:
            return ""
        return "subtracts the threshold at a spike" if self.subtracted == 0 else self.why or "unknown"


def compared(written: Written, path: str, *, samples: int = 4, steps: int = 100, density: float = 0.2) -> Found:
    """Write the network to ``path``, read it without options, simulate both on random spikes."""
    import nir

    from myelin.convert import read_nir, simulate
    from myelin.convert.floats.simulator import simulate_floats
    from myelin.convert.nir.format import read_nir_floats
    from myelin.convert.nir.mismatch import subtracting
    from myelin.hw_configs.errors import NetworkError

    with quiet():
        nir.write(path, written.graph())
        spikes = (np.random.default_rng(3).random((samples, steps, *written.input_shape)) < density).astype(np.uint8)
        own = written.own(spikes)
    own = own.reshape(*own.shape[:2], -1)
    try:
        network = read_nir(path)
    except NetworkError as error:
        return Found(written.name, str(error).removeprefix(f"{path}: "))
    later = len(network.layers)
    got = simulate(network, spikes).output.reshape(own.shape)
    read = read_nir_floats(path)
    networks = (read, subtracting(read), subtracting(read, late=True))
    floats, *others = (simulate_floats(one, spikes).output.reshape(own.shape) for one in networks)

    def share(values: Array, lag: int) -> float:
        return float(np.mean(values[:, later + 1 :] != np.roll(own, lag, 1)[:, later + 1 :]))

    lag = min(range(later + 1), key=lambda steps: share(floats, steps))
    decay = max(
        float(np.abs(layer.neuron.voltage_decay / 4096 - np.asarray(share)).max() * 4096)  # type: ignore[attr-defined]
        for layer, share in zip(network.layers, written.decays, strict=True)
    )
    other = min(share(values, steps) for values in others for steps in range(later + 1))
    rate = float(own.mean())
    return Found(written.name, None, share(got, lag), share(floats, lag), other, written.why, lag, rate, decay)
