"""What is compiled is known, processes take turns, and long compiling is told once."""

from __future__ import annotations

import gc
import logging
import os
import time
from types import SimpleNamespace

import numba
import pytest
from numba.core import caching
from numba.core import event as numba_event

from myelin.hw_configs.compiling import compile_notice, compiled_cache
from myelin.hw_configs.compiling.compilation import Needed, _lock_path, alone
from myelin.hw_configs.compiling.compile_notice import CompileNotice
from myelin.hw_configs.compiling.fewer_collections import THRESHOLDS
from myelin.hw_configs.errors import ConfigError


def double(x):
    return 2 * x


def fresh(**options):
    return numba.njit(**options)(double)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def test_ready_is_what_is_in_memory_or_on_disk(cache):
    need = Needed(fresh(cache=True), (numba.int64,))
    assert not need.ready
    need.compile()
    assert need.ready
    other = Needed(fresh(cache=True), (numba.int64,))
    assert other.ready and not other.function.overloads
    assert not other._replace(types=(numba.float64,)).ready
    for file in cache.rglob("*.nbc"):
        file.unlink()
    assert not other.ready
    kept = Needed(fresh(), (numba.int64,))
    assert not kept.ready
    kept.compile()
    assert kept.ready


def test_one_process_at_a_time(cache):
    fcntl = pytest.importorskip("fcntl")
    function = fresh(cache=True)
    path = _lock_path(function)
    with alone(function) as held, alone(function, wait=False) as again:
        assert held and again  # its own lock is no reason to wait
    with open(path, "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with alone(function, wait=False) as held:
            assert not held
    with alone(function, wait=False) as held:
        assert held


def event(function, module="myelin.train.kernels"):
    function = SimpleNamespace(__module__=module, __name__=function)
    return SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=function)})


def compiled(notice, *events, seconds=0.0):
    for each in events:
        notice.on_start(each)
    time.sleep(seconds)
    for each in reversed(events):
        notice.on_end(each)


def test_long_compiling_is_told_once(monkeypatch, caplog):
    monkeypatch.setattr(compile_notice, "PATIENCE_S", 0.05)
    notice = CompileNotice()
    with caplog.at_level(logging.WARNING, "myelin"):
        compiled(notice, event("quick"))
        compiled(notice, event("theirs", "theirs"), event("inner"), seconds=0.15)
        assert not caplog.messages
        compiled(notice, event("layer_forward"), event("inner"), seconds=0.15)
        compiled(notice, event("layer_backward"), seconds=0.15)
    assert caplog.messages == [
        "myelin: compiling train.kernels.layer_forward for this machine: once, up to half a minute; later starts load it"
    ]


def test_a_line_of_the_run_takes_its_place(monkeypatch, caplog):
    monkeypatch.setattr(compile_notice, "PATIENCE_S", 0.05)
    notice, said = CompileNotice(), []
    notice.tell("compiling     2 loops", said.append)
    compiled(notice, event("layer_forward"), seconds=0.15)
    assert said == ["compiling     2 loops"] and not caplog.messages
    notice.tell("compiling     2 loops")
    assert caplog.messages == ["myelin: compiling 2 loops"]


def refuse(monkeypatch, allowed):
    real = caching._CacheLocator.ensure_cache_path

    def ensure(locator):
        if allowed is None or not locator.get_cache_path().startswith(str(allowed)):
            raise OSError(30, "Read-only file system")
        real(locator)

    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", ensure)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # restored after the test, whatever becomes of it


def test_a_cache_in_the_folder_for_temporary_files(tmp_path, monkeypatch):
    refuse(monkeypatch, tmp_path)
    monkeypatch.setattr(compiled_cache.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(RuntimeError, match="no locator"):
        fresh(cache=True)
    folder = compiled_cache.ensured()
    assert folder is not None and folder.parent == tmp_path and os.environ["NUMBA_CACHE_DIR"] == str(folder)
    assert fresh(cache=True)(2) == 4
    assert list(folder.rglob("*.nbc"))
    assert compiled_cache.ensured() is None  # there is one now


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no owner here")
def test_a_folder_that_others_can_write_is_not_used(tmp_path, monkeypatch):
    refuse(monkeypatch, tmp_path)
    monkeypatch.setattr(compiled_cache.tempfile, "tempdir", str(tmp_path))
    usual = tmp_path / f"myelin-numba-{os.getuid()}"
    usual.mkdir()
    usual.chmod(0o777)
    folder = compiled_cache.ensured()
    assert folder is not None and folder != usual and folder.parent == tmp_path


def test_no_folder_at_all(tmp_path, monkeypatch):
    refuse(monkeypatch, None)
    (tmp_path / "file").touch()
    monkeypatch.setattr(compiled_cache.tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(ConfigError) as raised:
        compiled_cache.ensured()
    assert str(raised.value) == (
        "no folder can be written for compiled loops, neither beside the source nor in the home or for temporary files (Not a "
        "directory); set NUMBA_CACHE_DIR to one that can"
    )


def test_python_collects_garbage_less_often_while_numba_compiles():
    class Look(numba_event.Listener):
        def on_start(self, event):
            seen.append(gc.get_threshold())

        def on_end(self, event):
            pass

    before, seen = gc.get_threshold(), []
    try:
        with numba_event.install_listener("numba:compile", Look()):
            assert fresh()(2) == 4 and gc.get_threshold() == before
            with pytest.raises(numba.core.errors.TypingError):
                numba.njit(lambda x: x.nothing)(1)
            assert gc.get_threshold() == before
            gc.set_threshold(0)  # off
            fresh()(2.0)
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)
    assert before < THRESHOLDS and seen == [THRESHOLDS, THRESHOLDS, (0, *before[1:])]
