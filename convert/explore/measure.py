"""``myelin explore``: measures the effect of each step of quantisation on a trained network, without training."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.convert.artifact.provenance import Origin
from myelin.convert.checkpoint import read_checkpoint
from myelin.convert.explore.explore import explore
from myelin.convert.explore.held_out import open_held_out
from myelin.convert.explore.report import as_dict
from myelin.convert.opened import Opened, read, require
from myelin.convert.samples import spread_choice
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target

if TYPE_CHECKING:
    from myelin.convert.checkpoint import Checkpoint

_CURE = (
    "what was trained, and what a run held out, is in neither a netx nor a NIR file: name the run or what was exported from it"
)


def explored(
    source: str | os.PathLike[str],
    data: str,
    *,
    target: Target | str | Path | None = None,
    samples: int | None = None,
    progress: bool = False,
    plot: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Accuracy and core memory for other bit widths of weights, delays and decays, as values for JSON.

    Every setting runs on the part of the training data that the run held out, never on the test split.

    Args:
        source: an artifact folder, or a run folder.
        data: the data that the run was trained on: ``builtin``, a folder, or a file of the SHD format.
        target: target for rules and core memory; None for the target of the artifact or of the run.
        samples: number of held-out samples, from as many classes as possible; None for all.
        progress: whether to show a progress bar.
        plot: PNG file to write; None for no picture.

    Raises:
        NetworkError: neither an artifact nor a run, or a damaged one.
        DataError: the run was trained on other data.
    """
    began = time.perf_counter()
    require(source, ("artifact", "run"), "`myelin explore`", {"netx": _CURE, "nir": _CURE})
    opened = read(source)
    checkpoint, name, clipped = _trained(opened)
    held = target if isinstance(target, Target) else load_target(target or name)
    own, held_out = open_held_out(data, checkpoint)
    numbers = spread_choice(own.labels, samples or len(own))
    found = explore(opened.network, checkpoint, held, own, numbers, clipped_to_steps=clipped, progress=progress)
    result = {
        "network": opened.name,
        "input": {
            "data": own.dataset.name,
            "part": "held out of the training data",
            "sample_numbers": held_out[numbers].tolist(),
            "binning": own.binning.as_dict(),
            "text": f"{own.dataset.name}: {len(numbers)} of the {len(own)} samples that the run held out of training",
        },
        **as_dict(found, held),
        "seconds": time.perf_counter() - began,
    }
    if plot is not None:
        from myelin.convert.explore.plot import exploration

        exploration(Path(plot), result)
    return result


def _trained(opened: Opened) -> tuple[Checkpoint, str, int | None]:
    """The trained network, the name of its target, and the limit to which delays were clipped at export."""
    if opened.checkpoint is not None:
        return opened.checkpoint, opened.checkpoint.run.target, None
    assert opened.artifact is not None
    origin = Origin.of(opened.artifact)
    return read_checkpoint(origin.checkpoint), origin.target, origin.clipped_to_steps
