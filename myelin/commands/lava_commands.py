"""``myelin simulate``, ``diff``, ``validate``, ``board``, ``doctor`` and ``demo``: the commands that may run Lava."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import myelin.commands.report
import myelin.commands.validate
from myelin.commands.arguments import count, positive
from myelin.commands.validate import DEFAULT_LAVA_SAMPLES
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.convert.stimulus import Opened

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

#: ``--backend`` -> backend of ``myelin.lava_models.run``; the simulator has none.
BACKENDS = {"fast": None, "lava": "cpu", "loihi2": "loihi2"}
#: ``diff --backends`` -> the same, and whether Lava's own process models run.
DIFF_BACKENDS = {"fast": (None, False), "lava": ("cpu", False), "lava-stock": ("cpu", True), "loihi2": ("loihi2", False)}


def add_commands(subparsers: Subparsers) -> None:
    """Add this stage's commands; each sets ``run``, a function from the parsed arguments to the exit code."""
    _add_simulate(subparsers)
    _add_diff(subparsers)
    myelin.commands.validate.add_command(subparsers)
    myelin.commands.report.add_command(subparsers)
    _add_board(subparsers)
    _add_demo(subparsers)
    doctor = subparsers.add_parser(
        "doctor",
        help="what is installed, and what each backend still lacks",
        description="Try every backend and say of each what is there, what is missing, and the next step. Exit code 0 if the "
        "simulator and Lava on the CPU work; 1 if not.",
    )
    doctor.add_argument("--json", metavar="FILE", type=Path, help="write the result as JSON too")
    doctor.set_defaults(run=run_doctor)


def _add_simulate(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "simulate",
        help="run a network on data: in the simulator, in Lava, or on Loihi 2",
        description="Run samples through a network and report accuracy, spikes and time. A plain netx file does not say how "
        "spikes become frames: give --steps and --step-ms with it.",
    )
    parser.add_argument("network", metavar="NET|ART", type=Path, help="a netx file (*.net) or an artifact folder")
    parser.add_argument("--data", metavar="PATH", required=True, help="builtin, a folder, or a file of the SHD format")
    parser.add_argument("--backend", choices=tuple(BACKENDS), default="fast", help="what runs it (default: fast)")
    parser.add_argument(
        "--samples",
        metavar="N",
        type=positive,
        help=f"how many, of as many classes as possible (default: all; {DEFAULT_LAVA_SAMPLES} in Lava)",
    )
    _add_split(parser)
    parser.add_argument("--stock", action="store_true", help="backend lava: Lava's own process models instead of ours")
    _add_board_lag(parser)
    parser.add_argument("--steps", metavar="N", type=positive, help="netx file: length of a sample in steps")
    parser.add_argument("--step-ms", metavar="MS", type=float, help="netx file: length of a step in milliseconds")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what the screen shows as JSON too")
    parser.set_defaults(run=run_simulate)


def _add_diff(subparsers: Subparsers) -> None:
    from myelin.convert.stimulus import add_arguments

    parser = subparsers.add_parser(
        "diff",
        help="where two networks, or two backends, first part on the same input, and why",
        description="Run A and B on the same input and compare every spike, every state and the output. Where they part: the "
        "first sample, step, layer and neuron, both sides there, the constants and synapses that differ, and how far the "
        "difference has spread. Exit code 0 if all is equal, 1 if not.",
        epilog="examples: myelin diff old.net new.net;  myelin diff ART --backends fast lava;  "
        "myelin diff ART new.net --data builtin --samples 20",
    )
    parser.add_argument("a", metavar="A", type=Path, help="a netx file (*.net) or an artifact folder")
    parser.add_argument("b", metavar="B", type=Path, nargs="?", help="another of the same structure (default: A)")
    parser.add_argument(
        "--backends",
        nargs=2,
        choices=tuple(DIFF_BACKENDS),
        metavar=("BACKEND_A", "BACKEND_B"),
        default=("fast", "fast"),
        help=f"what runs A, and what runs B: {', '.join(DIFF_BACKENDS)} (default: fast fast)",
    )
    add_arguments(parser)
    _add_board_lag(parser)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what the screen shows as JSON too")
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw how the difference spreads over layers and steps")
    parser.set_defaults(run=run_diff)


def _add_board(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "board",
        help="an artifact's golden inputs on a Loihi 2 board: is every output value right, and how late?",
        description="Run the golden inputs of ART on a board with Intel's lava-loihi, find by how many steps its output comes "
        "later than simulated, and compare every value. Needs the artifact only. Exit code 0 if all are equal, 1 if not. "
        "Not yet run on a board by those who wrote it.",
    )
    parser.add_argument("artifact", metavar="ART", type=Path, help="artifact folder, as `myelin export` writes it")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--partition", metavar="NAME", help="SLURM partition of the board (default: $MYELIN_LOIHI_PARTITION)")
    where.add_argument("--host", metavar="ADDRESS", help="host of the board on the network (default: $MYELIN_LOIHI_HOST)")
    parser.add_argument("--generation", metavar="NAME", help="of the chip (default: $MYELIN_LOIHI_GENERATION, or N3B3)")
    parser.add_argument("--samples", metavar="N", type=positive, help="how many golden inputs (default: all)")
    parser.add_argument("--max-lag", metavar="STEPS", type=count, help="longest lag to look for (default: 16)")
    parser.add_argument("--timeout", metavar="S", type=positive, help="longest silence in seconds (default: 600)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what the screen shows as JSON too")
    parser.set_defaults(run=run_on_board)


def _add_board_lag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--board-lag",
        metavar="STEPS",
        type=count,
        help="backend loihi2: how much later than simulated the board's output comes (default: found with golden inputs)",
    )


def _add_demo(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="the whole way on the built-in data, in minutes",
        description="Train, export, check, simulate, validate, draw and report, on built-in spoken digits in two languages.",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("demo"), help="folder to write (default: demo)")
    parser.add_argument("--epochs", metavar="N", type=positive, help="epochs of training (default: the experiment's)")
    parser.set_defaults(run=run_demo)


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--split", choices=("train", "valid", "test"), help="part of the data (default: test, else valid, else all there is)"
    )


def run_simulate(args: argparse.Namespace) -> int:
    """Run a network on data, print the result, return 0."""
    from myelin.backends.simulate import lines, simulate_samples
    from myelin.convert.stimulus import open_data, open_network
    from myelin.hw_configs.files import write_json

    opened = open_network(args.network)
    samples, origin = open_data(opened, args)
    backend = BACKENDS[args.backend]
    if args.stock and backend != "cpu":
        raise DataError(f"--stock chooses between Lava's process models; use it with --backend lava, not {args.backend}")
    number = args.samples or (len(samples) if backend is None else DEFAULT_LAVA_SAMPLES)
    lag = _board_lags([opened], [args.backend], args)[0]
    result = simulate_samples(
        opened.network, samples, number, backend=backend, stock=args.stock, lag_steps=lag, progress=_progress()
    )
    head = {"network": str(args.network), "exported_for": origin and origin.target, "backend": args.backend}
    result = head | result | ({"board_lag_steps": lag} if backend == "loihi2" else {})
    print("\n".join(lines(result)))
    if args.json is not None:
        write_json(args.json, result)
    return 0


def run_diff(args: argparse.Namespace) -> int:
    """Compare two runs, print where they part; returns 0 if all is equal, 1 if not."""
    from myelin.backends.diff import diff
    from myelin.convert.stimulus import choose, open_network
    from myelin.hw_configs.files import write_json

    if args.b is None and args.backends[0] == args.backends[1]:
        raise DataError(
            f"A and B are both {args.a} on backend {args.backends[0]}; name a second network, or two backends, such as "
            "--backends fast lava"
        )
    backends = [DIFF_BACKENDS[name] for name in args.backends]
    a = open_network(args.a)
    b = a if args.b is None else open_network(args.b)
    slow = any(backend is not None for backend, _ in backends)
    lags = _board_lags((a, b), args.backends, args)
    result, shown = diff(
        (a, b),
        [(*backend, lag) for backend, lag in zip(backends, lags)],
        args.backends,
        lambda: choose((a, b), args, DEFAULT_LAVA_SAMPLES if slow else None),
        plot=args.plot,
        progress=_progress(),
    )
    print("\n".join(shown))
    if args.json is not None:
        write_json(args.json, result)
    return 0 if result["equal"] else 1


def run_on_board(args: argparse.Namespace) -> int:
    """Run an artifact on a board, print how its output compares; GateError (exit code 1) if it is not the golden one."""
    from myelin.convert.artifact.artifact import read_artifact
    from myelin.hw_configs.files import write_json
    from myelin.lava_models import loihi2
    from myelin.lava_models.board import MAX_LAG_STEPS, lines, require_parity, run_board

    loihi2.choose(args.partition, args.host, args.generation)
    loihi2.require()
    artifact = read_artifact(args.artifact)
    result = run_board(
        artifact,
        samples=args.samples,
        max_lag_steps=MAX_LAG_STEPS if args.max_lag is None else args.max_lag,
        timeout_s=args.timeout,
        progress=(lambda done, total: print(f"sample {done} of {total}", file=sys.stderr)) if _progress() else None,
    )
    result = {"artifact": str(args.artifact), "exported_for": artifact.manifest["target"]["name"], **result}
    print("\n".join(lines(result)))
    if args.json is not None:
        write_json(args.json, result)
    require_parity(result)
    return 0


def _board_lags(opened: Sequence[Opened], backends: Sequence[str], args: argparse.Namespace) -> list[int]:
    """For each network and its backend, by how many steps what it gives is late: 0 but on a board."""
    if "loihi2" not in backends:
        if args.board_lag is not None:
            raise DataError("--board-lag is for the backend loihi2; leave it out")
        return [0] * len(opened)
    from myelin.lava_models.board import lag_of

    return [
        lag_of(one.artifact, str(one.path), args.board_lag) if backend == "loihi2" else 0
        for one, backend in zip(opened, backends)
    ]


def run_demo(args: argparse.Namespace) -> int:
    """The whole way on the built-in data; returns 0."""
    from myelin.commands.demo import demo

    return demo(args.out, overrides=[] if args.epochs is None else [f"train.epochs={args.epochs}"])


def run_doctor(args: argparse.Namespace) -> int:
    """Print what is installed and what works; returns 0 if the way on the CPU does, 1 if not."""
    from myelin.backends.doctor import examine, lines
    from myelin.hw_configs.files import write_json

    found = examine()
    print("\n".join(lines(found)))
    if args.json is not None:
        write_json(args.json, found)
    return 0 if found["cpu_works"] else 1


def _progress() -> bool:
    return sys.stderr.isatty()
