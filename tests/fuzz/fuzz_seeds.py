"""Sound inputs of every reader, which the fuzzer changes; made by Myelin itself, and by what else writes such files."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import lzma
import shutil
import struct
import sys
from pathlib import Path

import h5py
import numpy as np
from places import ROOT, SHARED
from small_network import answered, small_network


def quietly(*arguments: object) -> int:
    """A command of Myelin without its output."""
    from myelin.cli import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
        code = main([str(argument) for argument in arguments])
    assert code in (0, 1), told.getvalue()
    return code


def netx(folder: Path) -> None:
    """Networks of every neuron and layer."""
    import alif_networks
    import rf_networks
    import sigma_delta_networks
    import slow_models

    from myelin.convert import Rf, write_netx

    for number in range(4):
        write_netx(slow_models.random_network(number)[0], folder / f"cuba{number}.net")
    write_netx(alif_networks.random_network(1)[0], folder / "alif.net")
    write_netx(rf_networks.network(1, Rf)[0], folder / "rf.net")
    write_netx(sigma_delta_networks.random_case(1)[0], folder / "sigma_delta.net")
    upstream = [Path(entry) / "tests/lava/lib/dl/netx" for entry in sys.path]
    for place in [SHARED / "cases" / "files", *upstream]:
        for path in sorted(place.glob("*.net")):
            if path.stat().st_size < 200_000:
                shutil.copy(path, folder / path.name)


def nir(folder: Path) -> None:
    """Graphs with and without our integers."""
    import slow_models

    from myelin.convert import write_nir

    write_nir(small_network(), folder / "small.nir")
    for number in range(6):
        with contextlib.suppress(Exception):
            write_nir(slow_models.random_network(number)[0], folder / f"random{number}.nir")
    for path in sorted(folder.glob("*.nir"))[:3]:  # as another program writes them
        plain = folder / f"plain_{path.name}"
        shutil.copy(path, plain)
        with h5py.File(plain, "r+") as file:
            del file["node/metadata"]
    for path in sorted((SHARED / "cases" / "files").glob("*.nir")):
        shutil.copy(path, folder / path.name)


def _words(samples: int = 8):
    from myelin.train.datasets import SpikeDataset, join_events

    rng = np.random.default_rng(0)
    trains = [(np.sort(rng.uniform(0, 1, 20)).astype(np.float16), rng.integers(0, 28, 20)) for _ in range(samples)]
    return SpikeDataset(*join_events(trains), np.arange(samples) % 3, 28, ("a", "b", "c"), np.arange(samples) % 2)


def shd(folder: Path) -> None:
    """Files of the SHD format in several layouts."""
    from myelin.train.datasets import write_shd

    write_shd(_words(), folder / "plain.h5")
    layouts: dict[str, dict[str, object]] = {
        "gzip": {"chunks": (4,), "compression": "gzip", "shuffle": True},
        "chunks": {"chunks": (8,)},
        "lzf": {"chunks": (4,), "compression": "lzf"},
        "latest": {},
    }
    for name, layout in layouts.items():
        version = "latest" if name == "latest" else "earliest"
        with h5py.File(folder / "plain.h5") as source, h5py.File(folder / f"{name}.h5", "w", libver=version) as file:
            for rows in ("spikes/times", "spikes/units"):
                made = file.create_dataset(rows, (8,), source[rows].dtype, **layout)
                for i in range(8):
                    made[i] = source[rows][i]
            file["labels"], file.attrs["channels"] = source["labels"][...], 28
            file["extra/keys"], file["extra/speaker"] = ["a", "b", "c"], ["x", "y"] * 4
            file.attrs["shape"] = np.array([1, 4, 7], np.uint32)


def shd_packed(folder: Path) -> None:
    """The same, packed."""
    shd(folder)
    for path in sorted(folder.glob("*.h5")):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        (folder / f"{path.name}.xz").write_bytes(lzma.compress(path.read_bytes()))
        path.unlink()


def npz(folder: Path) -> None:
    """Every kind of npz file of data."""
    rng = np.random.default_rng(0)
    _words().save(folder / "ours.npz")
    x = (rng.random((4, 10, 6)) < 0.3).astype(np.uint8)
    np.savez(folder / "dense.npz", x=x, y=np.arange(4), step_ms=2.0, keys=list("abcd"), signed=False)
    np.savez_compressed(folder / "dense_trace.npz", x=x, y=rng.random((4, 10, 2)).astype("f4"), time_axis=1, shape=[6])
    offsets, times = np.array([0, 3, 6, 9]), np.tile([0.1, 0.2, 0.3], 3)
    np.savez(folder / "events.npz", times=times, units=np.arange(9), offsets=offsets, labels=np.arange(3), channels=9)
    camera = {"t": np.arange(9) * 1000, "x": np.arange(9) % 3, "y": np.arange(9) % 2, "p": np.arange(9) % 2, "offsets": offsets}
    np.savez(folder / "camera.npz", **camera, labels=np.arange(3), shape=[2, 2, 3], time_unit="us")


def idx(folder: Path) -> None:
    """Folders of images, plain and packed."""
    pixels = np.random.default_rng(0).integers(0, 255, (6, 4, 5), np.uint8)
    images = struct.pack(">iiii", 2051, *pixels.shape) + pixels.tobytes()
    labels = struct.pack(">ii", 2049, 6) + bytes(range(6))
    for name, end, pack in (("plain", "", bytes), ("packed", ".gz", gzip.compress)):
        (folder / name).mkdir()
        (folder / name / f"train-images-idx3-ubyte{end}").write_bytes(pack(images))
        (folder / name / f"train-labels-idx1-ubyte{end}").write_bytes(pack(labels))


def mat(folder: Path) -> None:
    """QTDB's form, packed and not."""
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    y = np.eye(6)[rng.integers(0, 6, (3, 20))]
    for name, packed in (("plain", False), ("packed", True)):
        values = {"x": rng.integers(-1, 2, (3, 20, 4)).astype(float), "y": y, "t": np.arange(20), "max_i": 20.0}
        savemat(folder / f"{name}.mat", values, do_compression=packed)


def wav(folder: Path) -> None:
    """A folder of recordings with a table."""
    from scipy.io import wavfile

    for name, dtype in (("short", np.int16), ("floats", np.float32)):
        place = folder / name
        place.mkdir()
        for number in range(2):
            tone = np.sin(np.arange(800) / (5 + number))
            wavfile.write(place / f"word{number}_ann.wav", 16000, (tone * (30000 if dtype == np.int16 else 0.9)).astype(dtype))
        (place / "labels.csv").write_text("file,label,speaker\nword0_ann.wav,zero,ann\nword1_ann.wav,one,ann\n")


def targets(folder: Path) -> None:
    """The built-in targets."""
    for path in sorted((ROOT / "hw_configs").glob("*.toml")):
        shutil.copy(path, folder / path.name)


def configs(folder: Path) -> None:
    """The built-in experiments and those of the tests."""
    from tiny_data import CONV, DENSE

    for path in sorted((ROOT / "train" / "experiments").glob("*.toml")):
        shutil.copy(path, folder / path.name)
    (folder / "dense.toml").write_text(DENSE)
    (folder / "conv.toml").write_text(CONV)


def sweeps(folder: Path) -> None:
    """Sweep files with all that they may have."""
    for path in sorted((ROOT / "benchmarks" / "sweeps").glob("*.toml")):
        shutil.copy(path, folder / path.name)
    (folder / "cases.toml").write_text(
        'base = "delrec"\nseeds = [3, 1]\n[set]\n"train.epochs" = 4\n[[case]]\nname = "learned"\n[[case]]\nname = "fixed"\n'
        'set = { "delay.learn" = false }\n[grid]\n"layers.*.taps" = [1, 3]\n"delay.rounding" = ["end", "epoch"]\n'
        '[compare]\nreference = "learned"\nat = { "layers.*.taps" = 3 }\n'
    )


def artifacts(folder: Path) -> None:
    """Artifacts of a network and of floats."""
    import myelin
    from myelin.convert import write_nir

    network = small_network()
    x = answered(network, samples=3).x
    myelin.export(network, folder / "plain", target="loihi2", inputs=x)
    write_nir(network, folder / "n.nir")
    with h5py.File(folder / "n.nir", "r+") as file:
        del file["node/metadata"]
    myelin.export(folder / "n.nir", folder / "floats", target="loihi2", inputs=x, dt_ms=1.0)
    (folder / "n.nir").unlink()


def runs(folder: Path) -> None:
    """A run folder of two epochs, with the data beside it."""
    from tiny_data import DENSE, tiny_dataset

    from myelin.train.datasets import write_shd

    data = folder.parent / "run_data"
    data.mkdir()
    write_shd(tiny_dataset(6, 1), data / "tiny_train.h5")
    (data / "dense.toml").write_text(DENSE)
    quietly("train", data / "dense.toml", "--data", data, "--out", folder / "run", "--quiet")


def run_artifacts(folder: Path) -> None:
    """An artifact of a run, which holds the checkpoint."""
    run, data = folder.parent / "run", folder.parent / "run_data"
    if not run.is_dir():
        run.mkdir()
        runs(run)
    quietly("export", run / "run", "--target", "loihi2", "--out", folder / "art", "--data", data)


def results(folder: Path) -> None:
    """What the commands write with --json, for `myelin report`; the artifact lies beside them."""
    network = small_network()
    samples = answered(network)
    import myelin

    beside = folder.parent.parent
    art = beside / "results_art"
    myelin.export(network, art, target="loihi2", inputs=samples.x[:3])
    np.savez(beside / "samples.npz", x=samples.x, y=samples.classes)
    np.savez(beside / "right.npz", predictions=samples.classes)
    data = ("--data", beside / "samples.npz")
    quietly("validate", art, *data, "--reference", beside / "right.npz", "--json", folder / "validation.json")
    quietly("map", art, "--target", "loihi2", "--json", folder / "mapping.json")
    quietly("profile", art, "--json", folder / "profile.json")
    quietly("explore", art, *data, "--json", folder / "exploration.json")


def states(folder: Path) -> None:
    """A state of the simulator, float networks and stored predictions."""
    from myelin import Simulator
    from myelin.convert.floats.file import write_floats
    from myelin.convert.nir.format import read_nir_floats, write_nir

    simulator = Simulator(small_network())
    simulator.step(np.ones(6, np.uint8))
    simulator.state.save(folder / "state.npz")
    write_nir(small_network(), folder / "n.nir")
    write_floats(read_nir_floats(folder / "n.nir"), folder / "floats.npz")
    (folder / "n.nir").unlink()
    np.savez(folder / "predictions.npz", predictions=np.arange(4), labels=np.arange(4))
    np.savez(folder / "scores.npz", scores=np.random.default_rng(0).random((4, 3)))


def conversions(folder: Path) -> None:
    """A conversion in the cache, as of a file that does not fit into memory; the file lies beside it."""
    from myelin.train.datasets import Storage, read_shd, write_shd

    write_shd(_words(), folder.parent / "large_train.h5")
    read_shd(folder.parent / "large_train.h5", Storage(0.0, folder / "cache"))


def sweep_results(folder: Path) -> None:
    """A small sweep, finished: sweep.json, and run folders with a result.json."""
    from tiny_data import DENSE, tiny_dataset

    from myelin.train.datasets import write_shd

    data = folder.parent / "sweep_data"
    data.mkdir()
    write_shd(tiny_dataset(6, 1), data / "tiny_train.h5")
    (data / "dense.toml").write_text(DENSE)
    (data / "s.toml").write_text('base = "dense.toml"\n[set]\n"train.epochs" = 2\n[[case]]\nname = "a"\n')
    quietly("sweep", data / "s.toml", "--data", data, "--out", folder / "sweep")


def report_pages(folder: Path) -> None:
    """The values of an earlier report, which a new one replaces only if they are a report's."""
    (folder / "report.json").write_text(json.dumps({"verdict": {}, "missing": {}}))
