"""Validation of an artifact with Lava among the stages, printed and written: what ``myelin validate`` and ``demo`` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hw_configs.errors import GateError
from lava_models import compat

if TYPE_CHECKING:
    from convert.artifact import Artifact
    from convert.provenance import Origin
    from convert.samples import Samples
    from convert.validate import Validation

#: Samples that also run with Lava's own process models, which rebuild every delayed connection in every step.
STOCK_SAMPLES = 1


def validate_artifact(
    artifact: Artifact,
    origin: Origin,
    samples: Samples,
    *,
    max_drop_points: float,
    lava_samples: int,
    json: Path | None = None,
    progress: bool = False,
) -> Validation:
    """Validate, print the table, write it to ``json``; a failure is in the result, see ``require_pass``.

    Args:
        artifact, origin, samples: what to validate, where it comes from, on what.
        max_drop_points: allowed loss in percent points.
        lava_samples: how many run in Lava too, if it is installed.
        json: where the result goes as JSON, or None.
        progress: whether to show a progress bar.
    """
    from convert.validate import validate
    from convert.validation_table import as_dict, lines
    from hw_configs.files import write_json
    from lava_models.runner import Worker

    skipped = None
    if not lava_samples:
        skipped = "--lava-samples 0"
    elif not compat.available():
        skipped = f"{', '.join(compat.missing())} not installed; to include it: {compat.cure()}"
    with Worker() as worker:
        validation = validate(
            artifact.network,
            origin.checkpoint,
            samples,
            max_drop_points=max_drop_points,
            clip_steps=origin.clipped_to_steps,
            # convert must not import this package, so it is handed the function
            run_lava=None
            if skipped
            else lambda network, frames, record, stock: worker.run(network, frames, record=record, stock=stock),
            lava_samples=lava_samples,
            stock_samples=min(STOCK_SAMPLES, lava_samples),
            lava_skipped=skipped,
            progress=progress,
        )
    print("\n".join(lines(validation)))
    if json is not None:
        head = {"artifact": str(artifact.folder), "name": origin.name, "exported_for": origin.target}
        write_json(json, {**head, **as_dict(validation)})
    return validation


def require_pass(artifact: Artifact, validation: Validation) -> None:
    """Raise GateError, with every reason, if the validation failed."""
    if validation.failures:
        raise GateError(f"{artifact.folder}: validation failed: {'; '.join(validation.failures)}")
