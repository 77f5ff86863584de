"""Fixtures that several rooms share: networks, their plain implementation, and runs trained on a tiny data set."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numba.np.ufunc.parallel
import pytest
import slow_models
import tiers
import together
from tiny_data import CONV, DENSE, tiny_dataset

from myelin.convert import Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from myelin.hw_configs.compiling.compilation import share_compilation

# compiled loops are kept beside the source anyway; without Python's own files there, each of some hundred processes would
# compile the modules that it imports
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("MYELIN_TRACEBACK", "1")  # a fault within a command shows where it is
os.environ.setdefault("MYELIN_COMPILE_WORKERS", "0")  # a run compiles in its own process: tests run side by side already
if not any(Path(driver).exists() for driver in ("/dev/nvidiactl", "/dev/kfd")):
    # without a GPU Triton's kernels run in its interpreter; it reads this when it is imported, by whatever test comes first
    os.environ.setdefault("TRITON_INTERPRET", "1")


def pytest_configure(config):
    if getattr(config.option, "numprocesses", None):
        # workers share the cores: threads of compiled loops and of torch that wait do so without spinning; how many there are
        # stays as it is everywhere, since the order of sums depends on it
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "PYTEST_XDIST_WORKER" in os.environ:
        share_compilation()
    for name, meaning in tiers.TIERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    config.pluginmanager.register(tiers.Tiers())


@pytest.fixture(scope="session", autouse=True)
def no_width():
    """Lines are not wrapped: the width of the terminal that starts the tests says nothing."""
    os.environ.pop("COLUMNS", None)


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


@pytest.fixture(scope="session", autouse=True)
def threads():
    """Threads of compiled loops start here, for some tests stay on one core."""
    numba.np.ufunc.parallel._launch_threads()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """``data`` (a folder with *_train.h5 and *_test.h5), ``configs`` by name, ``dataset(samples_per_class, seed)``."""
    from myelin.train.datasets import write_shd

    texts = {"dense": DENSE, "conv": CONV}

    def make(folder):
        (folder / "data").mkdir()
        write_shd(tiny_dataset(12, 1), folder / "data" / "tiny_train.h5")
        write_shd(tiny_dataset(6, 2), folder / "data" / "tiny_test.h5")
        for name, text in texts.items():
            (folder / f"{name}.toml").write_text(text)

    folder = together.made_once(tmp_path_factory, "tiny", make)
    configs = {name: folder / f"{name}.toml" for name in texts}
    return SimpleNamespace(data=folder / "data", configs=configs, dataset=tiny_dataset)


@pytest.fixture(scope="session")
def runs(tmp_path_factory, tiny, main):
    """A finished run folder for each configuration, by name."""

    def make(folder):
        for name, config in tiny.configs.items():
            assert main("train", config, "--data", tiny.data, "--out", folder / name, "--quiet") == 0

    folder = together.made_once(tmp_path_factory, "runs", make)
    return {name: folder / name for name in tiny.configs}


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory, tiny, main, runs):
    """An artifact for each run, by name."""

    def make(folder):
        for name, run in runs.items():
            assert main("export", run, "--target", "loihi2", "--out", folder / name, "--data", tiny.data) == 0

    folder = together.made_once(tmp_path_factory, "artifacts", make)
    return {name: folder / name for name in runs}


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
