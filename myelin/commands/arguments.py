"""Options that several commands share, and argument types; each type's error states the allowed values in one line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import NETX_MAX_DELAY_STEPS
from myelin.hw_configs.target_files import target_names

if TYPE_CHECKING:
    from myelin.convert.opened import Opened
    from myelin.convert.stimulus import InputChoice

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


#: Units of time in data; the same as those of ``myelin.train.datasets``, which loads numba.
TIME_UNITS = ("s", "ms", "us")


def count(text: str) -> int:
    """Parse a whole number of 0 or more."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def positive(text: str) -> int:
    """Parse a whole number of 1 or more."""
    if count(text) < 1:
        raise argparse.ArgumentTypeError("1 or more is allowed")
    return int(text)


def density(text: str) -> float:
    """Parse a share above 0, up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share above 0, up to 1")
    return value


def percent_points(text: str) -> float:
    """Parse a number of percent points, 0 to 100."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of percent points in 0..100")
    return value


def add_network(parser: argparse.ArgumentParser, name: str = "network", metavar: str = "NET", **options: Any) -> None:
    """Add a network of any kind that ``myelin.read`` accepts."""
    text = "a netx file (*.net), a NIR file (*.nir), an artifact folder or a run folder"
    parser.add_argument(name, metavar=metavar, type=Path, **{"help": text, **options})


def add_reading(
    parser: argparse._ActionsContainer,
    *,
    clip: bool = True,
    dt: str | None = None,
    clip_text: str = "shorten longer delays of a netx or NIR file to STEPS",
) -> None:
    """Add ``--dt-ms``, ``--input-shape`` and, with ``clip``, ``--clip-delays``, for commands that take a network.

    ``source`` reads them.  ``dt`` is the text of ``--dt-ms`` where it is not of the file that is read.
    """
    text = "length of a step in milliseconds, for a NIR file (default: found in the file)"
    parser.add_argument("--dt-ms", metavar="MS", type=float, help=dt or text)
    parser.add_argument(
        "--input-shape",
        metavar="SIZE",
        nargs="+",
        type=positive,
        help="shape of the input, such as 2 34 34 for channels, height and width, for a netx file without an input layer",
    )
    if not clip:
        return
    parser.add_argument(
        "--clip-delays",
        dest="clip_to",
        metavar="STEPS",
        nargs="?",
        const=NETX_MAX_DELAY_STEPS,
        type=count,
        help=f"{clip_text} and print their number (default: {NETX_MAX_DELAY_STEPS}, the longest of Loihi 2 and of netx)",
    )


def reading(args: argparse.Namespace) -> dict[str, Any]:
    """The options of ``add_reading`` that were given, as keyword arguments of ``myelin.read``."""
    options = {"dt_ms": args.dt_ms, "input_shape": input_shape(args), "clip_delays": getattr(args, "clip_to", None)}
    return {name: value for name, value in options.items() if value is not None}


def sources(args: argparse.Namespace, *paths: Path) -> list[Any]:
    """``paths``, read already if an option of ``add_reading`` says how; functions of networks take both."""
    given = reading(args)
    if not given:
        return list(paths)
    from myelin.convert.opened import read_each

    return read_each(paths, **given)


def source(args: argparse.Namespace, path: Path) -> Path | Opened:
    """``sources`` of a single path."""
    found: Path | Opened = sources(args, path)[0]
    return found


def source_beside(args: argparse.Namespace, path: Path, reference: Path | None) -> tuple[Path | Opened, float | None]:
    """``source``, where ``--dt-ms`` may be for a reference beside it; and what is left of ``--dt-ms`` for the function."""
    from myelin.convert.opened import takes

    own = takes(path, "dt_ms")
    if args.dt_ms is None or not takes(reference, "dt_ms"):
        return source(args, path), None
    rest = argparse.Namespace(**vars(args) | {"dt_ms": args.dt_ms if own else None})
    return source(rest, path), args.dt_ms


def reading_words(args: argparse.Namespace) -> list[str]:
    """The options of ``add_reading`` that were given, as words of the next command."""
    words = [] if args.dt_ms is None else ["--dt-ms", f"{args.dt_ms:g}"]
    words += [] if args.input_shape is None else ["--input-shape", *map(str, args.input_shape)]
    limit = getattr(args, "clip_to", None)
    return words if limit is None else [*words, "--clip-delays", str(limit)]


def input_shape(args: argparse.Namespace) -> tuple[int, ...] | None:
    """The shape named by ``--input-shape``, or None."""
    return None if args.input_shape is None else tuple(args.input_shape)


def add_target(parser: argparse.ArgumentParser, **options: Any) -> None:
    """Add ``--target``, required unless ``options`` change that."""
    text = "name of a target, or a TOML file that describes one"
    offer(parser.add_argument("--target", **{"required": True, "help": text, **options}), target_names)


def add_config(parser: argparse.ArgumentParser, **options: Any) -> None:
    """Add the positional ``CONFIG``: an experiment, or a file."""
    offer(parser.add_argument("config", metavar="CONFIG", **options), experiment_names)


def experiment_names() -> list[str]:
    """Names of the built-in experiments."""
    from myelin.train.config.files import experiment_names as names

    return names()


def offer(action: argparse.Action, names: Callable[[], Sequence[str]]) -> None:
    """Let a shell complete the value of ``action`` with ``names`` and with files."""

    def complete(prefix: str, **_: Any) -> list[str]:
        from argcomplete.completers import FilesCompleter

        return [*names(), *FilesCompleter()(prefix)]

    action.completer = complete  # type: ignore[attr-defined]  # argcomplete looks for it


def add_data(parser: argparse._ActionsContainer, **options: Any) -> None:
    """Add ``--data`` and ``--time-unit``, which ``told_units`` joins."""
    text = "builtin, a folder or a file: of the SHD format, .npz, or QTDB's .mat; or a folder of MNIST's files, with :permuted"
    parser.add_argument("--data", **{"metavar": "PATH", "help": text, **options})
    parser.add_argument(
        "--time-unit",
        choices=TIME_UNITS,
        help="unit of the times in the data (default: seconds, and times that cannot be seconds are refused)",
    )


def told_units(args: argparse.Namespace) -> argparse.Namespace:
    """``args`` with the unit of time after the path of the data, as ``myelin.train.datasets.load`` takes it."""
    unit = getattr(args, "time_unit", None)
    if unit is None:
        return args
    if args.data is None:
        raise ConfigError("--time-unit is the unit of the times in --data, which is not given; leave it out")
    return argparse.Namespace(**vars(args) | {"data": f"{args.data}:{unit}"})


def add_split(parser: argparse._ActionsContainer, **options: Any) -> None:
    """Add ``--split``."""
    text = "part of the data (default: test, else valid, else all samples)"
    parser.add_argument("--split", **{"choices": ("train", "valid", "test"), "help": text, **options})


def add_samples(parser: argparse._ActionsContainer, **options: Any) -> None:
    """Add ``--samples``."""
    text = "number of samples, from as many classes as possible"
    parser.add_argument("--samples", **{"metavar": "N", "type": positive, "help": text, **options})


def add_binning(parser: argparse._ActionsContainer, steps: str = "length of a sample in steps") -> None:
    """Add ``--steps`` and ``--step-ms``, for networks that do not define how spikes become frames."""
    parser.add_argument("--steps", metavar="N", type=positive, help=f"{steps}, for networks that do not define it")
    parser.add_argument(
        "--step-ms",
        metavar="MS",
        type=float,
        help="length of a step of data in ms, for networks that do not define it",
    )


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add all options that choose the input of a run; ``input_choice`` reads them."""
    group = parser.add_argument_group(
        "input", "data if given; else the golden inputs of an artifact; else, or with --density or --seed, random spikes"
    )
    add_data(group)
    add_split(group)
    add_samples(group)
    add_binning(group, "length of a sample in steps, for random spikes; or for data")
    group.add_argument("--density", metavar="P", type=density, help="random spikes per input and step (default: 0.1)")
    group.add_argument("--seed", metavar="N", type=count, help="seed of the random spikes (default: 0)")


def input_choice(args: argparse.Namespace) -> InputChoice:
    """The choice made by the options of ``add_input``, as far as the command has them."""
    from myelin.convert.stimulus import InputChoice

    return InputChoice(**{entry.name: getattr(args, entry.name, None) for entry in fields(InputChoice)})


def add_json(parser: argparse.ArgumentParser, text: str = "also write the results as JSON") -> None:
    """Add ``--json``."""
    parser.add_argument(
        "--json", metavar="FILE", type=Path, help=f"{text}; - for standard output, other text then goes to standard error"
    )


def add_plot(parser: argparse.ArgumentParser, text: str) -> None:
    """Add ``--plot``; ``text`` describes the figure."""
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help=text)


def add_board_lag(parser: argparse.ArgumentParser) -> None:
    """Add ``--board-lag``."""
    parser.add_argument(
        "--board-lag",
        metavar="STEPS",
        type=count,
        help="backend loihi2: lag of the board's output behind the simulator (default: measured with golden inputs)",
    )
