"""Units of time from the file to the command: refused where hardly anything would lie in the frames, read where said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from myelin import cli
from myelin.commands.arguments import TIME_UNITS as OPTIONS
from myelin.hw_configs.errors import DataError
from myelin.train.config.config import Config
from myelin.train.config.data import DataConfig
from myelin.train.datasets import SpikeDataset, check_window, join_events, write_shd
from myelin.train.datasets.time_units import TIME_UNITS
from myelin.train.run.start import training_data


def lasting(seconds, samples=6, size=100):
    times = [np.linspace(0, seconds, size) for _ in range(samples)]
    return SpikeDataset(*join_events([(row, np.zeros(size, int)) for row in times]), np.arange(samples) % 2, 4, name="mine")


def test_nothing_in_the_frames_is_refused_with_both_cures():
    with pytest.raises(DataError) as caught:
        check_window(lasting(50.0), 100, 1.0)  # 50 ms, read as seconds: too short to be told by itself
    assert str(caught.value) == (
        "mine: 99 % of the events lie after the end of the frames, 100 steps of 1 ms; half of the samples last 50 s or longer. "
        "If their times are milliseconds, say time_unit='ms' (--time-unit ms); if they are seconds, use longer or more steps "
        "(data.steps, data.step_ms), or cut the recordings"
    )
    with pytest.raises(DataError, match="If their times are microseconds, say time_unit='us'"):
        check_window(lasting(50_000.0), 100, 1.0)


def test_data_without_any_event_is_refused():
    with pytest.raises(DataError, match=r"^mine: no sample has an event; there is nothing to learn from$"):
        training_data(SpikeDataset.from_events([[], []], [[], []], [0, 1], channels=140, name="mine"), Config())


def test_what_lies_in_the_frames_at_least_in_part_is_taken():
    check_window(lasting(0.09), 100, 1.0)
    check_window(lasting(0.9), 100, 1.0)  # 11 % of it
    check_window(SpikeDataset(*join_events([([], [])] * 3), [0, 1, 0], 4), 100, 1.0)  # silence is no matter of units
    check_window(lasting(0.09).subset([]), 100, 1.0)


def test_training_and_validation_refuse_it():
    from myelin.convert.binning import Binning
    from myelin.convert.samples import open_samples

    config = Config(data=DataConfig(steps=100, step_ms=1.0, channels=4))
    with pytest.raises(DataError, match="99 % of the events lie after the end of the frames"):
        training_data(lasting(50.0), config)
    with pytest.raises(DataError, match="99 % of the events lie after the end of the frames"):
        open_samples(lasting(50.0), Binning(100, 1.0, 4, 0))
    assert len(training_data(lasting(0.05), config)) == 6


def test_the_command_takes_the_unit(tmp_path, capsys):
    assert OPTIONS == TIME_UNITS
    write_shd(lasting(787.0), tmp_path / "x_train.h5")
    command = ["train", "demo", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--quiet"]
    assert cli.main(command) == 2
    assert "times look like milliseconds" in capsys.readouterr().err
    assert cli.main([*command, "--time-unit", "us"]) == 2  # its own check comes later: the units do not pool
    said = capsys.readouterr().err
    assert "4 channels do not pool to" in said and "look like" not in said
    assert cli.main(["simulate", "absent.net", "--time-unit", "ms"]) == 2
    assert "--time-unit is the unit of the times in --data, which is not given; leave it out" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_netx_file_runs_on_data_in_milliseconds(tmp_path, capsys):
    from small_network import small_network

    from myelin.convert import write_netx

    net = small_network()
    write_netx(net, tmp_path / "x.net")
    channels = int(np.prod(net.input.shape))
    rows = [(np.linspace(200, 900, 40), np.arange(40) % channels)] * 3
    write_shd(SpikeDataset(*join_events(rows), [0, 1, 0], channels), tmp_path / "x.h5")
    command = ["simulate", str(tmp_path / "x.net"), "--data", str(tmp_path / "x.h5"), "--steps", "100", "--step-ms", "10"]
    assert cli.main(command) == 2
    assert "times look like milliseconds" in capsys.readouterr().err
    assert cli.main([*command, "--time-unit", "ms", "--json", str(tmp_path / "x.json")]) == 0
    assert json.loads((tmp_path / "x.json").read_text())["command"] == "simulate"
