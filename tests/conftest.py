"""Fixtures that several rooms share: networks, their plain implementation, and runs trained on a tiny data set."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import slow_models
from tiny_data import CONV, DENSE, tiny_dataset

from myelin.convert import Cuba, DelayedRecurrent, Dense, Input, Layer, Network


@pytest.fixture(scope="session")
def exact_network():
    return slow_models.exact_network


@pytest.fixture(scope="session")
def reference():
    return slow_models.reference


@pytest.fixture(scope="session")
def random_network():
    return slow_models.random_network


@pytest.fixture(scope="session")
def upstream():
    """Folder of the netx test data that lava-dl installs; skips where lava-dl is not installed."""
    for entry in sys.path:
        folder = Path(entry) / "tests" / "lava" / "lib" / "dl" / "netx"
        if folder.is_dir():
            return folder
    assert importlib.util.find_spec("lava") is None, "lava is installed without lava-dl's test data"
    pytest.skip("lava-dl's test data is not installed")


@pytest.fixture
def small():
    """Two layers, the first recurrent with delays: enough for most tests."""
    cuba = Cuba(threshold=2, current_decay=2048, voltage_decay=1024)
    recurrent = DelayedRecurrent(Dense([[0, 4, 0], [0, 0, 4], [4, 0, 0]]), [0, 2, 1])
    return Network(
        Input((2,)),
        [
            Layer((3,), Dense([[4, 0], [0, 4], [4, 4]]), cuba, delay_steps=[1, 0, 3], recurrent=recurrent),
            Layer((2,), Dense([[6, -2, 4], [0, 8, 2]]), cuba),
        ],
    )


@pytest.fixture(scope="session")
def main():
    """The command line, in this process: ``main(*arguments)`` returns the exit code."""
    import myelin.cli

    return lambda *arguments: myelin.cli.main([str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """``data`` (a folder with *_train.h5 and *_test.h5), ``configs`` by name, ``dataset(samples_per_class, seed)``."""
    from myelin.train.datasets import write_shd

    folder = tmp_path_factory.mktemp("tiny")
    data = folder / "data"
    data.mkdir()
    write_shd(tiny_dataset(12, 1), data / "tiny_train.h5")
    write_shd(tiny_dataset(6, 2), data / "tiny_test.h5")
    configs = {}
    for name, text in (("dense", DENSE), ("conv", CONV)):
        configs[name] = folder / f"{name}.toml"
        configs[name].write_text(text)
    return SimpleNamespace(data=data, configs=configs, dataset=tiny_dataset, folder=folder)


@pytest.fixture(scope="session")
def runs(tiny, main):
    """A finished run folder for each configuration, by name."""
    folders: dict[str, Path] = {}
    for name, config in tiny.configs.items():
        folders[name] = tiny.folder / f"run_{name}"
        assert main("train", config, "--data", tiny.data, "--out", folders[name], "--quiet") == 0
    return folders


@pytest.fixture(scope="session")
def artifacts(tiny, main, runs):
    """An artifact for each run, by name."""
    folders: dict[str, Path] = {}
    for name, run in runs.items():
        folders[name] = tiny.folder / f"artifact_{name}"
        assert main("export", run, "--target", "loihi2", "--out", folders[name], "--data", tiny.data) == 0
    return folders


@pytest.fixture(scope="session")
def lava():
    """A process that runs networks with Lava, one for all tests of a session."""
    from myelin.lava_models import compat
    from myelin.lava_models.runner import Worker

    if compat.missing():
        pytest.skip(f"Lava is not installed: {', '.join(compat.missing())}")
    with Worker() as worker:
        yield worker


@pytest.fixture
def refused(main, capsys):
    """``refused(*arguments)``: the one line on stderr of a command that must end with exit code 2."""

    def call(*arguments):
        capsys.readouterr()
        code = main(*arguments)
        shown = capsys.readouterr().err
        lines = shown.splitlines()
        assert len(lines) == 1, shown
        assert lines[0].startswith("myelin: error: "), shown
        assert code == 2
        return lines[0].removeprefix("myelin: error: ")

    return call
