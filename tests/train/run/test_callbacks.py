"""Callbacks: what is called when, early stops, and logs."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
import torch
from tiny_runs import sweeps, tiny_config

from myelin.hw_configs.errors import ConfigError, MissingPartError
from myelin.train.run.callbacks import Callbacks, EarlyStop, StopTraining, TensorBoard, WeightsAndBiases
from myelin.train.run.files.metrics import EpochMetrics
from myelin.train.run.files.run_record import read_run
from myelin.train.run.logger import RunLogger
from myelin.train.run.loop import train
from myelin.train.run.start import summary

FROZEN = {"harden_at": 0.0, "freeze_at": 0.0, "high": 5.0}


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(RunLogger, "draw", lambda self: None)


class Heard:
    """Records its calls; asks to stop after epoch ``stop``."""

    def __init__(self, stop=None, error=None):
        self.calls, self.stop, self.error = [], stop, error

    def on_start(self, run):
        self.calls.append(("start", run.out.name))

    def on_epoch(self, run, metrics):
        self.calls.append(("epoch", metrics.epoch, None if run.best is None else run.best.epoch))
        if self.error is not None and metrics.epoch == self.stop:
            raise self.error
        return metrics.epoch == self.stop

    def on_end(self, run, record):
        self.calls.append(("end", record["epochs_done"]))


def run_with(tmp_path, *callbacks, said=None, name="run", resume=False, **changes):
    config = tiny_config(**changes)
    say = None if said is None else said.append
    out = tmp_path / name
    return train(config, sweeps(), out, progress=False, callbacks=Callbacks(callbacks), say=say, resume=resume)


@pytest.mark.training
def test_all_methods_are_called_in_order(tmp_path):
    heard = Heard()
    only_end = SimpleNamespace(on_end=lambda run, record: heard.calls.append(("only", record["finished"])))
    record = run_with(tmp_path, heard, only_end)
    assert heard.calls == [
        ("start", "run"),
        *(("epoch", epoch, None) for epoch in range(3)),
        ("epoch", 3, 3),
        ("end", 4),
        ("only", True),
    ]
    assert record["stopped"] is None


@pytest.mark.training
@pytest.mark.parametrize(("error", "who"), [(None, "Heard"), (StopTraining("enough"), "Heard: enough")])
def test_an_early_stop_is_a_finished_run_and_resuming_it_changes_nothing(error, who, tmp_path):
    said = []
    record = run_with(tmp_path, Heard(1, error), said=said, delay=FROZEN)
    assert (record["finished"], record["epochs_done"], record["stopped"]) == (True, 2, who)
    assert read_run(tmp_path / "run").require_complete().stopped == who and record["best"]["epoch"] in (0, 1)
    assert f"stopped       {who}, after epoch 1 of 0..3" in said
    assert f"stopped       {who}; 4 epochs were planned" in summary(record, tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    assert run_with(tmp_path, delay=FROZEN, resume=True) == record
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.training
def test_a_stopped_run_goes_on_with_more_epochs(tmp_path):
    run_with(tmp_path, Heard(1), delay=FROZEN)
    record = run_with(tmp_path, delay=FROZEN, resume=True, train={"epochs": 5})
    assert (record["epochs_done"], record["stopped"], record["finished"]) == (5, None, True)


@pytest.mark.training
def test_a_stop_before_an_epoch_can_be_exported_waits_for_one(tmp_path):
    said = []
    heard = SimpleNamespace(on_epoch=lambda run, metrics: True)
    record = run_with(tmp_path, heard, said=said)
    assert record["epochs_done"] == 4 and record["best"]["epoch"] == 3
    assert said[0] == (
        "goes on       SimpleNamespace asks to stop after epoch 0; no epoch before 3 can be exported, since delays are not "
        "frozen (delay.freeze_at)"
    )


def test_early_stop_counts_from_the_exported_epoch():
    stop = EarlyStop(patience=3)
    run = SimpleNamespace(best=None)
    assert not stop.on_epoch(run, SimpleNamespace(epoch=9))
    run.best = SimpleNamespace(epoch=4)
    assert [stop.on_epoch(run, SimpleNamespace(epoch=epoch)) for epoch in (5, 6, 7, 8)] == [False, False, True, True]
    assert Callbacks([stop]).epoch(run, SimpleNamespace(epoch=8)) == "EarlyStop(patience=3)"
    for wrong in (0, True, 1.5):
        with pytest.raises(ConfigError, match=f"patience of EarlyStop is {wrong}; a whole number of at least 1 is allowed"):
            EarlyStop(wrong)


def test_what_is_no_callback_is_refused():
    with pytest.raises(ConfigError, match=r"callback 3: an object with on_start, on_epoch or on_end is allowed"):
        Callbacks([3])
    with pytest.raises(ConfigError, match=r"callback the class EarlyStop: an object with"):
        Callbacks([EarlyStop])


def metrics(epoch):
    return EpochMetrics(epoch, 1.0, 0.5, 0.4, False, False, 3.0, 9, rates_per_step=(0.1, 0.0), seconds=1.0)


def test_without_tensorboard_one_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingPartError, match=r"pip install -e '.\[tensorboard\]'"):
        TensorBoard()


def test_tensorboard_gets_every_epoch(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from myelin.train.model import build_model

    torch.manual_seed(0)
    log, run = TensorBoard(), SimpleNamespace(out=tmp_path, model=build_model(tiny_config(), 3))
    log.on_start(run)
    for epoch in range(2):
        log.on_epoch(run, metrics(epoch))
    log.on_end(run, {})
    events = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"histograms": 0})
    events.Reload()
    assert [event.value for event in events.Scalars("loss")] == [1.0, 1.0]
    assert len(events.Histograms("delay_steps/layer_1/axonal_delays")) == 2


def test_without_wandb_one_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingPartError, match=r"logs for Weights & Biases need the package wandb"):
        WeightsAndBiases()


def test_wandb_gets_configuration_epochs_and_result(monkeypatch, tmp_path):
    """With a module of that name which records what it is given."""
    seen = []
    summary = SimpleNamespace(update=lambda values: seen.append(("summary", values)))
    log = SimpleNamespace(
        log=lambda values, step: seen.append((step, values)), summary=summary, finish=lambda: seen.append("end")
    )
    fake = SimpleNamespace(init=lambda **options: seen.append(options) or log)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    callback, run = WeightsAndBiases(project="delays"), SimpleNamespace(config=tiny_config(), out=tmp_path)
    callback.on_start(run)
    callback.on_epoch(run, metrics(7))
    callback.on_end(run, {"best": {"epoch": 7}})
    options, (step, values), summary_seen, end = seen
    assert options["project"] == "delays" and json.dumps(options["config"]["train"]["epochs"]) == "4"
    assert step == 7 and values["loss"] == 1.0 and values["rates_per_step/layer_0"] == 0.1 and "train_error" not in values
    assert summary_seen == ("summary", {"epoch": 7}) and end == "end"
