"""``import myelin``: every name is there, a type checker sees the same, and each function works without a command line."""

from __future__ import annotations

import ast
import inspect
import types

import numpy as np
import pytest
from places import ROOT

import myelin
from myelin.convert import write_netx
from myelin.hw_configs.version import VERSION


def checked_names():
    """Name -> (module, name there), as the block for type checkers imports them."""
    tree = ast.parse((ROOT / "myelin" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom) and node.module != "types"]
    return {alias.asname or alias.name: (node.module, alias.name) for node in imports for alias in node.names}


@pytest.mark.parametrize("name", [name for name in myelin.__all__ if name != "slayer"])
def test_every_name_is_there(name):
    value = getattr(myelin, name)
    assert name in dir(myelin)
    if isinstance(value, types.FunctionType):
        assert inspect.getdoc(value) and inspect.signature(value).return_annotation is not inspect.Parameter.empty
        assert not any(p.kind is p.VAR_KEYWORD or p.annotation is p.empty for p in inspect.signature(value).parameters.values())


def test_a_type_checker_sees_the_same_names():
    seen = checked_names()
    assert seen == {**myelin._LAZY, "nn": ("myelin", "nn")}
    assert sorted({*seen, "slayer", "__version__"}) == sorted(myelin.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'myelin' has no attribute 'fly'"):
        myelin.fly  # noqa: B018


def test_no_function_is_named_as_a_room():
    rooms = {path.stem for path in (ROOT / "myelin").iterdir() if not path.stem.startswith("_")} - {"nn"}
    assert not rooms & set(myelin.__all__)


def test_one_number_is_the_version():
    assert myelin.__version__ == VERSION
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_blocks_are_those_of_training():
    from myelin.train.layers import DelayedRecurrent

    assert myelin.nn.DelayedRecurrent is DelayedRecurrent and set(myelin.nn.__all__) <= set(dir(myelin.nn))


@pytest.mark.lava
def test_slayer_is_lava_dls():
    from myelin.lava_models import compat

    if compat.missing(slayer=True):
        with pytest.raises(myelin.MissingPartError, match="not installed"):
            myelin.slayer  # noqa: B018
    else:
        assert myelin.slayer.__name__ == "lava.lib.dl.slayer" and myelin.slayer.block.cuba.Dense


@pytest.fixture(scope="module")
def frames():
    return (np.random.default_rng(1).random((3, 20, 2)) < 0.5).astype(np.uint8)


def test_a_network_in_memory_and_an_array(small, frames, tmp_path):
    found = myelin.check(small, "loihi2", inputs=frames)
    assert found["holds"] and found["network"] == "network" and found["calibration"]["text"] == "an array: 3 samples, 20 steps"
    assert myelin.check(small, myelin.load_target("loihi2"))["states"] == []
    profile = myelin.profile(small, inputs=frames, timed=True)
    assert (profile["samples"], profile["steps"]) == (3, 20)
    spikes = myelin.simulate(small, frames, record={0: ("spikes",)}).layers[0]["spikes"]
    assert next(one for one in profile["layers"] if one["where"].startswith("layer 0"))["spikes_per_sample"] == spikes.sum() / 3
    mapped = myelin.map_cores(small, "loihi1", inputs=frames, plot=tmp_path / "cores.png")
    assert mapped["fits"] and (tmp_path / "cores.png").is_file()
    write_netx(small, tmp_path / "same.net")
    assert myelin.diff(small, tmp_path / "same.net", inputs=frames)["equal"]
    with pytest.raises(myelin.DataError, match="A and B are both network on backend fast"):
        myelin.diff(small)
    with pytest.raises(myelin.DataError, match=r"inputs have shape \(20, 2\); \(batch, steps, 2\) or"):
        myelin.profile(small, inputs=frames[0])


def test_an_input_can_be_chosen_as_on_the_command_line(small, tmp_path):
    choice = myelin.InputChoice(samples=2, steps=7, density=0.5, seed=3)
    found = myelin.profile(small, inputs=choice)
    assert found["input"]["text"] == "random spikes, density 0.5, seed 3: 2 samples, 7 steps"
    assert choice.named and not myelin.InputChoice().named


@pytest.mark.training
def test_the_way_from_data_to_a_report(tiny, tmp_path):
    """Train, export, explore, quantise, validate and report by calls alone."""
    said = []
    config, data = tiny.configs["dense"], str(tiny.data)
    record = myelin.fit(str(config), data, tmp_path / "run", overrides=["train.epochs=2"], say=said.append)
    assert record["finished"] and not said  # nothing is mapped, so there is nothing to say
    exported = myelin.export(tmp_path / "run", tmp_path / "art", target="loihi2", data=data)
    assert exported.folder == tmp_path / "art" and exported.lines[0].startswith("exported ")
    artifact, run = myelin.read(exported.folder), myelin.read(tmp_path / "run")
    assert artifact.exported_for == "loihi2" and run.exported_for is None
    assert myelin.diff(artifact, run, inputs=artifact.artifact.golden.spikes)["equal"]
    explored = [myelin.explore(folder, data, samples=4) for folder in (exported.folder, tmp_path / "run")]
    assert explored[0]["exported"] == explored[1]["exported"] and explored[0]["knobs"] == explored[1]["knobs"]
    quantised = myelin.quantise(tmp_path / "run", data, target="loihi2", method="plain", samples=4)
    assert isinstance(quantised.network, myelin.Network) and quantised.values["written"].startswith("plain")
    validation = myelin.validate(exported.folder, data, max_drop=100, lava_samples=0)
    assert validation.failures == []
    from myelin.validation.measure import result

    report = myelin.write_report(exported.folder, data, tmp_path / "r.html", stages={"validation": result(validation)})
    assert report.page.read_text().startswith("<!DOCTYPE html>") and report.lines()[0].startswith("verdict ")
    with pytest.raises(myelin.ConfigError, match="exists and is not empty"):
        myelin.fit(str(config), data, tmp_path / "run")


def test_nothing_is_printed(small, frames, capsys):
    myelin.check(small, "loihi2", inputs=frames)
    myelin.profile(small, inputs=frames)
    assert capsys.readouterr() == ("", "")


def test_the_simulator_takes_what_read_gives_and_a_path(small, tmp_path):
    write_netx(small, tmp_path / "small.net")
    frames = (np.random.default_rng(2).random((3, 12, 2)) < 0.5).astype(np.uint8)
    wanted = myelin.simulate(small, frames).output
    opened = myelin.read(tmp_path / "small.net")
    for source in (opened, tmp_path / "small.net", str(tmp_path / "small.net")):
        np.testing.assert_array_equal(myelin.simulate(source, frames).output, wanted)
        (streamed,) = myelin.stream(source, [frames])
        np.testing.assert_array_equal(streamed.output, wanted)
    assert wanted.any()
    with pytest.raises(myelin.NetworkError, match="no such file or folder"):
        myelin.simulate(tmp_path / "none.net", frames)
