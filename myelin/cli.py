"""The command line of Myelin: adds the commands of each stage, and reports every user error in one line."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import NoReturn, TextIO

from myelin.commands.arguments import told_units
from myelin.commands.output import kept_pure
from myelin.exits import FAULT, INTERRUPTED, PIPE_CLOSED, TERMINATED, TRACEBACK, require_working_directory, told
from myelin.hw_configs.errors import MyelinError
from myelin.hw_configs.version import VERSION

#: Set by a shell that asks for completions (argcomplete's name).
COMPLETING = "_ARGCOMPLETE"


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands; does not load torch, numba or Lava."""
    from myelin.commands import (
        board,
        check,
        completion,
        config,
        convert,
        demo,
        diff,
        doctor,
        encode,
        experiments,
        explore,
        export,
        map,
        nir,
        profile,
        quantise,
        report,
        simulate,
        sweep,
        targets,
        train,
        validate,
    )

    parser = argparse.ArgumentParser(
        prog="myelin",
        description="From spiking networks with learned delays to Intel's Loihi 2: train, export, simulate, validate.",
        epilog="Exit codes: 0 done, 1 a gate failed (rules, validation, diff, board), 2 wrong usage, unusable input or a "
        f"missing part, {FAULT} a fault in Myelin ({TRACEBACK}=1 shows the traceback).",
    )
    parser.add_argument("--version", action="version", version=f"myelin {VERSION}", help="print the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    trained = (train, export)
    integers = (check, profile, explore, map, convert, nir, sweep, quantise)
    anywhere = (simulate, diff, validate, report, board, demo, doctor, encode)
    listing = (experiments, targets, config, completion)
    for command in (*trained, *integers, *anywhere, *listing):
        command.add_command(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.  Only argparse raises SystemExit (usage, help)."""
    _open_closed_streams()
    with _every_name_printed(), _terminable():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    try:
        try:
            parser = build_parser()
            if COMPLETING in os.environ:
                import argcomplete

                argcomplete.autocomplete(parser)  # answers the shell and ends the process
            args = told_units(parser.parse_args(argv))
            require_working_directory()
            with kept_pure(getattr(args, "json", None)):
                return int(args.run(args))
        finally:
            sys.stdout.flush()  # here a closed pipe is caught; at Python's exit it is not
    except (_Terminated, KeyboardInterrupt) as ended:
        return _tell_end(ended)
    except BrokenPipeError:
        _written(sys.stdout)  # the reader of the output has ended, as `| head` does
        return PIPE_CLOSED
    except Exception as error:
        if isinstance(error, MyelinError) and error.told:
            return error.exit_code
        text, code = told(error)
        if code == FAULT and (signalled := _signal_before(error)) is not None:
            return _tell_end(signalled)
        if code == FAULT and os.environ.get(TRACEBACK):
            with contextlib.suppress(OSError, ValueError):
                traceback.print_exc()
        if not _written(sys.stdout) and isinstance(error, OSError) and error.filename is None:
            text = f"standard output: {text}"
        return _complain(text, code)


def _tell_end(ended: _Terminated | KeyboardInterrupt) -> int:
    """Tell which signal has ended the command; returns its exit code."""
    if isinstance(ended, _Terminated):
        return _complain("ended by the signal SIGTERM", TERMINATED, "myelin: ")
    hint = f"; {ended}" if str(ended) else ""
    return _complain(f"interrupted{hint}", INTERRUPTED, "\nmyelin: ")  # ends the line of a progress bar


def _signal_before(error: BaseException) -> _Terminated | KeyboardInterrupt | None:
    """The signal on whose way out ``error`` came; None if there was none."""
    while (before := error.__context__) is not None:
        if isinstance(before, _Terminated | KeyboardInterrupt):
            return before
        error = before
    return None


def _complain(text: str, code: int, start: str = "myelin: error: ") -> int:
    """Print ``text`` as one line on stderr, after all earlier output; returns ``code``."""
    _written(sys.stdout)
    with contextlib.suppress(OSError, ValueError):
        print(f"{start}{' '.join(text.split())}", file=sys.stderr, flush=True)
    _written(sys.stderr)
    return code


def _written(stream: TextIO) -> bool:
    """Whether all that was printed is written; if not, the rest goes to the null device, for Python tries again at its end."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True


def _open_closed_streams() -> None:
    """Open the null device for standard streams that the shell closed (``>&-``): no other file may get their descriptors."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the process ends


@contextlib.contextmanager
def _every_name_printed() -> Iterator[None]:
    """Print characters that the terminal does not have, such as those of a file name in another encoding, as ``\\x..``.

    Python's own standard error does so already, what others put in its place does not.
    """
    strict = [each for each in (sys.stdout, sys.stderr) if isinstance(each, io.TextIOWrapper) and each.errors == "strict"]
    for stream in strict:
        stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream in strict:
            if not stream.closed:
                with contextlib.suppress(OSError):
                    stream.reconfigure(errors="strict")


class _Terminated(BaseException):
    """SIGTERM has come; as with Ctrl-C, temporary files are removed and processes ended on the way out."""


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Raise _Terminated on SIGTERM, unless somebody else handles it; a second one ends the process at once.

    Under torchrun it ends at once: waiting for other processes, which happens in C, would keep Python from raising anything.
    """
    ours = threading.current_thread() is threading.main_thread() and "TORCHELASTIC_RUN_ID" not in os.environ
    if not ours or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def terminate(*_: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise _Terminated

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
