"""The command line of Myelin: mounts the commands of each stage, and turns every error a user can cause into one line."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from myelin.hw_configs.errors import MyelinError
from myelin.hw_configs.parts import missing_part

#: Exit codes beside a stage's own 0 and 1 (a gate failed): wrong usage or input, and what shells use for signals.
USAGE, INTERRUPTED, PIPE_CLOSED = 2, 130, 141


class _Version(argparse.Action):
    """``--version``; looks the number up only when asked."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and leave")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib import metadata

        try:
            number = metadata.version("myelin-loihi")
        except metadata.PackageNotFoundError:
            number = "(run from a checkout that is not installed)"
        print(f"myelin {number}")
        parser.exit(0)


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands; loads none of torch, numba and Lava."""
    import myelin.commands.convert_commands
    import myelin.commands.encode
    import myelin.commands.lava_commands
    import myelin.commands.train
    import myelin.convert.artifact.export

    parser = argparse.ArgumentParser(
        prog="myelin",
        description="From spiking networks with learned delays to Intel's Loihi 2: train, export, simulate, validate.",
        epilog="Exit codes: 0 done, 1 a gate failed (rules, validation, diff, board), 2 wrong usage or unusable input.",
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    myelin.commands.train.add_commands(commands)
    myelin.convert.artifact.export.add_command(commands)
    myelin.commands.convert_commands.add_commands(commands)
    myelin.commands.lava_commands.add_commands(commands)
    myelin.commands.encode.add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code, and leaves through SystemExit only where argparse does (usage, help)."""
    try:
        try:
            args = build_parser().parse_args(argv)
            return int(args.run(args))
        finally:
            sys.stdout.flush()  # here, where a closed pipe is caught, rather than when Python exits
    except MyelinError as error:
        return error.exit_code if error.told else _complain(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        if (part := missing_part(error)) is None:
            raise
        return _complain(str(part), part.exit_code)
    except KeyboardInterrupt as interrupt:
        print(file=sys.stderr)  # ends the line of a progress bar
        hint = f"; {interrupt}" if str(interrupt) else ""
        print(f"myelin: interrupted{hint}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # what reads our output has left, as `| head` does; Python would complain once more when it flushes at exit
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except MemoryError as error:
        return _complain(f"not enough memory ({error}); use fewer steps, channels or samples at a time", USAGE)
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{where}{error.strerror or error}", USAGE)


def _complain(text: str, code: int) -> int:
    """Print ``text`` as one line on stderr, after whatever was printed before; returns ``code``."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    print(f"myelin: error: {' '.join(text.split())}", file=sys.stderr)
    return code
