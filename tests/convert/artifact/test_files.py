"""Folders appear whole or not at all."""

from __future__ import annotations

import hashlib
import os

import pytest

from myelin.convert.artifact.files import atomic_folder, sha256


def test_a_folder_takes_the_place_of_another_whole(tmp_path):
    for content in ("one", "two"):
        with atomic_folder(tmp_path / "art") as temporary:
            (temporary / content).write_text(content)
        assert os.listdir(tmp_path / "art") == [content] and os.listdir(tmp_path) == ["art"]
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "art") as temporary:
        (temporary / "three").write_text("half")
        raise RuntimeError
    assert os.listdir(tmp_path / "art") == ["two"] and os.listdir(tmp_path) == ["art"]


def test_the_older_folder_comes_back_when_the_new_one_cannot_be_moved(tmp_path, monkeypatch):
    with atomic_folder(tmp_path / "art") as temporary:
        (temporary / "one").write_text("one")
    move, moves = os.replace, []

    def second_move_fails(source, target):
        moves.append(target)
        if len(moves) == 2:
            raise OSError("no")
        move(source, target)

    monkeypatch.setattr(os, "replace", second_move_fails)
    with pytest.raises(OSError, match="no"), atomic_folder(tmp_path / "art") as temporary:
        (temporary / "two").write_text("two")
    assert os.listdir(tmp_path / "art") == ["one"] and os.listdir(tmp_path) == ["art"]
    assert len(moves) == 3


def test_the_older_folder_is_never_deleted_while_nothing_has_its_place(tmp_path, monkeypatch):
    with atomic_folder(tmp_path / "art") as temporary:
        (temporary / "one").write_text("one")
    move, moves = os.replace, []

    def only_the_first_move_works(source, target):
        moves.append(target)
        if len(moves) > 1:
            raise OSError("no")
        move(source, target)

    monkeypatch.setattr(os, "replace", only_the_first_move_works)
    with pytest.raises(OSError, match="no"), atomic_folder(tmp_path / "art"):
        pass
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".art.old.") and os.listdir(tmp_path / left / "was") == ["one"]


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"myelin" * 100000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"myelin" * 100000).hexdigest()
