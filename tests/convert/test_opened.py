"""What a path holds: each kind is known by its content, and what cannot be done with one is said in one line."""

from __future__ import annotations

import shutil

import pytest

from myelin.convert import write_nir
from myelin.convert.opened import kind_of, read
from myelin.hw_configs.errors import NetworkError

nir = pytest.importorskip("nir")


@pytest.fixture(scope="module")
def paths(artifacts, runs, tmp_path_factory):
    """The same network as each kind of path, under names that say nothing."""
    folder = tmp_path_factory.mktemp("kinds")
    write_nir(read(artifacts["dense"]).network, folder / "b", dt_ms=5.0)
    shutil.copy(artifacts["dense"] / "network.net", folder / "a")
    return {"netx": folder / "a", "nir": folder / "b", "artifact": artifacts["dense"], "run": runs["dense"]}


def test_each_kind_gives_the_same_network(paths):
    from myelin.convert.explore.settings import content

    opened = {kind: read(path) for kind, path in paths.items()}
    assert {kind: one.kind for kind, one in opened.items()} == {kind: kind for kind in paths}
    assert {kind for kind, one in opened.items() if one.artifact is not None} == {"artifact"}
    assert {kind for kind, one in opened.items() if one.checkpoint is not None} == {"run"}
    assert [one.path for one in opened.values()] == list(paths.values())
    assert len({content(one.network) for one in opened.values()}) == 1
    assert all(one.note is None for one in opened.values())


def test_a_file_that_is_no_hdf5_is_told_by_its_name(tmp_path):
    for name, kind in (("a.nir", "nir"), ("a.net", "netx"), ("a", "netx")):
        (tmp_path / name).write_text("text")
        assert kind_of(tmp_path / name) == kind
        with pytest.raises(NetworkError, match="cannot be read"):
            read(tmp_path / name)


def test_floats_of_a_nir_file_are_rounded_and_that_is_said(paths, tmp_path, main, capsys):
    graph = nir.read(str(paths["nir"]))
    graph.metadata.clear()
    nir.write(str(tmp_path / "plain.nir"), graph)
    opened = read(tmp_path / "plain.nir")
    said = "integers are rounded from the floats of the file"
    assert opened.note.startswith(f"{said}; a step is 5 ms, found from r and tau / r, which agree in all its nodes; on random")
    named = read(tmp_path / "plain.nir", dt_ms=4.0)
    assert named.note.startswith(f"{said}; on random spikes, rounding changes ")
    fine, coarse = (one.network.layers[0].neuron.current_decay for one in (named, opened))
    assert (fine <= coarse).all() and (fine < coarse).any()  # a longer step decays more
    with pytest.raises(NetworkError, match="dt_ms is 0; a length of a step above 0"):
        read(tmp_path / "plain.nir", dt_ms=0)
    assert main("check", tmp_path / "plain.nir", "--target", "loihi2", "--dt-ms", 4) == 0
    assert capsys.readouterr().out.startswith(f"note          {said}; on random spikes, ")


def test_a_length_of_a_step_is_for_nir_files(paths, refused):
    for kind in ("netx", "artifact", "run"):
        said = refused("check", paths[kind], "--target", "loihi2", "--dt-ms", 2)
        assert f"{paths[kind]}: is a" in said and "dt_ms= (--dt-ms) is for NIR files" in said
    assert "dt_ms is 2, the file was written with 5" in refused("check", paths["nir"], "--target", "loihi2", "--dt-ms", 2)


@pytest.mark.parametrize("kind", ["netx", "nir", "artifact", "run"])
def test_every_command_of_a_network_takes_every_kind(kind, paths, tiny, main, tmp_path):
    path = paths[kind]
    binning = () if kind in ("artifact", "run") else ("--steps", 30, "--step-ms", 5)
    assert main("check", path, "--target", "loihi2") == 0
    assert main("profile", path, "--samples", 1) == 0
    assert main("profile", path, "--samples", 1, "--data", tiny.data, *binning) == 0
    assert main("map", path, "--target", "loihi1", "--samples", 1, "--density", 0.1) in (0, 1)
    assert main("simulate", path, "--data", tiny.data, "--samples", 3, *binning) == 0
    assert main("diff", path, paths["artifact"], "--samples", 1) == 0
    assert main("nir", "export", path, "--out", tmp_path / "out.nir") == 0
    data = ("--data", tiny.data) if kind == "run" else ()
    assert main("export", path, "--target", "loihi2", "--out", tmp_path / "again", *data) == 0
    assert read(tmp_path / "again").artifact.golden.output.any()
    assert kind_of(tmp_path / "out.nir") == "nir"


def test_what_cannot_be_done_is_one_line_with_a_cure(paths, tiny, refused, tmp_path):
    cases = [
        (("nir import", "netx", "--out", tmp_path / "q.net"), "a NIR file; it needs no import"),
        (("nir import", "artifact", "--out", tmp_path / "q.net"), "a NIR file; it needs no import"),
    ]
    titles = {"netx": "a netx file", "nir": "a NIR file", "artifact": "an artifact folder", "run": "a run folder"}
    for (command, kind, *options), told in cases:
        said = refused(*command.split(), paths[kind], *options)
        assert said.startswith(f"{paths[kind]}: is {titles[kind]}; `myelin {command}` takes "), said
        assert told in said, said
    assert not list(tmp_path.iterdir())


def test_nothing_and_something_else(refused, tmp_path):
    assert "no such file or folder; a netx file (*.net), a NIR file" in refused("check", tmp_path / "no", "--target", "loihi2")
    (tmp_path / "thesis").mkdir()
    assert "has no manifest.json; an artifact folder" in refused("check", tmp_path / "thesis", "--target", "loihi2")
