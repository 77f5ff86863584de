"""NIR files that we write, read by snnTorch's own importer, which has a step of 0.1 ms and no delays."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest

from myelin.convert import Conv, Cuba, Dense, Input, Layer, Network, write_nir
from myelin.convert.floats.network import dequantised
from myelin.convert.floats.simulator import simulate_floats

nir = pytest.importorskip("nir", reason="the package nir (extra 'nir') is not installed")
pytest.importorskip("snntorch", reason="snntorch (requirements-peers.txt) is not installed")
import torch  # noqa: E402


def run(path, spikes):
    """Output (batch, steps, ...) of the file in snnTorch."""
    from snntorch.import_nir import import_from_nir

    with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        module, state, outputs = import_from_nir(nir.read(str(path))), None, []
        for t in range(spikes.shape[1]):
            output, state = module(torch.from_numpy(spikes[:, t].astype(np.float32)), state)
            outputs.append((output[0] if isinstance(output, tuple) else output).numpy())
    return np.stack(outputs, 1)


def networks():
    rng = np.random.default_rng(3)
    first, second = (Cuba(threshold, int(rng.integers(300, 4000)), int(rng.integers(100, 2000))) for threshold in (150, 120))
    strided = Conv(rng.integers(-60, 70, (4, 1, 3, 3)), (2, 2), (1, 1), groups=2)
    return {
        "dense": Network(
            Input((6,)),
            [
                Layer((9,), Dense(rng.integers(-40, 90, (9, 6))), first),
                Layer((4,), Dense(rng.integers(-40, 90, (4, 9))), second),
            ],
        ),
        "convolutions": Network(
            Input((2, 6, 8)),
            [Layer((4, 3, 4), strided, first), Layer((3, 2, 3), Conv(rng.integers(-60, 60, (3, 4, 2, 2))), second)],
        ),
    }


@pytest.mark.parametrize("name", networks())
def test_snntorch_reads_what_we_write_and_has_its_spikes(tmp_path, name):
    network = networks()[name]
    write_nir(network, tmp_path / "a.nir", dt_ms=0.1, step_latency=False)
    spikes = (np.random.default_rng(0).random((2, 60, *network.input.shape)) < 0.3).astype(np.int64)
    want = simulate_floats(dequantised(network), spikes).output
    later = len(network.layers)  # a layer of ours is a step later
    assert 0.05 < want.mean() < 0.9
    np.testing.assert_array_equal(run(tmp_path / "a.nir", spikes)[:, :-later], want[:, later:])
