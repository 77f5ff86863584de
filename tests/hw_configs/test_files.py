"""Files appear whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from places import ROOT

from myelin.hw_configs import files
from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.files import _open_stream, alone_in, atomic_file, locked, write_atomically, write_json, write_together


def test_a_file_appears_when_the_block_ends(tmp_path):
    with atomic_file(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert os.listdir(tmp_path / "new") == ["a.txt"]
    reference = tmp_path / "plain"
    reference.write_text("")
    assert (tmp_path / "new" / "a.txt").stat().st_mode == reference.stat().st_mode


def test_a_file_keeps_its_content_when_the_block_fails(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_json_and_bytes(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1, 2.5]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [1, 2.5]}
    write_atomically(tmp_path / "a.json", b"other")
    assert (tmp_path / "a.json").read_bytes() == b"other" and os.listdir(tmp_path) == ["a.json"]
    with pytest.raises(ConfigError, match="cannot be written: "):
        write_json(tmp_path / "a.json" / "b.json", {})
    with pytest.raises(ConfigError, match="cannot be written: "):
        write_json(tmp_path, {})


def test_a_device_or_a_pipe_is_written_to_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_json(tmp_path / "pipe", {"a": 1})
        assert json.loads(os.read(reader, 100)) == {"a": 1}
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode) and os.listdir(tmp_path) == ["pipe"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_a_full_device_is_one_message():
    with pytest.raises(ConfigError, match=r"/dev/full cannot be written: No space left on device"):
        write_json("/dev/full", {"a": 1})
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


HOLDS = """
import sys
from myelin.hw_configs.files import locked

with locked(sys.argv[1]) as held:
    print(held, flush=True)
    sys.stdin.read()
"""


@pytest.mark.subprocess
def test_a_lock_is_held_by_one_process_and_freed_however_it_ends(tmp_path):
    path = tmp_path / "a.lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert other.stdout.readline() == "True\n"
        with locked(path, wait=False) as held:
            assert not held
    finally:
        other.kill()
        other.communicate()
    with locked(path) as held, locked(tmp_path / "b.lock", wait=False) as second:
        assert held and second
    with locked(path, wait=False) as held:
        assert held
    with pytest.raises(OSError), locked(path / "below a file.lock"):
        pass


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "a.txt")
    for content in (b"one", b"two"):
        write_atomically(tmp_path / "link", content)
        assert (tmp_path / "link").is_symlink() and (tmp_path / "there" / "a.txt").read_bytes() == content
        assert os.listdir(tmp_path / "there") == ["a.txt"]
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(ConfigError, match=r"circle cannot be written: Too many levels of symbolic links"):
        write_json(tmp_path / "circle", {})


@pytest.mark.subprocess
@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="this system has no /dev/stdout")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_written_to_where_it_stands(tmp_path, name):
    """Also where it is a plain file, which must not be replaced, and neither must the link in /dev."""
    code = f"from myelin.hw_configs.files import write_json; print('before'); write_json({name!r}, {{}}); print('after')"
    with open(tmp_path / "out", "w") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, cwd=ROOT)
    assert (tmp_path / "out").read_text() == "before\n{}\nafter\n"
    assert os.path.islink("/dev/stdout") and os.listdir(tmp_path) == ["out"]


def test_one_process_in_a_folder(tmp_path):
    with alone_in(tmp_path / "run", "trains this run"):
        assert os.listdir(tmp_path / "run") == [".lock"]
        with (
            pytest.raises(MyelinError, match=r"run: another process trains this run; wait for it or end it$"),
            alone_in(tmp_path / "run", "trains this run"),
        ):
            pass
    with alone_in(tmp_path / "run", "trains this run"):
        pass


def test_what_fails_before_it_has_made_anything_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), alone_in(tmp_path / "a" / "b" / "run", "trains this run"):
        assert os.listdir(tmp_path / "a" / "b" / "run") == [".lock"]
        raise KeyboardInterrupt
    for target in (tmp_path / "a" / "b" / "c.txt", tmp_path / "c.txt"):
        with pytest.raises(ValueError), atomic_file(target) as temporary:
            temporary.write_bytes(b"half")
            raise ValueError
    assert os.listdir(tmp_path) == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(ValueError), alone_in(tmp_path / "mine", "trains this run"):
        raise ValueError
    assert os.listdir(tmp_path / "mine") == ["notes.txt"]


def test_the_lock_stays_where_there_is_something_to_go_on_with(tmp_path):
    with pytest.raises(ValueError), alone_in(tmp_path / "a" / "run", "trains this run"):
        (tmp_path / "a" / "run" / "run.json").touch()
        raise ValueError
    assert sorted(os.listdir(tmp_path / "a" / "run")) == [".lock", "run.json"]
    (tmp_path / "a" / "run" / "run.json").unlink()
    with pytest.raises(ValueError), alone_in(tmp_path / "a" / "run", "trains this run"):
        raise ValueError
    assert os.listdir(tmp_path / "a" / "run") == [".lock"]  # of an earlier process: another one may wait for it


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_to_if_somebody_reads_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PIPE_S", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"pipe cannot be written: it is a pipe, and nobody read from it for 0.1 s$"):
        write_json(tmp_path / "pipe", {})
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_json(tmp_path / "pipe", {})
    assert os.read(reader, 10) == b"{}\n"
    os.close(reader)


def test_a_file_system_without_locks_is_one_message(tmp_path, monkeypatch):
    import filelock

    def fail(*_):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)
    with pytest.raises(OSError, match=r"No locks available"), locked(tmp_path / "a.lock"):
        pass


def test_files_that_belong_together_are_all_replaced_or_none(tmp_path):
    write_together((tmp_path / name, b"one") for name in "ab")
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"one", b"one"]

    def contents():
        yield tmp_path / "a", b"two"
        yield tmp_path / "b", b"two"
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_together(contents())
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"one", b"one"] and len(os.listdir(tmp_path)) == 2
    (tmp_path / "folder").mkdir()
    for order in ("a", "folder"), ("folder", "a"):
        with pytest.raises(OSError):
            write_together((tmp_path / name, b"two") for name in order)
        assert (tmp_path / "a").read_bytes() == b"one"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_a_device_among_files_that_belong_together(tmp_path):
    with pytest.raises(OSError, match="No space left"):
        write_together([(tmp_path / "a", b"one"), ("/dev/full", b"one")])
    assert os.listdir(tmp_path) == []


def test_the_names_of_open_streams_are_known_on_windows_too():
    names = ("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/7", "/dev/fd/x", "/dev/null")
    for kind in (PurePosixPath, PureWindowsPath):
        assert [_open_stream(kind(name)) for name in names] == [0, 1, 2, 7, None, None]
