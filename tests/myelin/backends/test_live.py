"""A network in a pipe: lines and bytes in, output of each step out, and every way in which it ends."""

from __future__ import annotations

import functools
import io
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import sigma_delta_networks
from places import ROOT

from myelin.backends.live import input_type, run_live
from myelin.convert import Cuba, Dense, Input, Layer, Network, simulate, write_netx
from myelin.hw_configs.errors import DataError


def lived(network, given, form="text"):
    sink = io.BytesIO()
    steps = run_live(network, io.BytesIO(given), sink, form=form)
    return steps, sink.getvalue()


def graded():
    cuba = Cuba(threshold=40, current_decay=2048, voltage_decay=1024)
    return Network(Input((3,), 4), [Layer((2,), Dense([[2, 4, 6], [8, -2, 2]]), cuba, output="state")])


def test_lines_are_steps_and_units_are_spikes(small):
    lines = b"0\n\n 1, 0\r\n1\t0,\n" + b"0 1\n" * 8
    frames = np.array([[1, 0], [0, 0], [1, 1], [1, 1], *[[1, 1]] * 8])
    expected = simulate(small, frames[None]).output[0]
    steps, out = lived(small, lines)
    assert steps == 12 and expected.any()
    assert [[int(unit) for unit in line.split()] for line in out.decode().splitlines()] == [
        np.flatnonzero(row).tolist() for row in expected
    ]


def test_counts_and_repeated_units_add_up_and_states_are_all_given():
    frames = np.array([[3, 0, 1], [0, 15, 0], [0, 2, 0], [0, 0, 0]])
    expected = simulate(graded(), frames[None]).output[0]
    _, out = lived(graded(), b"0:3 2\n1:15\n1 1\n")
    assert [[int(value) for value in line.split()] for line in out.decode().splitlines()] == expected[:3].tolist()
    assert expected[1:3].any()


def test_messages_are_given_with_their_values():
    network, sample = sigma_delta_networks.random_case(4)
    assert network.layers[-1].output == "spikes" and network.input.min_value < 0
    expected = simulate(network, sample[None]).output[0].reshape(len(sample), -1)
    flat = sample.reshape(len(sample), -1)
    lines = "".join(" ".join(f"{unit}:{row[unit]}" for unit in np.flatnonzero(row)) + "\n" for row in flat)
    _, out = lived(network, lines.encode())
    got = np.zeros_like(expected)
    for row, line in zip(got, out.decode().splitlines()):
        for word in line.split():
            unit, value = word.split(":")
            row[int(unit)] = int(value)
    np.testing.assert_array_equal(got, expected)
    assert expected.any() and input_type(network) == np.dtype("<i4")
    _, packed = lived(network, flat.astype("<i4").tobytes(), "bytes")
    np.testing.assert_array_equal(np.frombuffer(packed, "<i4").reshape(expected.shape), expected)


def test_bytes_are_frames(small):
    spikes = (np.random.default_rng(0).random((30, 2)) < 0.6).astype(np.uint8)
    steps, out = lived(small, spikes.tobytes(), "bytes")
    np.testing.assert_array_equal(np.frombuffer(out, np.uint8).reshape(30, 2), simulate(small, spikes[None]).output[0])
    assert steps == 30 and any(out)


@pytest.mark.parametrize(
    ("given", "form", "text"),
    [
        (b"0\n0 x 1\n", "text", "line 2: 'x' is no spike; a unit, or unit:count, is allowed, such as 3 or 3:2"),
        (b"-1\n", "text", "line 1: '-1' is no spike"),
        (b"\xff\xfe\n", "text", "line 1: '??' is no spike".replace("?", "\N{REPLACEMENT CHARACTER}")),
        (b"\n\n1 2\n", "text", "line 3: unit 2 does not exist; 0..1 are allowed for this network"),
        (b"\n0 0\n", "text", "line 2: spikes lie in 0..2, the network's input takes 0..1"),
        (b"0:-1\n", "text", "line 1: spikes lie in -1..0"),
        (b"0:99999999999\n", "text", "line 1: '0:99999999999' is no spike"),
        (b"\0\1\2\0", "bytes", "frame 2: spikes lie in 0..2"),
        (b"\0\1\1", "bytes", "frame 2: the input ends after 1 of its 2 bytes"),
    ],
)
def test_what_is_no_frame_ends_with_its_number(small, given, form, text):
    with pytest.raises(DataError, match="^" + re.escape(text)):
        lived(small, given, form)


def test_an_endless_line_is_refused(small, monkeypatch):
    monkeypatch.setattr("myelin.backends.live._LINE_BYTES", 64)
    with pytest.raises(DataError, match=r"^line 1 has 64 bytes or more: end each step with a newline$"):
        lived(small, b"0 " * 64)
    assert lived(small, b"0" * 1 + b" " * 62 + b"\n")[0] == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--live", "--data", "builtin", "--json", "-"), "leave out --data, --json"),
        (
            ("--live", "--backend", "lava", "--stock"),
            "--live runs in the simulator on standard input; leave out --stock, --backend",
        ),
        (("--live-format", "bytes", "--data", "x"), "--live-format is for --live: add --live, or leave it out"),
        ((), "no input: give --data, or --live to read frames from standard input"),
    ],
)
def test_options_that_do_not_go_together_are_refused(main, capsys, options, text):
    assert main("simulate", "x.net", *options) == 2
    assert text in capsys.readouterr().err


def started(path, *options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "myelin", "simulate", str(path), "--live", *options]
    pipe = subprocess.PIPE
    # a shell ignores interrupts in what it starts in the background, and so do all processes below
    heard = functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, cwd=ROOT, preexec_fn=heard)


@pytest.mark.subprocess
def test_each_step_is_answered_before_the_next_frame_is_sent(small, tmp_path):
    """As in a robot's loop, whose next frame depends on the answer; then the input ends, and so does the command."""
    write_netx(small, tmp_path / "small.net")
    expected = simulate(small, np.ones((1, 10, 2), int)).output[0]
    with started(tmp_path / "small.net") as process:
        for row in expected:
            process.stdin.write(b"0 1\n")
            process.stdin.flush()
            assert [int(unit) for unit in process.stdout.readline().split()] == np.flatnonzero(row).tolist()
        process.stdin.close()
        assert (process.wait(240), process.stdout.read(), process.stderr.read()) == (0, b"", b"")
    assert expected.any()


@pytest.mark.subprocess
def test_a_bad_line_a_closed_reader_and_an_interrupt_end_it_in_order(small, tmp_path):
    write_netx(small, tmp_path / "small.net")
    bad, closed, interrupted = (started(tmp_path / "small.net") for _ in range(3))
    out, error = bad.communicate(b"0\n?\n", 240)
    assert (bad.returncode, out) == (2, b"\n")
    assert error.decode() == "myelin: error: line 2: '?' is no spike; a unit, or unit:count, is allowed, such as 3 or 3:2\n"
    closed.stdin.write(b"0\n")
    closed.stdin.flush()
    assert closed.stdout.readline() == b"\n"
    closed.stdout.close()
    closed.stdin.write(b"0\n" * 3)
    closed.stdin.close()
    assert (closed.wait(240), closed.stderr.read()) == (141, b"")
    interrupted.stdin.write(b"0\n")
    interrupted.stdin.flush()
    assert interrupted.stdout.readline() == b"\n"
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(240) == 130
    assert interrupted.stderr.read().decode().strip() == "myelin: interrupted"
    for process in (closed, interrupted):
        process.stderr.close()
    interrupted.stdin.close()
    interrupted.stdout.close()
