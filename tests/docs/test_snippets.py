"""Every snippet of the documentation runs: Python page by page, TOML where it is read; commands in test_readme.py."""

from __future__ import annotations

import re
import sys
import types

import pytest
from places import ROOT

from myelin.hw_configs.target_files import load_target
from myelin.sweep.file import read_sweep

PAGES = sorted((ROOT / "docs").glob("*.md"))


def blocks(page, language):
    """The fenced blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.S | re.M)


WITH_PYTHON = [page for page in [ROOT / "README.md", *PAGES] if blocks(page, "python")]


def test_the_pages_have_snippets():
    assert {page.stem for page in WITH_PYTHON} >= {"getting_started", "training", "your_network", "your_data", "extending"}


@pytest.mark.training
@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_python_runs(page, tmp_path, monkeypatch, registered):
    """All blocks of a page, one after the other, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("snippet")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look there
    for code in blocks(page, "python"):
        exec(compile(code, page.name, "exec"), module.__dict__)


@pytest.fixture
def registered():
    """Neurons that a page registers are forgotten after it."""
    from myelin.convert.neurons import NEURONS

    before = dict(NEURONS)
    yield
    NEURONS.clear()
    NEURONS.update(before)


def test_toml_is_read(tmp_path):
    found = [text for page in PAGES for text in blocks(page, "toml")]
    for number, text in enumerate(found):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        if "chip =" in text:
            assert load_target(path).limits["delay_steps_max"] == 30
        else:
            assert len(read_sweep(path).points) == 2
    assert len(found) == 2


def test_pages_name_only_what_is_there():
    """Commands, public names and experiments in running text exist."""
    import myelin
    from myelin.cli import build_parser
    from myelin.train.config.files import experiment_names

    (group,) = [action for action in build_parser()._actions if hasattr(action, "choices") and isinstance(action.choices, dict)]
    for page in [ROOT / "README.md", *PAGES]:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"`myelin ([a-z]+)[` ]", text):
            assert name in group.choices, f"{page.name}: myelin {name}"
        for name in re.findall(r"`myelin\.([A-Za-z_]+)[`(]", text):
            assert name in myelin.__all__ or name in ("train", "convert", "lava_models", "hw_configs"), (
                f"{page.name}: myelin.{name}"
            )
        for name in re.findall(r"myelin train ([a-z]+)", text):
            assert name in [*experiment_names(), "mine"], f"{page.name}: myelin train {name}"
