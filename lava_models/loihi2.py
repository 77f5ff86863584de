"""Loihi 2: the same graph with Intel's lava-loihi, which is not public; without it, one message says what is missing.

Nothing here could be run on a board yet.  It follows public programs that use lava-loihi: adapters from
``lava.proc.embedded_io`` between host and chip, the run configuration ``Loihi2HwCfg``, and only processes known to have a
neurocore model: Dense, DelayDense, Sparse, LIF and Conv (lava-dl ``tests/lava/lib/dl/netx/test_hdf5_nx.py``, lava pull request
693).  Sigma-delta networks are refused: one test of lava-dl runs one on a board, nothing else public shows how.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.network import Network, naming_layer
from convert.neurons import Cuba, Delta
from convert.recording import Record
from hw_configs.errors import BackendError, NetworkError
from lava_models import compat
from lava_models.neurons.cuba import has_shared_decays

#: Processes that may stand in a graph for the chip.
CHIP_PROCESSES = frozenset({"Dense", "DelayDense", "Sparse", "Conv"})
_NO_MODEL = "no process model of these for the chip is known: use backend='cpu', or CUBA neurons"
#: Environment variables that choose the board: a SLURM partition, or the address of a host on the network.
PARTITION, HOST = "MYELIN_LOIHI_PARTITION", "MYELIN_LOIHI_HOST"


def is_installed() -> bool:
    """Whether Intel's lava-loihi can be imported."""
    if compat.missing():
        return False
    from lava.utils import loihi

    return bool(loihi.is_installed())


def require() -> None:
    """Raise BackendError unless Lava and lava-loihi are installed."""
    compat.require()
    if not is_installed():
        raise BackendError(
            "backend loihi2: Intel's lava-loihi is not installed; it comes with membership of the Intel Neuromorphic Research "
            "Community (inrc_interest@intel.com): install it into this environment on a machine that reaches a board, set "
            f"{PARTITION} or {HOST}, and run again; until then use backend='cpu', whose integers are the same"
        )


def check(network: Network, values: npt.NDArray[Any], record: Record) -> None:
    """Raise NetworkError or BackendError where the graph for the chip cannot hold this network or request."""
    if record:
        raise BackendError("backend loihi2 records the output only: leave record out, or record with backend='cpu'")
    if isinstance(network.input.neuron, Delta):
        raise BackendError(f"backend loihi2: the input has delta encoders; {_NO_MODEL}")
    if network.input.neuron is not None and values.shape[1] > 1 and np.any(values != values[:, :1]):
        raise BackendError(
            "backend loihi2: neurons at the input take one constant value a sample, these inputs change over time"
        )
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            if not isinstance(layer.neuron, Cuba):
                raise BackendError(f"backend loihi2: layer {index} ({layer.kind}) has sigma-delta neurons; {_NO_MODEL}")
            if not has_shared_decays(layer.neuron):
                raise NetworkError(
                    "decays differ between neurons, the LIF of the chip holds one of each kind for a layer; retrain with "
                    "shared decays, or run with backend='cpu'"
                )


def connect_host() -> None:
    """Choose the board by the environment, unless the user has done so with ``lava.utils.loihi`` already."""
    from lava.utils import loihi

    if partition := os.environ.get(PARTITION):
        loihi.use_slurm_host(partition=partition, loihi_gen=loihi.ChipGeneration.N3B3)
    elif host := os.environ.get(HOST):
        loihi.use_ethernet_host(host, loihi_gen=loihi.ChipGeneration.N3B3)


def run_config() -> Any:
    """Run configuration that prefers neurocore models; source and sinks, which have none, use integer ones on the host."""
    from lava.magma.core.run_configs import Loihi2HwCfg
    from lava.proc import io

    integers = {io.source.RingBuffer: io.source.PySendModelFixed, io.sink.RingBuffer: io.sink.PyReceiveModelFixed}
    return Loihi2HwCfg(select_sub_proc_model=True, exception_proc_model_map=integers)


def to_chip(port: Any, message_bits: int, image: bool) -> Any:
    """Port on the chip that gives what ``port`` of a host process sends; ``image``: into a Conv."""
    from lava.proc import embedded_io

    adapter = embedded_io.spike.PyToN3ConvAdapter if image else embedded_io.spike.PyToNxAdapter
    process = adapter(shape=port.shape, num_message_bits=message_bits)
    port.connect(process.inp)
    return process.out


def from_chip(port: Any) -> Any:
    """Port on the host that gives the spikes ``port`` sends on the chip."""
    from lava.proc import embedded_io

    process = embedded_io.spike.NxToPyAdapter(shape=port.shape, num_message_bits=0)
    port.connect(process.inp)
    return process.out


def state_from_chip(variable: Any) -> Any:
    """Port on the host that gives the values of a state variable after every step."""
    from lava.proc import embedded_io

    process = embedded_io.state.Read(shape=variable.shape)
    process.connect_var(variable)
    return process.out
