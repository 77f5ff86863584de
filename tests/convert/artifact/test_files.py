"""Folders appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import sys

import pytest

from myelin.convert.artifact.files import atomic_folder, sha256
from myelin.hw_configs import temporaries
from myelin.hw_configs.errors import MyelinError


def test_a_folder_takes_the_place_of_another_whole(tmp_path):
    for content in ("one", "two"):
        with atomic_folder(tmp_path / "art") as temporary:
            (temporary / content).write_text(content)
        assert os.listdir(tmp_path / "art") == [content] and os.listdir(tmp_path) == ["art"]
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "art") as temporary:
        (temporary / "three").write_text("half")
        raise RuntimeError
    assert os.listdir(tmp_path / "art") == ["two"] and os.listdir(tmp_path) == ["art"]


def filled(place, content):
    with atomic_folder(place) as temporary:
        (temporary / content).write_text(content)


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="this system cannot exchange two folders")
def test_an_older_folder_is_exchanged_in_one_step(tmp_path, monkeypatch):
    filled(tmp_path / "art", "one")
    monkeypatch.setattr(os, "replace", None)  # it would leave the place empty for a moment
    filled(tmp_path / "art", "two")
    assert os.listdir(tmp_path / "art") == ["two"] and os.listdir(tmp_path) == ["art"]


@pytest.fixture
def no_exchange(monkeypatch):
    """A system that cannot exchange two folders."""
    monkeypatch.setattr(temporaries, "exchange", lambda one, other: False)


def test_without_an_exchange_the_older_folder_comes_back_when_the_new_one_cannot_be_moved(tmp_path, monkeypatch, no_exchange):
    filled(tmp_path / "art", "one")
    move, moves = os.replace, []

    def second_move_fails(source, target):
        moves.append(target)
        if len(moves) == 2:
            raise OSError("no")
        move(source, target)

    monkeypatch.setattr(os, "replace", second_move_fails)
    with pytest.raises(OSError, match="no"):
        filled(tmp_path / "art", "two")
    assert os.listdir(tmp_path / "art") == ["one"] and os.listdir(tmp_path) == ["art"]
    assert len(moves) == 3


def test_without_an_exchange_the_next_writer_brings_back_what_a_killed_one_had_moved(tmp_path, monkeypatch, no_exchange):
    filled(tmp_path / "art", "one")
    move, moves = os.replace, []

    def only_the_first_move_works(source, target):
        moves.append(target)
        if len(moves) > 1:
            raise OSError("no")
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", only_the_first_move_works)
        with pytest.raises(OSError, match="no"):
            filled(tmp_path / "art", "two")
    assert os.listdir(tmp_path) == [".art.aside.part"] and os.listdir(tmp_path / ".art.aside.part") == ["one"]
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "art"):
        assert os.listdir(tmp_path / "art") == ["one"]
        raise RuntimeError
    assert os.listdir(tmp_path / "art") == ["one"] and os.listdir(tmp_path) == ["art"]
    move(tmp_path / "art", tmp_path / ".art.aside.part")  # killed after both moves
    (tmp_path / "art").mkdir()
    filled(tmp_path / "art", "two")
    assert os.listdir(tmp_path / "art") == ["two"] and os.listdir(tmp_path) == ["art"]


def test_two_writers_of_one_folder(tmp_path):
    with atomic_folder(tmp_path / "art") as temporary:
        (temporary / "one").write_text("one")
        with pytest.raises(MyelinError, match=r"art: another process is writing it; wait for it or end it$"):
            filled(tmp_path / "art", "two")
    assert os.listdir(tmp_path / "art") == ["one"] and os.listdir(tmp_path) == ["art"]


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"myelin" * 100000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"myelin" * 100000).hexdigest()
