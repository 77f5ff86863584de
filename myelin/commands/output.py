"""Output of a command: lines on the screen, and the same values as JSON in a file or on standard output."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO

from myelin.envelope import Verdict, envelope
from myelin.hw_configs.files import write_json

#: Value of ``--json`` for standard output.
STDOUT = Path("-")
_JSON_STREAM: ContextVar[TextIO | None] = ContextVar("json_stream", default=None)


@contextlib.contextmanager
def kept_pure(json_file: Path | None) -> Iterator[None]:
    """Context in which all other output goes to standard error, if the JSON goes to standard output."""
    if json_file != STDOUT:
        yield
        return
    token = _JSON_STREAM.set(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _JSON_STREAM.reset(token)


def write_result(json_file: Path | None, command: str, result: Mapping[str, Any], verdict: Verdict = None) -> None:
    """Write ``result`` in its envelope to a file, to standard output for ``-``, or nowhere for None.

    Raises:
        ConfigError: the file cannot be written.
    """
    if json_file is None:
        return
    values = envelope(command, result, verdict)
    if json_file != STDOUT:
        write_json(json_file, values)
        return
    print(json.dumps(values, indent=2), file=_JSON_STREAM.get() or sys.stdout, flush=True)


def listed(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Lines of names with texts beside them, wrapped to the width of the terminal."""
    indent = 2 + max((len(name) for name, _ in rows), default=0)
    width = max(indent + 40, shutil.get_terminal_size().columns)
    for name, text in rows:
        yield textwrap.fill(text, width, initial_indent=name.ljust(indent), subsequent_indent=" " * indent)


def print_next(*words: object) -> None:
    """Print the command that comes next, ready to be copied."""
    print(f"next          myelin {shlex.join(str(word) for word in words)}")


def show_progress() -> bool:
    """Whether a progress bar is visible: standard error is a terminal."""
    return sys.stderr.isatty()
