"""Model of the inner ear: sound to spikes as in the Spiking Heidelberg Digits; `encode_wave` for one sound, `encode_folder`
for a folder.

Names are loaded on first use: the command line imports ``myelin.commands.encode`` and must not wait for scipy and numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from myelin.train.cochlea.encode import encode_wave, prepare
    from myelin.train.cochlea.folder import encode_folder
    from myelin.train.cochlea.wav import read_wav

__all__ = ["encode_folder", "encode_wave", "prepare", "read_wav"]

_MODULES = {"encode_folder": "folder", "encode_wave": "encode", "prepare": "encode", "read_wav": "wav"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
