"""Tiers of tests: which ones need Lava, other processes, a browser or training, and a watch that they say so.

A test is in a tier by the fixtures it uses (``BY_FIXTURE``) or by its mark, ``pytestmark`` for a whole file.  A test that does
what its marks do not say fails: without that, the fast tests would slowly become slow ones.
"""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from numba.core import event

#: The folder of all tests.
TESTS = Path(__file__).resolve().parents[1]
#: What each mark says of a test; registered with pytest.
TIERS = {
    "lava": "imports Lava or lava-dl, here or in a process of its own",
    "subprocess": "starts a process",
    "browser": "looks at a page in a browser",
    "training": "trains a network for an epoch or more",
}
#: Fixtures that bring a test into tiers.
BY_FIXTURE = {
    "lava": ("lava", "subprocess"),
    "slayer": ("lava",),
    "runs": ("training",),
    "artifacts": ("training",),
}
#: Files that workers begin with, in this order: the two that compile most, then those that take longest; the others follow.
FIRST = (
    "train/kernels/test_torch_loops.py",
    "convert/simulator/test_simulator.py",
    "examples/test_examples.py",
    "myelin/commands/test_sweep.py",
    "whole_way/test_processors.py",
    "whole_way/test_resume.py",
    "lava_models/test_parity.py",
    "lava_models/test_board.py",
    "train/run/compiling/test_ahead.py",
    "benchmarks/test_neurons.py",
    "structure/test_packaging.py",
    "lava_models/test_sigma_delta.py",
    "whole_way/test_kills.py",
    "myelin/commands/test_readme.py",
    "train/run/test_loop.py",
    "train/run/processes/test_parallel.py",
    "lava_models/test_upstream.py",
    "whole_way/test_whole_way.py",
    "train/run/test_alif_runs.py",
    "structure/test_platforms.py",
)
#: Programs that libraries ask about the machine; they cost nothing.
_ASKED = {"uname", "git", "ldconfig", "gcc", "cc", "lscpu", "sysctl"}


@functools.cache
def imports_lava(path: Path) -> bool:
    """Whether a file imports Lava when it is collected."""
    return path.suffix == ".py" and "\ncompat.prepare(" in path.read_text(encoding="utf-8")


class Tiers:
    """Plugin of pytest: marks tests by their fixtures, puts them in order, and watches what they do."""

    def __init__(self) -> None:
        self._watching, self._found = False, dict[str, str]()
        sys.addaudithook(self._heard)  # it stays as long as the process

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Leave out files that import Lava themselves where the tests that need it are deselected: it takes some seconds."""
        return True if "not lava" in config.option.markexpr and imports_lava(collection_path) else None

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, Any, Any]:
        """What is collected stays: Python's search for garbage in it would take a fifth of the time, and some in every test."""
        gc.disable()
        try:
            return (yield)
        finally:
            gc.freeze()
            gc.enable()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, Any, Any]:
        """A file that compiles a loop when it is imported fails: every worker imports every file, and would compile it too."""
        with event.install_recorder("numba:compile") as heard:
            report = yield
        loops = sorted({one.data["dispatcher"].py_func.__name__ for _, one in heard.buffer})
        if loops and report.passed:
            report.outcome, report.result = "failed", []
            report.longrepr = f"compiles {', '.join(loops)} when it is imported; a fixture or a test is the place for it"
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark and sort; deselection by ``-m`` comes after this."""
        for item in items:
            if imports_lava(item.path):
                item.add_marker("lava")
            for name in getattr(item, "fixturenames", ()):
                for tier in BY_FIXTURE.get(name, ()):
                    item.add_marker(tier)
        place = {TESTS / name: index for index, name in enumerate(FIRST)}
        items.sort(key=lambda item: place.get(item.path, len(FIRST)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Watch the fixtures."""
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Watch the test."""
        return (yield from self._watched(item))

    def _watched(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._hear_training()
        self._found, self._watching = {}, True
        try:
            result = yield
        finally:
            self._watching = False
        unsaid = [what for tier, what in self._found.items() if item.get_closest_marker(tier) is None]
        assert not unsaid, f"{', '.join(unsaid)}, and its marks do not say so (tests/helpers/tiers.py)"
        return result

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        if event == "import" and str(arguments[0]).split(".")[0] == "lava":
            self._found["lava"] = f"lava: imports {arguments[0]}"
        elif event == "subprocess.Popen":
            program = arguments[0] if arguments[0] is not None else arguments[1][0]
            if Path(os.fsdecode(program)).name not in _ASKED:
                self._found["subprocess"] = f"subprocess: starts {os.fsdecode(program)}"
        elif event == "os.fork":
            self._found["subprocess"] = "subprocess: forks"

    def _hear_training(self) -> None:
        """Notice epochs from now on, if what trains is loaded: it is not loaded for this, since torch comes with it."""
        loop = sys.modules.get("myelin.train.run.loop")
        if loop is None or hasattr(loop.TrainingRun.epoch, "__wrapped__"):
            return
        epoch = loop.TrainingRun.epoch

        @functools.wraps(epoch)
        def heard(*arguments: Any) -> Any:
            self._found["training"] = "training: trains an epoch"
            return epoch(*arguments)

        loop.TrainingRun.epoch = heard
