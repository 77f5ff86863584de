"""Arguments of public functions: what is no number, name or path of the kind is refused by name, never misread."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from small_network import answered, small_network

import myelin
from myelin.hw_configs.errors import MyelinError


class Nameless:
    def __repr__(self):
        raise RuntimeError("no text")


def chosen(**options):
    return myelin.profile(small_network(), inputs=myelin.InputChoice(**options), timed=False)


def exported(tmp_path, **options):
    return myelin.export(
        small_network(), tmp_path / "art", **{"target": "loihi2", "inputs": answered(small_network(), 2).x, **options}
    )


def quantised(**options):
    return myelin.quantise(None, None, target="loihi2", **options)


ALLOWED = "a whole number in 1..2147483647 is allowed"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"samples": 0}, f"--samples (samples= in Python) is 0; {ALLOWED}"),
        ({"samples": -1}, f"--samples (samples= in Python) is -1; {ALLOWED}"),
        ({"samples": 2.0}, f"--samples (samples= in Python) is 2.0; {ALLOWED}"),
        ({"samples": True}, f"--samples (samples= in Python) is True; {ALLOWED}"),
        ({"samples": 2**63}, f"--samples (samples= in Python) is 9223372036854775808; {ALLOWED}"),
        ({"steps": Nameless()}, "--steps (steps= in Python) is <Nameless instance at 0x"),
        (
            {"samples": 2**31 - 1},
            "is 2,147,483,647 random samples, at most 10,000,000 are allowed; MYELIN_MAX_SAMPLES sets that",
        ),
        (
            {"steps": 2**31 - 1},
            "one random sample takes 103,079 MB, at most 16,000 are allowed; MYELIN_MAX_FRAMES_MB sets that",
        ),
        ({"seed": -1}, "--seed (seed= in Python) is -1; a whole number in 0..18446744073709551615 is allowed"),
        ({"step_ms": float("nan")}, "--step-ms (step_ms= in Python) is nan; a length above 0 in milliseconds is allowed"),
        ({"density": "0.5"}, "--density (density= in Python) is '0.5'; a share above 0, up to 1, is allowed"),
        ({"density": 1.5}, "--density (density= in Python) is 1.5; a share above 0, up to 1, is allowed"),
    ],
)
def test_a_choice_of_inputs(options, told):
    with pytest.raises(myelin.DataError, match=re.escape(told)):
        chosen(**options)


def test_integers_of_numpy_and_torch_are_taken():
    torch = pytest.importorskip("torch")
    assert myelin.InputChoice(samples=np.int64(3), steps=torch.tensor(5)) == myelin.InputChoice(samples=3, steps=5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"clip_delays": 30}, "clip_delays is 30; True or False is allowed; read(path, clip_delays=STEPS) shortens delays to"),
        ({"task": "class"}, "task is 'class'; 'classes', 'steps' or 'trace' is allowed"),
        ({"step_ms": -1.0}, "is -1.0; a length above 0 in milliseconds is allowed"),
        ({"steps": 25}, "steps alone does not say how spikes become frames; give step_ms (--step-ms) too, or leave steps out"),
        ({"classes": 3}, "classes is 3; the names of the classes in their order are allowed"),
    ],
)
def test_an_export(options, told, tmp_path):
    with pytest.raises(myelin.DataError, match=re.escape(told)):
        exported(tmp_path, **options)
    assert not (tmp_path / "art").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"method": "calibrate"}, "method is 'calibrate'; 'calibrated' or 'plain' is allowed"),
        ({"calibration_samples": 0}, f"calibration_samples is 0; {ALLOWED}"),
        ({"samples": 1.5}, f"samples is 1.5; {ALLOWED}"),
        ({"classes": ["a"]}, "classes is stored in an artifact, and none is written; give artifact= too, or leave classes out"),
        ({"artifact": 3}, "artifact is 3; a path is allowed"),
        ({}, "floats, which is no FloatNetwork, is None; a path is allowed"),
    ],
)
def test_a_quantisation(options, told):
    with pytest.raises(MyelinError, match=f"^{re.escape(told)}"):
        quantised(**options)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda net, path: myelin.write_netx(path, net), "write_netx got .*; a Network is allowed: `.network` of"),
        (lambda net, path: myelin.write_nir(net, 3), "path is 3; a path is allowed"),
        (lambda net, path: myelin.write_nir(net, path, dt_ms="1"), "dt_ms is '1'; a length of a step above 0"),
        (lambda net, path: myelin.write_nir(net, path, step_latency="no"), "step_latency is 'no'; True or False is allowed"),
        (lambda net, path: myelin.convert_file(net, path, kind="NIR"), "kind is 'NIR'; 'ni|kind is 'NIR'; 'ne"),
        (lambda net, path: myelin.read_netx(None), "path is None; a path is allowed"),
        (lambda net, path: myelin.read_nir(path, latency="add"), "latency is 'add'; 'included' or 'added' is allowed"),
        (lambda net, path: replace(net, layers=[1]), r"layers\[0\] is 1; a Layer is allowed"),
        (lambda net, path: replace(net, layers=1), "layers is 1; a list of Layer is allowed"),
        (lambda net, path: replace(net, input=np.ones(6)), r"input is array\(.*; a Input is allowed"),
        (lambda net, path: replace(net, average_groups=1.5), "average_groups holds 1 fractions"),
        (lambda net, path: myelin.Input((2.5,)), "a size of a population is 2.5; a whole number in 0..2147483647 is allowed"),
        (lambda net, path: myelin.Input("345"), "a size of a population is '3'; a whole number"),
        (lambda net, path: myelin.Input(6), "a population has shape 6; "),
        (lambda net, path: replace(net.layers[0], synapse=3), "synapse is 3; a Synapse is allowed"),
        (lambda net, path: replace(net.layers[0], recurrent=3), "recurrent is 3; a DelayedRecurrent is allowed"),
    ],
)  # fmt: skip
def test_networks_and_files(act, told, tmp_path):
    with pytest.raises(myelin.NetworkError, match=told):
        act(small_network(), tmp_path / "a.x")


@pytest.mark.parametrize("limit", [1.5, "3", True, -1, 2**31])
def test_a_limit_of_delays(limit, tmp_path):
    myelin.write_netx(small_network(), tmp_path / "a.net")
    with pytest.raises(myelin.NetworkError, match=f"^clip_delays is {limit!r}; a whole number in 0..2147483647 is allowed$"):
        myelin.read(tmp_path / "a.net", clip_delays=limit)
    assert myelin.read(tmp_path / "a.net", clip_delays=2**31 - 1).note is None


def test_a_difference_of_no_samples_is_no_verdict(main, tmp_path, capsys):
    myelin.write_netx(small_network(), tmp_path / "a.net")
    assert main("diff", tmp_path / "a.net", tmp_path / "a.net", "--samples", str(2**63)) == 2
    assert "9223372036854775808; a whole number in 1..2147483647 is allowed" in capsys.readouterr().err
