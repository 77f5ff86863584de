"""The command line of Myelin: adds the commands of each stage, and reports every user error in one line."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Sequence

from myelin.commands.arguments import told_units
from myelin.commands.output import kept_pure
from myelin.hw_configs.errors import MyelinError
from myelin.hw_configs.parts import missing_part
from myelin.hw_configs.version import VERSION

#: Exit codes besides a command's own 0 and 1 (a gate failed): wrong usage or input, a fault of Myelin (``EX_SOFTWARE`` of
#: sysexits.h), and the codes that shells use for signals.
USAGE, FAULT, INTERRUPTED, PIPE_CLOSED = 2, 70, 130, 141
#: Environment variable that shows the traceback of a fault.
TRACEBACK = "MYELIN_TRACEBACK"
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
    try:
        try:
            parser = build_parser()
            if COMPLETING in os.environ:
                import argcomplete

                argcomplete.autocomplete(parser)  # answers the shell and ends the process
            args = told_units(parser.parse_args(argv))
            with kept_pure(getattr(args, "json", None)):
                return int(args.run(args))
        finally:
            sys.stdout.flush()  # here a closed pipe is caught; at Python's exit it is not
    except MyelinError as error:
        return error.exit_code if error.told else _complain(str(error), error.exit_code)
    except KeyboardInterrupt as interrupt:
        print(file=sys.stderr)  # ends the line of a progress bar
        hint = f"; {interrupt}" if str(interrupt) else ""
        print(f"myelin: interrupted{hint}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # the reader of the output has ended, as `| head` does; Python would report it again when it flushes at exit
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except MemoryError as error:
        return _complain(f"not enough memory ({error}); use fewer steps, channels or samples at a time", USAGE)
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{where}{error.strerror or error}", USAGE)

    except Exception as error:
        part = missing_part(error) if isinstance(error, ModuleNotFoundError) else None
        if part is not None:
            return _complain(str(part), part.exit_code)
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
        return _complain(f"{said}; this is a fault of Myelin's own, please report it: {TRACEBACK}=1 shows the traceback", FAULT)


def _open_closed_streams() -> None:
    """Open the null device for standard streams that the shell closed (``>&-``): no other file may get their descriptors."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the process ends


def _complain(text: str, code: int) -> int:
    """Print ``text`` as one line on stderr, after all earlier output; returns ``code``."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    print(f"myelin: error: {' '.join(text.split())}", file=sys.stderr)
    return code
