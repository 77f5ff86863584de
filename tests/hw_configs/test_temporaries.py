"""Temporary files of killed processes are removed by who writes the same next, and nothing else is."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest
from places import ROOT

from myelin.convert.artifact.files import atomic_folder
from myelin.hw_configs import temporaries
from myelin.hw_configs.files import atomic_file, write_atomically
from myelin.hw_configs.temporaries import exchange, remove_all_left, scratch_folder, temporary

posix = pytest.mark.skipif(temporaries.fcntl is None, reason="this system has no locks that show whether a process lives")


def left(folder, name, *, kind="file", digits="0123abcd"):
    """What a killed process would have left of ``name``."""
    path = folder / f".{name}.{digits}.part"
    if kind == "file":
        path.write_text("half")
    else:
        (path / "within").mkdir(parents=True)
    return path


@posix
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_left_of_the_same_target_is_removed_and_only_that(tmp_path, kind):
    gone = left(tmp_path, "a.net", kind=kind)
    others = {left(tmp_path, "b.net"), left(tmp_path, "a.net.old"), left(tmp_path, "a.net", digits="0123ABCD")}
    others |= {tmp_path / ".a.net.0123abcd", tmp_path / "a.net.0123abcd.part", tmp_path / ".a.net.0123abcd.part.bak"}
    for path in others:
        path.write_text("mine")
    (link := tmp_path / ".a.net.76543210.part").symlink_to(tmp_path / "b")
    write_atomically(tmp_path / "a.net", b"whole")
    assert not gone.exists()
    assert set(tmp_path.iterdir()) == {tmp_path / "a.net", link, *others}


@posix
def test_what_is_being_written_is_not_removed(tmp_path):
    with atomic_file(tmp_path / "a") as first:
        first.write_text("first")
        write_atomically(tmp_path / "a", b"second")
        remove_all_left(tmp_path)
        assert first.exists() and temporaries.being_written(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "first" and os.listdir(tmp_path) == ["a"]
    assert not temporaries.being_written(tmp_path / "a")


@posix
def test_a_whole_folder_is_cleaned(tmp_path):
    left(tmp_path, "a"), left(tmp_path, "b", kind="folder"), (tmp_path / "c").touch()
    remove_all_left(tmp_path)
    assert os.listdir(tmp_path) == ["c"]
    remove_all_left(tmp_path / "nowhere")


@posix
@pytest.mark.subprocess
@pytest.mark.parametrize("folder", [False, True])
def test_the_lock_ends_with_the_process(tmp_path, folder):
    code = f"""
import sys
from pathlib import Path
from myelin.hw_configs.temporaries import temporary

with temporary(Path(sys.argv[1]), folder={folder}) as path:
    print(path.name, flush=True)
    sys.stdin.read()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "a"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        name = other.stdout.readline().strip()
        temporaries.remove_left(tmp_path / "a")
        assert os.listdir(tmp_path) == [name] and temporaries.being_written(tmp_path / "a")
    finally:
        other.kill()
        other.communicate()
    assert os.listdir(tmp_path) == [name] and not temporaries.being_written(tmp_path / "a")
    temporaries.remove_left(tmp_path / "a")
    assert os.listdir(tmp_path) == []


def test_a_file_that_vanishes_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    flock, vanished = temporaries.fcntl.flock, []

    def late(opened, how):
        if not vanished:
            vanished.extend(tmp_path.iterdir())
            vanished[0].unlink()
        flock(opened, how)

    monkeypatch.setattr(temporaries.fcntl, "flock", late)
    with temporary(tmp_path / "a") as path:
        assert path.is_file() and path not in vanished


@pytest.mark.parametrize("name", ["a" * 255, "a" * 251 + ".net", "é" * 127])
def test_the_longest_names_can_be_written(tmp_path, name):
    write_atomically(tmp_path / name, b"whole")
    assert os.listdir(tmp_path) == [name]
    if temporaries.fcntl is not None:
        digest = temporaries._prefix(name).strip(".")
        left(tmp_path, digest)
        write_atomically(tmp_path / name, b"again")
        assert os.listdir(tmp_path) == [name]


def test_scratch_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if temporaries.fcntl is not None:
        left(tmp_path, "myelin-c", kind="folder")
    with scratch_folder("c") as one, scratch_folder("c") as two:
        assert sorted(os.listdir(tmp_path)) == sorted([one.name, two.name])
        assert stat.S_IMODE(one.stat().st_mode) == 0o700
        shutil.rmtree(two)
    assert os.listdir(tmp_path) == []


def test_an_exchange_that_cannot_be(tmp_path):
    (tmp_path / "a").touch()
    assert not exchange(tmp_path / "a", tmp_path / "nowhere")
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_without_locks_what_is_left_stays_and_keeps_nobody_from_writing(tmp_path, monkeypatch, kind):
    """As on Windows: nobody can know whether the process that made it still lives."""
    monkeypatch.setattr(temporaries, "fcntl", None)
    gone = left(tmp_path, "a", kind=kind)
    assert not temporaries.being_written(tmp_path / "a")
    for text in ("old", "new"):
        with atomic_folder(tmp_path / "a") as folder:
            (folder / "x").write_text(text)
    write_atomically(tmp_path / "b", b"whole")
    assert (tmp_path / "a" / "x").read_text() == "new" and set(os.listdir(tmp_path)) == {gone.name, "a", "b"}


@pytest.mark.parametrize("error", [TypeError("bad argument type"), OSError("no such library"), AttributeError("renameat2")])
def test_a_folder_is_replaced_where_no_exchange_exists(tmp_path, monkeypatch, error):
    def library(*_, **__):
        raise error

    monkeypatch.setattr(temporaries.ctypes, "CDLL", library)
    for text in ("old", "new"):
        with atomic_folder(tmp_path / "a") as folder:
            (folder / "x").write_text(text)
    assert (tmp_path / "a" / "x").read_text() == "new" and os.listdir(tmp_path) == ["a"]
