"""The dropouts of SLAYER's neurons."""

from __future__ import annotations

from typing import Any

from myelin.convert.modules.known import full_name, require_unchanged
from myelin.convert.modules.slayer_blocks.attributes import DROPOUT, require_considered
from myelin.hw_configs.errors import NetworkError

#: Modules that do nothing in evaluation.
DROPOUTS = {
    "lava.lib.dl.slayer.neuron.dropout.Dropout",
    *(
        f"torch.nn.modules.dropout.{name}"
        for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
    ),
}


def require_dropout(drop: Any) -> None:
    """Raise NetworkError unless ``drop`` is None or does nothing in evaluation."""
    if drop is None:
        return
    if full_name(type(drop)) not in DROPOUTS:
        raise NetworkError(f"its neuron has dropout={drop!r}; slayer.neuron.Dropout, which does nothing in evaluation, is read")
    require_unchanged("its dropout", drop, type(drop))
    require_considered("its dropout", drop, type(drop), DROPOUT)
