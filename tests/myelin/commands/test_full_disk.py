"""A full disk: one message that names the file, exit code 2, nothing half-written, and what was there before is kept.

A limit on the size of a file stands for the full disk: writing beyond it is the same kind of error of the system.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

import numpy as np
import pytest

import myelin
from myelin.convert import Cuba, Dense, Input, Layer, Network, write_netx

resource = pytest.importorskip("resource", reason="limits on the size of a file exist on POSIX alone")


@contextmanager
def full_beyond(size):
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def folder(tmp_path):
    """A network of 30 kB in a folder with older results."""
    rng = np.random.default_rng(0)
    layers = [
        Layer((60,), Dense(2 * rng.integers(-9, 12, (60, 40))), Cuba(30, 900, 300), rng.integers(0, 9, 60)),
        Layer((4,), Dense(2 * rng.integers(-9, 12, (4, 60))), Cuba(30, 900, 300)),
    ]
    write_netx(Network(Input((40,)), layers), tmp_path / "a.net")
    for name in ("a.nir", "p.png", "c.json"):
        (tmp_path / name).write_text("older")
    return tmp_path


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [200, 9000, 14000])
@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("export", "a.net", "--target", "loihi2", "--out", "art"), "art cannot be written: File too large"),
        (("nir", "export", "a.net", "--out", "a.nir"), "a.nir cannot be written: File too large"),
        (("profile", "a.net", "--samples", 1, "--plot", "p.png"), "p.png cannot be written: File too large"),
    ],
)
def test_one_message_and_nothing_half_written(folder, main, capsys, monkeypatch, command, told, size):
    if command[0] == "nir":
        pytest.importorskip("nir")
    monkeypatch.chdir(folder)
    before = content(folder)
    capsys.readouterr()
    with full_beyond(size):
        assert main(*command) == 2
    assert capsys.readouterr().err == f"myelin: error: {told}\n"
    assert content(folder) == before and sorted(os.listdir(folder)) == ["a.net", "a.nir", "c.json", "p.png"]


def test_an_older_artifact_is_kept(folder, main, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    assert main("export", "a.net", "--target", "cpu", "--out", "art") == 0
    before = content(folder)
    capsys.readouterr()
    with full_beyond(12000):
        assert main("export", "a.net", "--target", "loihi2", "--out", "art") == 2
    assert capsys.readouterr().err == "myelin: error: art cannot be written: File too large\n"
    assert content(folder) == before and myelin.read("art").exported_for == "cpu"


def test_json_is_kept_too(folder, main, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    with full_beyond(200):
        assert main("check", "a.net", "--target", "loihi2", "--json", "c.json") == 2
    assert capsys.readouterr().err == "myelin: error: c.json cannot be written: File too large\n"
    assert (folder / "c.json").read_text() == "older"
