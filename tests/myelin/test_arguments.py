"""Arguments of the functions that span all stages: what is of another kind is refused by name, before anything runs."""

from __future__ import annotations

import re

import numpy as np
import pytest
from small_network import answered, small_network

import myelin
from myelin.hw_configs.errors import MyelinError

NO_PATHS = [(5, "5"), (b"x", "b'x'"), ("a\0b", r"'a\x00b'"), ("\ud800", r"'\ud800'"), (["x"], "['x']")]


@pytest.fixture(scope="module")
def data():
    samples = answered(small_network(), samples=4)
    return samples.x, samples.classes


WRITERS = {
    "profile": lambda net, data, path: myelin.profile(net, inputs=data, plot=path),
    "map_cores": lambda net, data, path: myelin.map_cores(net, "loihi2", inputs=data, plot=path),
    "diff": lambda net, data, path: myelin.diff(net, net, inputs=data, plot=path),
    "explore": lambda net, data, path: myelin.explore(net, data, target="loihi2", plot=path),
    "validate": lambda net, data, path: myelin.validate(net, data, reference=False, plot=path),
    "neurobench": lambda net, data, path: myelin.neurobench(net, inputs=data, out=path),
    "recording": lambda net, data, path: myelin.simulate(net, data[0]).plot(path=path),
    "report": lambda net, data, path: myelin.write_report(net, data, path),
    "run": lambda net, data, path: myelin.write_report(net, data, run=path),
}


@pytest.mark.parametrize(("path", "shown"), NO_PATHS)
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_path_that_is_none(write, path, shown, data):
    with pytest.raises(myelin.ConfigError, match=rf"^(plot|path|out|run) is {re.escape(shown)}; a path is allowed$"):
        write(small_network(), data, path)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"stages": ["validation"]},
            "stages is ['validation']; stage -> its result is allowed, such as {'validation': ",
        ),
        ({"stages": {"profile": 5}}, "stages: profile is 5; its values, or the file that --json wrote, is allowed"),
        ({"stages": {5: {}}}, "stages: 5 is no stage; validation, mapping, "),
        ({"max_drop": "1"}, "max_drop is '1'; 0 or more percent points are allowed"),
        ({"max_drop": True}, "max_drop is True; 0 or more percent points are allowed"),
        ({"samples": 0}, "--samples (samples= in Python) is 0; a whole number in 1..2147483647 is allowed"),
        ({"steps": 0}, "--steps (steps= in Python) is 0; a whole number in 1..2147483647 is allowed"),
        ({"step_ms": np.nan}, "--step-ms (step_ms= in Python) is nan; a length above 0 in milliseconds is allowed"),
        ({"time_axis": 2}, "time_axis is 2; 1 for (batch, steps, ...) or -1 for (batch, ..., steps) is allowed"),
        ({"target": ""}, "target file . cannot be read: "),
    ],
)
def test_a_report_without_data(options, told, tmp_path):
    with pytest.raises(MyelinError, match=f"^{re.escape(told)}"):
        myelin.write_report(small_network(), None, tmp_path / "r.html", **options)
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("pair", [5, None, "fast", [["fast"], "fast"], ("fast",), {"fast": 1, "c": 2}])
def test_backends_of_a_difference(pair, data):
    with pytest.raises(myelin.DataError, match=r"^backends is .*; a pair of fast, c, lava, lava-stock, loihi2 is allowed$"):
        myelin.diff(small_network(), small_network(), inputs=data, backends=pair)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"engine": ["events"]}, "engine is ['events']; 'auto', 'events', 'dense' are allowed"),
        ({"engine": np.arange(2)}, "engine is array([0, 1]); 'auto', 'events', 'dense' are allowed"),
        ({"record": 0}, "record is a int; layer -> names is allowed"),
        ({"record": ""}, "record is a str; layer -> names is allowed"),
        ({"record": {None: ("spikes",)}}, "record names layer None; this network has layers 0..1"),
        ({"record": {0: 5}}, "record of layer 0 is 5; a tuple of 'spikes'"),
        ({"record": {0: (["spikes"],)}}, "record of layer 0 is (['spikes'],); a tuple of 'spikes'"),
        ({"reset_interval": True}, "reset_interval is True; 1 or more steps, or None for no reset, is allowed"),
        ({"time_axis": True}, "time_axis is True; 1 for (batch, steps, ...) or -1 for (batch, ..., steps) is allowed"),
        ({"time_axis": np.ones(2)}, "time_axis is array([1., 1.]); 1 for (batch, steps, ...)"),
    ],
)
def test_a_simulation(options, told, data):
    with pytest.raises(myelin.DataError, match=f"^{re.escape(told)}"):
        myelin.simulate(small_network(), data[0], **options)


def test_a_reset_after_more_steps_than_there_are(data):
    once, never = (
        myelin.simulate(small_network(), data[0], reset_interval=interval).output for interval in (data[0].shape[1], 10**30)
    )
    np.testing.assert_array_equal(never, once)


@pytest.mark.parametrize("batches", [None, 5, "x", {}])
def test_batches_of_a_stream(batches):
    with pytest.raises(myelin.DataError, match=r"^batches is .*; a list or a generator of arrays is allowed$"):
        myelin.stream(small_network(), batches)


@pytest.mark.parametrize("bits", ["8", 8.0, True, [8]])
def test_bits_of_a_module(bits):
    pytest.importorskip("torch")
    with pytest.raises(myelin.NetworkError, match=r"^weight_bits is .*; [2-8] \(as the weights need\) to 8 is allowed$"):
        myelin.to_torch(small_network(), weight_bits=bits)
