"""Every reader of files that somebody else may have written: its sound inputs, how it is called, and what is changed."""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fuzz_seeds as seeds
from mutate_arrays import mutate_idx, mutate_mat, mutate_npz, mutate_tensors
from mutate_bytes import mutate_bytes, mutate_packed, special_file
from mutate_hdf5 import mutate_hdf5
from mutate_sound import mutate_wav
from mutate_text import mutate_json, mutate_jsonl, mutate_toml

from myelin.hw_configs.errors import MyelinError

Mutation = Callable[[random.Random, Path, list[Path]], None]
#: End of a file's name -> its mutation; the first that fits.
BY_NAME: tuple[tuple[str, Mutation], ...] = (
    *((end, mutate_packed) for end in (".h5.gz", ".h5.xz")),
    *((end, mutate_hdf5) for end in (".net", ".nir", ".h5")),
    *((end, mutate_idx) for end in ("ubyte", "ubyte.gz")),
    (".npz", mutate_npz),
    (".mat", mutate_mat),
    (".wav", mutate_wav),
    (".safetensors", mutate_tensors),
    (".json", mutate_json),
    (".jsonl", mutate_jsonl),
    (".toml", mutate_toml),
    ("", mutate_bytes),
)


@dataclass(frozen=True)
class Reader:
    """A reader.

    Attributes:
        make: fills a folder with sound inputs: each of its members is one, a file or a folder.
        read: reads an input; the second argument is the folder of all inputs, where readers keep what they need beside.
        share: its share of the cases.
        finish: called after a change, to mend what would hide it, such as the hash of a file.
        slow: whether its inputs are made by training.
    """

    make: Callable[[Path], None]
    read: Callable[[Path, Path], Any]
    share: int = 10
    finish: Callable[[random.Random, Path], None] | None = None
    slow: bool = False


def change(rng: random.Random, path: Path, others: list[Path]) -> None:
    """One change of the input ``path``, a file or a folder; ``others`` are inputs of the same reader."""
    if rng.random() < 0.01:
        return special_file(rng, path)
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
        if not files:
            return special_file(rng, path)
        file = rng.choice(files)
        if rng.random() < 0.05:
            return special_file(rng, file)
        if rng.random() < 0.02:
            return file.unlink()
        return _mutation(file)(rng, file, [one for one in files if one.suffix == file.suffix])
    if not path.is_file():
        return None
    return _mutation(path)(rng, path, others)


def _mutation(path: Path) -> Mutation:
    return next(mutation for end, mutation in BY_NAME if path.name.endswith(end))


def signed(rng: random.Random, path: Path) -> None:
    """Write the hashes of an artifact's files anew, mostly, so that what they hold is read."""
    from myelin.convert.artifact.files import sha256

    if not (path / "manifest.json").is_file():
        return
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        if rng.random() < 0.9:
            for name, entry in manifest["files"].items():
                if (path / name).is_file() and (path / name).stat().st_size < 2**30:
                    entry["sha256"] = sha256(path / name)
        if rng.random() < 0.03:
            manifest["files"][rng.choice(("../outside", "/etc/passwd", "a/../../b", "", ".", "checkpoint"))] = {"sha256": "0"}
        (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return


def command(*arguments: object) -> None:
    """A command; raises what a caller of Python would see for each exit code."""
    from myelin.cli import main

    told = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(told):
        code = main([str(argument) for argument in arguments])
    if code == 2:
        raise MyelinError(told.getvalue().strip())
    if code not in (0, 1):
        raise RuntimeError(f"exit code {code}: {told.getvalue().strip()}")


def _all(*calls: Callable[[], Any]) -> None:
    """Every call; the outcome is that of the first, and an error that is no refusal that of any."""
    refused: list[MyelinError | None] = []
    for call in calls:
        try:
            call()
            refused.append(None)
        except MyelinError as error:
            refused.append(error)
    if refused[0] is not None:
        raise refused[0]


def _netx(path: Path, _: Path) -> None:
    from myelin.convert.netx.floats import read_netx_floats
    from myelin.convert.opened import read

    _all(lambda: read(path), lambda: read(path, clip_delays=5), lambda: read_netx_floats(path))


def _nir(path: Path, _: Path) -> None:
    from myelin.convert.nir.format import read_nir_floats
    from myelin.convert.opened import read

    _all(lambda: read(path), lambda: read(path, dt_ms=1.0), lambda: read_nir_floats(path, dt_ms=1.0, settled_bias=True))


def _shd(path: Path, _: Path) -> None:
    from myelin.train.datasets import Storage, load, read_shd

    cache = path.parent / "cache"
    try:
        _all(lambda: load(path), lambda: read_shd(path, time_unit="ms"), lambda: read_shd(path, Storage(0.0, cache)))
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def _data(path: Path, _: Path) -> None:
    from myelin.train.datasets import load

    load(path)


def _idx(path: Path, _: Path) -> None:
    from myelin.train.datasets import load

    _all(lambda: load(f"{path}:pixels", "train"), lambda: load(f"{path}:rows", "train"))


def _wav(path: Path, _: Path) -> None:
    from myelin.train.cochlea.folder import encode_folder

    table = path / "labels.csv"
    out = path.parent / "out.h5"
    _all(
        lambda: encode_folder(path, out, channels=2),
        lambda: encode_folder(path, out, channels=2, labels=table, skip_bad=True),
    )


def _target(path: Path, _: Path) -> None:
    from myelin.hw_configs.target_files import load_target

    load_target(path)


def _config(path: Path, _: Path) -> None:
    from myelin.train.model import build_model
    from myelin.train.run.start import configuration

    build_model(configuration(path), 3)


def _sweep(path: Path, _: Path) -> None:
    from myelin.sweep.file import read_sweep

    read_sweep(path)


def _artifact(path: Path, _: Path) -> None:
    from myelin.convert.artifact.artifact import read_artifact
    from myelin.convert.artifact.examine import examine
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.opened import read
    from myelin.validation.open_reference import open_reference

    def whole() -> None:
        artifact = read_artifact(path)
        Origin.of(artifact)

    _all(whole, lambda: examine(path), lambda: read(path), lambda: command("check", path, "--target", "loihi2"))
    del open_reference


def _run(path: Path, _: Path) -> None:
    from myelin.convert.opened import read
    from myelin.train.run.files.metrics import read_metrics
    from myelin.train.run.files.run_record import read_run

    def record() -> None:
        read_run(path).require_complete()

    _all(lambda: read(path), record, lambda: read_metrics(path / "metrics.jsonl"))


def _resume(path: Path, inputs: Path) -> None:
    from myelin.training.fit import fit

    data = inputs.parent / "run_data"
    fit(data / "dense.toml", data, path, resume=True)


def _report(path: Path, inputs: Path) -> None:
    given = [
        word for name in ("validation", "mapping", "profile", "exploration") for word in (f"--{name}", path / f"{name}.json")
    ]
    command("report", inputs.parent / "results_art", "--out", path.parent / "page.html", *given)


def _results(folder: Path) -> None:
    (folder / "json").mkdir()
    seeds.results(folder / "json")


def _state(path: Path, inputs: Path) -> None:
    from small_network import small_network

    from myelin import Simulator
    from myelin.convert.floats.file import read_floats
    from myelin.convert.simulator.state import SimulatorState
    from myelin.validation.stored_reference import StoredReference

    def restored() -> None:
        Simulator(small_network()).state = SimulatorState.load(path)

    _all(restored, lambda: read_floats(path), lambda: StoredReference(path))


def _conversion(path: Path, inputs: Path) -> None:
    from myelin.train.datasets import Storage, read_shd

    data = inputs.parent / "large_train.h5"
    read_shd(data, Storage(0.0, path))


def _planned(path: Path, inputs: Path) -> None:
    from myelin.sweep.file import read_sweep
    from myelin.sweep.plan import claim_folder, make_plan
    from myelin.sweep.table import make_table

    data = inputs.parent / "sweep_data"
    plan = make_plan(read_sweep(data / "s.toml"), str(data), path)
    claim_folder(plan)
    for run in plan.runs:
        if plan.result(run) is not None:
            make_table(plan)


#: Name -> reader.
READERS: dict[str, Reader] = {
    "netx": Reader(seeds.netx, _netx, 24),
    "nir": Reader(seeds.nir, _nir, 20),
    "shd": Reader(seeds.shd, _shd, 20),
    "packed": Reader(seeds.shd_packed, _shd, 8),
    "npz": Reader(seeds.npz, _data, 14),
    "idx": Reader(seeds.idx, _idx, 8),
    "mat": Reader(seeds.mat, _data, 8),
    "wav": Reader(seeds.wav, _wav, 12),
    "target": Reader(seeds.targets, _target, 10),
    "config": Reader(seeds.configs, _config, 10),
    "sweep": Reader(seeds.sweeps, _sweep, 8),
    "state": Reader(seeds.states, _state, 8),
    "cache": Reader(seeds.conversions, _conversion, 6),
    "artifact": Reader(seeds.artifacts, _artifact, 16, signed),
    "report": Reader(_results, _report, 8),
    "run": Reader(seeds.runs, _run, 14, slow=True),
    "resume": Reader(seeds.runs, _resume, 6, slow=True),
    "trained": Reader(seeds.run_artifacts, _artifact, 6, signed, slow=True),
    "plan": Reader(seeds.sweep_results, _planned, 4, slow=True),
}


def make_inputs(folder: Path, names: list[str]) -> None:
    """The sound inputs of the readers ``names``, each in a folder of its name."""
    for name in names:
        place = folder / name / "inputs"
        if not place.is_dir():
            place.mkdir(parents=True)
            READERS[name].make(place)
