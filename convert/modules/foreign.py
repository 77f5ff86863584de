"""Float networks of modules of snnTorch, Norse, SpikingJelly and Sinabs, through their own NIR exporters.

Every exporter is known with its time step.  What NIR does not say, such as a reset by subtraction, is refused by name.  The
float network is then run beside the module on the samples, and is refused if their outputs differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatNetwork
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.modules.known import in_evaluation, title
from myelin.convert.quantise.calibrate import mismatch, state_error
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.hw_configs.temporaries import scratch_folder

#: Share of spikes that may differ between the module in float32 and its network in float64, near the threshold.
TOLERANCE = 0.02
_ZERO = "and the chip resets to zero"


def floats_of(module: Any, shape: Shape, message_bits: int, package: str, frames: npt.NDArray[Any]) -> FloatNetwork:
    """The float network of ``module``, compared with the module's own forward pass on ``frames`` (batch, steps, *shape).

    Raises:
        NetworkError: a part does something that NIR does not say, by its path; the exporter or our reader refuses it; or the
            outputs differ.
        DataError: the module's output is silent on ``frames``.
    """
    from myelin.convert.nir.format import read_nir_floats
    from myelin.convert.nir.graph import load_nir
    from myelin.train.foreign import DT_S, exported, run_foreign

    for path, part in module.named_modules():
        if type(part).__module__.partition(".")[0] == package:
            reason = _REFUSED[package](part)
            if reason:
                raise NetworkError(f"{title(path, part)}: {reason}")
    nir = load_nir()
    with in_evaluation(module), scratch_folder("nir") as folder:
        path = folder / "module.nir"
        nir.write(path, exported(module, shape, package))
        try:
            floats = read_nir_floats(path, dt_ms=DT_S[package] * 1e3, latency="added", message_bits=message_bits)
        except NetworkError as error:
            reason = str(error).removeprefix(f"{path}: ")
            raise NetworkError(f"module: its NIR graph, as {package} exports it, cannot be read: {reason}") from error
    theirs = run_foreign(module, frames, package)
    ours = simulate_floats(floats, frames, interpolate=True, latency=0).output.reshape(*frames.shape[:2], -1)
    if theirs.shape != ours.shape:
        raise NetworkError(f"module: it gives {theirs.shape[2]} outputs, its NIR graph {ours.shape[2]}")
    if floats.layers[-1].output == "spikes" and not theirs.any():
        raise DataError("the module sends no spikes on the samples of calibrate; give samples on which its output spikes")
    difference = _error(theirs, ours, floats)
    if difference > TOLERANCE:
        raise NetworkError(
            f"module: {difference:.0%} of the outputs of {package}'s own forward pass differ from those of its NIR graph on "
            "the samples "
            "given, so something in it is not what NIR says; rebuild it with myelin.nn"
        )
    return floats


def _error(theirs: npt.NDArray[Any], ours: npt.NDArray[Any], floats: FloatNetwork) -> float:
    """Share of different spikes, or relative error of states."""
    return mismatch(ours, theirs) if floats.layers[-1].output == "spikes" else state_error(ours, theirs)


def _snntorch(part: Any) -> str:
    kind = type(part).__name__
    if not hasattr(part, "reset_mechanism"):
        return ""
    if kind not in ("Leaky", "Synaptic", "RLeaky", "RSynaptic"):
        return "its NIR exporter leaves it out; Leaky, Synaptic, RLeaky and RSynaptic can be read"
    stateful = "it returns its state beside its spikes; build it with init_hidden=True, so that the module runs step by step"
    if part.reset_mechanism != "zero":
        how = "by subtracting its threshold" if part.reset_mechanism == "subtract" else "never"
        also = "" if part.init_hidden else f"; and {stateful}"
        return f"it resets {how}, {_ZERO}: train with reset_mechanism='zero'{also}"
    if kind != "Leaky" and part.reset_delay:
        return "its reset to zero also drops the input of the next step; build it with reset_delay=False"
    if not part.init_hidden:
        return stateful
    if float(part.graded_spikes_factor) != 1:
        return f"its spikes have the value graded_spikes_factor={float(part.graded_spikes_factor):g}; spikes of 1 can be read"
    for name in ("inhibition", "state_quant"):
        if getattr(part, name, False):
            return f"it has {name}, which NIR does not say; build it without"
    return ""


def _norse(part: Any) -> str:
    reset = getattr(getattr(part, "p", None), "v_reset", None)
    if reset is not None and float(np.abs(np.asarray(reset.detach().cpu())).max()) > 0:
        return "its v_reset is not 0, which Norse's NIR exporter leaves out; reset to 0"
    if hasattr(part, "dt") and abs(float(part.dt) - 1e-3) > 1e-9:
        return f"its time step is dt={float(part.dt):g} s; Norse's 0.001 can be read"
    return ""


def _spikingjelly(part: Any) -> str:
    if hasattr(part, "v_reset") and part.v_reset is None:
        return f"it resets by subtracting its threshold (v_reset=None), {_ZERO}: train with v_reset=0.0"
    return ""


def _sinabs(part: Any) -> str:
    if not hasattr(part, "reset_fn"):
        return ""
    if type(part.reset_fn).__name__ != "MembraneReset":
        return f"it resets by {type(part.reset_fn).__name__}, {_ZERO}: train with reset_fn=sinabs.activation.MembraneReset()"
    spikes = getattr(part.spike_fn, "__name__", type(part.spike_fn).__name__)
    if spikes != "SingleSpike":
        return f"it sends several spikes in a step ({spikes}); train with spike_fn=sinabs.activation.SingleSpike"
    if part.min_v_mem is not None:
        return "its voltage has a lower bound (min_v_mem), which the chip does not have; build it with min_v_mem=None"
    if getattr(part, "tau_syn", None) is not None:
        return "it has a synapse filter (tau_syn), which Sinabs' NIR exporter leaves out; build it without"
    return ""


_REFUSED: dict[str, Callable[[Any], str]] = {
    "snntorch": _snntorch,
    "norse": _norse,
    "spikingjelly": _spikingjelly,
    "sinabs": _sinabs,
}
