"""Recordings of a folder: labels, speakers and splits from a table, bad recordings listed, speakers in two splits reported."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.io import wavfile

from myelin import cli
from myelin.hw_configs.errors import DataError
from myelin.train.cochlea import encode_folder
from myelin.train.cochlea.recordings import find_sounds
from myelin.train.datasets import read_shd, speaker_overlap


def save(path, samples=None):
    """A WAV file of a short tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(1600) / 8000)
    wavfile.write(path, 8000, (tone * 32767).astype(np.int16) if samples is None else samples)
    return path


@pytest.fixture
def folder(tmp_path):
    """Three recordings, one of them in a sub-folder."""
    for name in ("one.wav", "two.wav", "more/three.wav"):
        save(tmp_path / "w" / name)
    return tmp_path / "w"


def table(folder, text, encoding="utf-8"):
    path = folder.parent / "map.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("one,yes,bo\ntwo.wav,no,al\nmore/three.wav,yes,al\n", "utf-8"),
        ("file,label,speaker\none,yes,bo\ntwo,no,al\nthree,yes,al\n", "utf-8-sig"),
        ("speaker;label;file\r\nbo;yes;one\r\nal;no;two\r\n\r\nal;yes;more\\three.wav\r\n", "utf-8"),
        ('File\tLabel\tSpeaker\n"one"\tyes\tbo\n./two\tno\tal\nthree.wav\tyes\tal\n', "utf-8"),
    ],
)
def test_a_table_names_labels_and_speakers(folder, text, encoding):
    found = find_sounds(folder, table(folder, text, encoding))
    assert [(s.path.stem, s.label, s.speaker) for s in found.sounds] == [
        ("three", "yes", "al"),
        ("one", "yes", "bo"),
        ("two", "no", "al"),
    ]
    data = encode_folder(folder, folder.parent / "x.h5", channels=4, labels=folder.parent / "map.csv").data
    assert (data.keys, data.labels.tolist(), data.speakers.tolist()) == (("no", "yes"), [1, 1, 0], [0, 1, 0])


def test_speakers_may_be_unknown(folder):
    data = encode_folder(folder, folder.parent / "x.h5", channels=4, labels=table(folder, "one,a\ntwo,b,al\nthree,a\n")).data
    assert data.speakers is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no lines; one a recording is needed: file,label"),
        ("file,label\n", "holds no lines"),
        ("one\n", "line 1: has 1 columns; file,label"),
        ("one,a,b,train,x\n", "line 1: has 5 columns"),
        ("one,\n", "line 1: has no label; both are needed"),
        ("file,label,age\none,a,3\n", "has the unknown columns age; allowed are file, label, speaker, split"),
        ("one,a\none.wav,b\n", "line 2: names .*one.wav again"),
        ("four,a\none,a\ntwo,a\nthree,a\n", "line 1: no recording below .* is named 'four'; or leave .* out with --skip-bad"),
        ("one,a\n", r"three.wav: is not in .*map.csv \(2 such cases\)"),
        ("one,a,b,dev\n", "line 1: split is 'dev', allowed are train, valid, test"),
        ("one,a,b,train\ntwo,a,b\nthree,a,b\n", "2 recordings have no split and 1 have one; all or none"),
        ('one,"a\n', "cannot be read as a table of labels"),
    ],
)
def test_tables_that_are_refused(folder, text, said):
    with pytest.raises(DataError, match=said):
        find_sounds(folder, table(folder, text))


def test_a_name_of_two_recordings_is_ambiguous(folder):
    save(folder / "more" / "one.wav")
    with pytest.raises(DataError, match=r"line 1: 'one' may be .*one.wav or .*one.wav; write the path below"):
        find_sounds(folder, table(folder, "one,a\n"))
    with pytest.raises(DataError, match=r"absent.csv: cannot be read as a table of labels"):
        find_sounds(folder, folder / "absent.csv")
    (folder / "latin.csv").write_bytes(b"one,\xff\n")
    with pytest.raises(DataError, match=r"latin.csv: cannot be read as a table of labels"):
        find_sounds(folder, folder / "latin.csv")


def test_one_bad_recording_is_named_or_listed(tmp_path, capsys):
    for name in ("a_al_0", "b_al_0", "a_bo_0", "c_bo_0"):
        save(tmp_path / "w" / f"{name}.wav")
    save(tmp_path / "w" / "c_bo_0.wav", np.zeros(1600, np.int16))  # silent, and the only one of its class
    (tmp_path / "w" / "b_bo_0.wav").write_bytes(b"no sound")
    save(tmp_path / "w" / "unnamed.wav")
    command = ["encode", str(tmp_path / "w"), "--out", str(tmp_path / "x.h5"), "--channels", "4"]
    assert cli.main(command) == 2
    assert "unnamed.wav: the name gives no label and speaker" in capsys.readouterr().err
    (tmp_path / "w" / "unnamed.wav").unlink()
    assert cli.main(command) == 2
    assert "b_bo_0.wav: cannot be read as a WAV file" in capsys.readouterr().err
    assert not (tmp_path / "x.h5").exists()
    save(tmp_path / "w" / "unnamed.wav")
    assert cli.main([*command, "--skip-bad", "--json", str(tmp_path / "x.json")]) == 0
    said = capsys.readouterr().out
    for line in (
        "unnamed.wav: the name gives",
        "b_bo_0.wav: cannot be read",
        "c_bo_0.wav: sound is silent",
        "skipped       3 in all",
    ):
        assert line in said
    result = json.loads((tmp_path / "x.json").read_text())["result"]
    assert [entry["name"].rpartition("/")[2] for entry in result["skipped"]] == ["unnamed.wav", "b_bo_0.wav", "c_bo_0.wav"]
    data = read_shd(tmp_path / "x.h5")
    assert (data.keys, data.labels.tolist(), data.speakers.tolist()) == (("a", "b", "c"), [0, 0, 1], [0, 1, 0])


def test_nothing_but_bad_recordings_is_an_error(tmp_path):
    save(tmp_path / "w" / "a_al_0.wav", np.zeros(1600, np.int16))
    with pytest.raises(DataError, match=r"none of 1 recordings can be encoded; first .*a_al_0.wav: sound is silent"):
        encode_folder(tmp_path / "w", tmp_path / "x.h5", channels=4, skip_bad=True)
    (tmp_path / "w" / "a_al_0.wav").rename(tmp_path / "w" / "a.wav")
    with pytest.raises(DataError, match=r"no recording is left, 1 were left out: first .*a.wav"):
        encode_folder(tmp_path / "w", tmp_path / "x.h5", channels=4, skip_bad=True)


def test_splits_share_their_numbers_and_speakers_of_two_are_reported(folder, capsys):
    text = "one,yes,bo,train\ntwo,no,al,train\nthree,yes,al,test\n"
    out = folder.parent / "x.h5.gz"
    assert cli.main(["encode", str(folder), "--out", str(out), "--channels", "4", "--labels", str(table(folder, text))]) == 0
    said = capsys.readouterr().out
    assert "1 speakers are in the train split and in another one (al): accuracy there is that on known voices" in said
    train, test = read_shd(folder.parent / "x_train.h5.gz"), read_shd(folder.parent / "x_test.h5.gz")
    assert (train.keys, test.keys, test.labels.tolist()) == (("no", "yes"), ("no", "yes"), [1])
    assert speaker_overlap(train, test) == (0,)
    assert not out.exists()
    apart = encode_folder(folder, out, channels=4, labels=table(folder, text.replace("three,yes,al", "three,yes,cy")))
    assert apart.shared_speakers == () and list(apart.datasets) == [folder.parent / f"x_{s}.h5.gz" for s in ("train", "test")]
    with pytest.raises(DataError, match=r"is the name of one split, and the table has splits; name it without, such as x.h5"):
        encode_folder(folder, folder.parent / "x_train.h5", channels=4, labels=table(folder, text))


def test_speakers_of_two_data_sets(folder):
    one = encode_folder(folder, folder.parent / "x.h5", channels=4, labels=table(folder, "one,a,x\ntwo,a,y\nthree,a,z\n")).data
    assert speaker_overlap(one.subset([0, 1]), one.subset([1, 2])) == (int(one.speakers[1]),)
    assert speaker_overlap(one.subset([0]), one.subset([1])) == ()
