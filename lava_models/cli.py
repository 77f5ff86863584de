"""``myelin simulate``, ``validate``, ``doctor`` and ``demo``: the commands that may run Lava."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hw_configs.errors import DataError

if TYPE_CHECKING:
    from convert.network import Network
    from convert.samples import Binning, Samples

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

#: ``--backend`` -> backend of ``lava_models.run``; the simulator has none.
BACKENDS = {"fast": None, "lava": "cpu", "loihi2": "loihi2"}
#: Samples that run where each takes seconds, unless the user says.
DEFAULT_LAVA_SAMPLES = 5


def add_commands(subparsers: Subparsers) -> None:
    """Add this stage's commands; each sets ``run``, a function from the parsed arguments to the exit code."""
    _add_simulate(subparsers)
    _add_validate(subparsers)
    _add_demo(subparsers)
    doctor = subparsers.add_parser("doctor", help="what is installed, and what each backend still lacks")
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
        type=_positive,
        help=f"how many, of as many classes as possible (default: all; {DEFAULT_LAVA_SAMPLES} in Lava)",
    )
    _add_split(parser)
    parser.add_argument("--stock", action="store_true", help="backend lava: Lava's own process models instead of ours")
    parser.add_argument("--steps", metavar="N", type=_positive, help="netx file: length of a sample in steps")
    parser.add_argument("--step-ms", metavar="MS", type=float, help="netx file: length of a step in milliseconds")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what the screen shows as JSON too")
    parser.set_defaults(run=run_simulate)


def _add_validate(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "validate",
        help="did the chip's integers cost accuracy? a gate that passes or fails",
        description="Run the same samples through the float network, its rounded and quantised forms, the integers in the "
        "simulator, and some in Lava. Fails (exit code 1) if the integer network is more than --max-drop points less accurate "
        "than the float one on these samples, or if any value differs where all must be equal.",
    )
    parser.add_argument("artifact", metavar="ART", type=Path, help="artifact folder, as `myelin export` writes it")
    parser.add_argument("--data", metavar="PATH", required=True, help="builtin, a folder, or a file of the SHD format")
    _add_split(parser)
    parser.add_argument(
        "--max-drop", metavar="POINTS", type=_points, default=1.0, help="allowed loss in percent points (default: 1.0)"
    )
    parser.add_argument(
        "--lava-samples",
        metavar="N",
        type=_count,
        help=f"samples to run in Lava too (default: {DEFAULT_LAVA_SAMPLES} if Lava is installed)",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what the screen shows as JSON too")
    parser.set_defaults(run=run_validate)


def _add_demo(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="the whole way on the built-in data, in minutes",
        description="Train, export, check, simulate, validate and draw, on built-in spoken digits in two languages.",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("demo"), help="folder to write (default: demo)")
    parser.add_argument("--epochs", metavar="N", type=_positive, help="epochs of training (default: the experiment's)")
    parser.set_defaults(run=run_demo)


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--split", choices=("train", "valid", "test"), help="part of the data (default: test, else valid, else all there is)"
    )


def run_simulate(args: argparse.Namespace) -> int:
    """Run a network on data, print the result, return 0."""
    from hw_configs.files import write_json
    from lava_models.simulate import lines, simulate_samples

    network, samples, target = _opened(args)
    backend = BACKENDS[args.backend]
    if args.stock and backend != "cpu":
        raise DataError(f"--stock chooses between Lava's process models; use it with --backend lava, not {args.backend}")
    count = args.samples or (len(samples) if backend is None else DEFAULT_LAVA_SAMPLES)
    result = simulate_samples(network, samples, count, backend=backend, stock=args.stock, progress=_progress())
    result = {"network": str(args.network), "exported_for": target, "backend": args.backend, **result}
    print("\n".join(lines(result)))
    if args.json is not None:
        write_json(args.json, result)
    return 0


def run_validate(args: argparse.Namespace) -> int:
    """Validate an artifact, print the table; GateError (exit code 1) if it fails."""
    from convert.artifact import read_artifact
    from convert.provenance import Origin
    from convert.samples import open_samples
    from lava_models import compat
    from lava_models.validation import require_pass, validate_artifact

    if args.lava_samples:
        compat.require()  # asked for by name: without Lava this is an error, not something to leave out
    artifact = read_artifact(args.artifact)
    origin = Origin.of(artifact)
    samples = open_samples(args.data, origin.binning, split=args.split, classes=origin.classes, keys=origin.keys)
    print(f"validate      {args.artifact}: {origin.name}, exported for {origin.target}")
    validation = validate_artifact(
        artifact,
        origin,
        samples,
        max_drop_points=args.max_drop,
        lava_samples=DEFAULT_LAVA_SAMPLES if args.lava_samples is None else args.lava_samples,
        json=args.json,
        progress=_progress(),
    )
    require_pass(artifact, validation)
    return 0


def run_demo(args: argparse.Namespace) -> int:
    """The whole way on the built-in data; returns 0."""
    from lava_models.demo import demo

    return demo(args.out, overrides=[] if args.epochs is None else [f"train.epochs={args.epochs}"])


def run_doctor(args: argparse.Namespace) -> int:
    """Print what is installed and what works; returns 0."""
    from hw_configs.files import write_json
    from lava_models.doctor import examine, lines

    found = examine()
    print("\n".join(lines(found)))
    if args.json is not None:
        write_json(args.json, found)
    return 0


def _opened(args: argparse.Namespace) -> tuple[Network, Samples, str | None]:
    """Network, samples and the target it was exported for, of ``simulate``'s arguments."""
    from convert.artifact import load_network, read_artifact
    from convert.provenance import Origin
    from convert.samples import open_samples

    given = [name for name in ("steps", "step_ms") if getattr(args, name) is not None]
    if not args.network.is_dir():
        network = load_network(args.network)
        binning = _binning(args, network, given)
        return network, open_samples(args.data, binning, split=args.split, classes=network.num_classes), None
    if given:
        raise DataError(f"--{given[0].replace('_', '-')} is for netx files; the artifact {args.network} says how it is binned")
    artifact = read_artifact(args.network)
    origin = Origin.of(artifact)
    samples = open_samples(args.data, origin.binning, split=args.split, classes=origin.classes, keys=origin.keys)
    return artifact.network, samples, origin.target


def _binning(args: argparse.Namespace, network: Network, given: list[str]) -> Binning:
    import math

    from convert.samples import Binning

    if len(given) < 2:
        raise DataError(
            f"{args.network}: a netx file does not say how spikes become frames; give --steps and --step-ms, such as "
            "--steps 100 --step-ms 10"
        )
    return Binning(args.steps, args.step_ms, math.prod(network.input.shape), network.input.message_bits)


def _progress() -> bool:
    return sys.stderr.isatty()


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def _positive(text: str) -> int:
    if _count(text) < 1:
        raise argparse.ArgumentTypeError("1 or more is allowed")
    return int(text)


def _points(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of percent points in 0..100")
    return value
