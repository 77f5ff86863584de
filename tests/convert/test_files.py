"""Files and folders appear whole or not at all."""

from __future__ import annotations

import hashlib
import os

import pytest

from convert.files import atomic_file, atomic_folder, sha256


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


def test_a_folder_takes_the_place_of_another_whole(tmp_path):
    for content in ("one", "two"):
        with atomic_folder(tmp_path / "art") as temporary:
            (temporary / content).write_text(content)
        assert os.listdir(tmp_path / "art") == [content] and os.listdir(tmp_path) == ["art"]
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "art") as temporary:
        (temporary / "three").write_text("half")
        raise RuntimeError
    assert os.listdir(tmp_path / "art") == ["two"] and os.listdir(tmp_path) == ["art"]


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"myelin" * 100000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"myelin" * 100000).hexdigest()
