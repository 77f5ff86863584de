"""Loihi 2: the same graph with Intel's lava-loihi, which is not public.  Without it, an error says what is missing.

This code has not been run on a board yet.  It follows public programs that use lava-loihi: adapters from
``lava.proc.embedded_io`` between host and chip, the run configuration ``Loihi2HwCfg``, one uninterrupted run per sample, and
only processes known to have a neurocore model: Dense, DelayDense, Sparse, LIF and Conv (lava-dl
``tests/lava/lib/dl/netx/test_hdf5_nx.py``, lava pull request 693).  Sigma-delta networks are refused: one test of lava-dl runs
such a network on a board, and no other public text shows how.

A new graph is built for every sample, on the board as on the CPU; this costs one compilation per sample.  LIFReset would clear
only u and v.  Spikes still in the buffers of a DelayDense would enter the next sample, and no public process clears these
buffers.  Waiting until they have drained is not safe if neurons have a bias or a recurrence.

The output of a board is later than the simulated output, by a number of steps that no public text states.  The caller passes
it as ``lag_steps``; ``myelin.lava_models.board`` finds it with an artifact's golden inputs.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Network, naming_layer
from myelin.convert.neurons import Neuron
from myelin.convert.recording import Record, Recording
from myelin.hw_configs.errors import BackendError
from myelin.lava_models import compat
from myelin.lava_models.neurons.processes import PROCESSES

#: Connection processes allowed in a graph for the chip.
CHIP_PROCESSES = frozenset({"Dense", "DelayDense", "Sparse", "Conv"})
#: Advice in messages, for the command line and for Python: the backend that computes the same integers without a board.
_CPU = "--backend lava (backend='cpu' in Python)"
_NO_MODEL = f"no process model of these for the chip is known: run with {_CPU}, or use CUBA neurons"
#: Environment variables that choose the board: its SLURM partition or its host's network address, and its generation.
PARTITION, HOST, GENERATION = "MYELIN_LOIHI_PARTITION", "MYELIN_LOIHI_HOST", "MYELIN_LOIHI_GENERATION"
#: Environment variables set by Lava's own functions, which a user may have called.
_LAVAS_OWN = ("SLURM", "NXSDKHOST")
#: "Most Loihi 2 systems available to the INRC are N3B3" (lava-nc ``utils/loihi.py``).
DEFAULT_GENERATION = "N3B3"
#: Longest time without progress, in seconds.  A board compiles, waits in a queue and runs a full sample before it reports.
TIMEOUT_S = 600.0


def is_installed() -> bool:
    """True if Intel's lava-loihi can be imported."""
    if not compat.available():
        return False
    from lava.utils import loihi

    return bool(loihi.is_installed())


def require() -> None:
    """Raise BackendError unless Lava and lava-loihi are installed and a board is named."""
    compat.require_runs()
    if not is_installed():
        raise BackendError(
            "backend loihi2: Intel's lava-loihi is not installed; it comes with membership of the Intel Neuromorphic Research "
            "Community (inrc_interest@intel.com): install it into this environment on a machine that reaches a board, set "
            f"{PARTITION} or {HOST}, and run again; until then use {_CPU}, whose integers are the same"
        )
    if not any(os.environ.get(name) for name in (PARTITION, HOST, *_LAVAS_OWN)):
        raise BackendError(
            f"backend loihi2: no board is named; set {PARTITION} to the SLURM partition of one (`sinfo` lists them), or {HOST} "
            "to the address of its host"
        )


def check(network: Network, values: npt.NDArray[Any], record: Record) -> None:
    """Raise NetworkError or BackendError if the graph for the chip does not support this network, input or recording."""
    if record:
        raise BackendError(f"backend loihi2 records the output only: leave record out, or record with {_CPU}")
    if network.input.neuron is not None and not _on_chip(network.input.neuron):
        raise BackendError(f"backend loihi2: the input has {network.input.neuron.LABEL}; {_NO_MODEL}")
    if network.input.neuron is not None and values.shape[1] > 1 and np.any(values != values[:, :1]):
        raise BackendError(
            "backend loihi2: neurons at the input take one constant value a sample, these inputs change over time"
        )
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            if not _on_chip(layer.neuron):
                raise BackendError(f"backend loihi2: layer {index} ({layer.kind}) has {layer.neuron.LABEL}; {_NO_MODEL}")
            check_chip = PROCESSES.of(layer.neuron).check_chip
            assert check_chip is not None
            check_chip(layer.neuron)


def _on_chip(neuron: Neuron) -> bool:
    """True if a neurocore model of the neuron's process is public."""
    process = PROCESSES.get(neuron)
    return process is not None and process.check_chip is not None


def padded(network: Network, values: npt.NDArray[Any], steps: int) -> npt.NDArray[Any]:
    """``values`` (batch, steps, *input shape) with ``steps`` extra time steps at the end.

    The extra steps are silent; if the input has neurons, they repeat the last values.
    """
    if not steps or not values.shape[1]:
        return values
    width = [(0, 0), (0, steps), *[(0, 0)] * (values.ndim - 2)]
    return np.pad(values, width, mode="edge" if network.input.neuron is not None else "constant")


def aligned(network: Network, recording: Recording, lag_steps: int) -> Recording:
    """The recording of a ``padded`` input without the lag: the first ``lag_steps`` steps are dropped."""
    if not lag_steps:
        return recording
    output = recording.output[:, lag_steps:]
    return Recording.of(network, output)


def choose(partition: str | None, host: str | None, generation: str | None) -> None:
    """Set the environment variables of the board for this process and its children; None leaves a variable as it is."""
    if partition or host:
        os.environ.pop(HOST if partition else PARTITION, None)
    given = {PARTITION: partition, HOST: host, GENERATION: generation}
    os.environ.update({name: value for name, value in given.items() if value})


def named() -> str:
    """A description of the board that the environment variables name."""
    partition, host = os.environ.get(PARTITION), os.environ.get(HOST)
    if not partition and not host:
        return "as Lava's own variables name it"
    place = f"SLURM partition {partition}" if partition else f"host {host}"
    return f"{place}, {os.environ.get(GENERATION) or DEFAULT_GENERATION}"


def connect_host() -> None:
    """Choose the board from the environment variables, unless the user has chosen one with ``lava.utils.loihi``.

    Raises:
        BackendError: the board does not answer, or its generation is unknown.
    """
    from lava.utils import loihi

    partition, host, name = (os.environ.get(key) for key in (PARTITION, HOST, GENERATION))
    known = [generation.name for generation in loihi.ChipGeneration]
    generation = name or DEFAULT_GENERATION
    if generation not in known:
        raise BackendError(f"{GENERATION} is {name!r}; {', '.join(known)} are allowed")
    try:
        if partition:
            # with a partition, Lava's function fails on the empty last line of sinfo's output, and if the partition's first
            # node is down (lava-nc issues 753 and 754); so call it without one and set the variable here
            loihi.use_slurm_host(loihi_gen=loihi.ChipGeneration[generation])
            _check_partition(partition)
            os.environ["PARTITION"] = partition
        elif host:
            loihi.use_ethernet_host(host, loihi_gen=loihi.ChipGeneration[generation])
    except (ImportError, ValueError, OSError) as error:
        place = f"partition {partition}" if partition else f"host {host}"
        raise BackendError(f"backend loihi2: {place} cannot be used: {' '.join(str(error).split())}") from error


def _check_partition(partition: str) -> None:
    """Raise BackendError unless ``sinfo`` lists the partition with a node that is not down; otherwise a run waits for ever."""
    from lava.utils import slurm

    rows = [line.split() for line in slurm.try_run_command(["sinfo"])[1:] if line.strip()]
    states: dict[str, list[str]] = {}
    for row in rows:
        states.setdefault(row[0].rstrip("*"), []).append(row[4] if len(row) > 4 else "")
    if partition not in states:
        raise BackendError(
            f"backend loihi2: partition {partition} is unknown to SLURM; sinfo lists {', '.join(sorted(states)) or 'none'}"
        )
    if all(state.startswith(("down", "drain")) for state in states[partition]):
        raise BackendError(f"backend loihi2: every node of partition {partition} is down ({', '.join(states[partition])})")


def run_config() -> Any:
    """Run configuration that prefers neurocore models; source and sinks have none and use integer models on the host."""
    from lava.magma.core.run_configs import Loihi2HwCfg
    from lava.proc import io

    integers = {io.source.RingBuffer: io.source.PySendModelFixed, io.sink.RingBuffer: io.sink.PyReceiveModelFixed}
    return Loihi2HwCfg(select_sub_proc_model=True, exception_proc_model_map=integers)


def to_chip(port: Any, message_bits: int, image: bool) -> Any:
    """Port on the chip that repeats what ``port`` of a host process sends; ``image`` if the target is a Conv."""
    import lava.proc.embedded_io.spike as spike

    adapter = spike.PyToN3ConvAdapter if image else spike.PyToNxAdapter
    process = adapter(shape=port.shape, num_message_bits=message_bits)
    port.connect(process.inp)
    return process.out


def from_chip(port: Any) -> Any:
    """Port on the host that repeats the spikes that ``port`` sends on the chip."""
    import lava.proc.embedded_io.spike as spike

    process = spike.NxToPyAdapter(shape=port.shape, num_message_bits=0)
    port.connect(process.inp)
    return process.out


def state_from_chip(variable: Any) -> Any:
    """Port on the host that sends the values of a state variable after every step."""
    import lava.proc.embedded_io.state as state

    process = state.Read(shape=variable.shape, interval=1, offset=0)
    process.connect_var(variable)
    return process.out
