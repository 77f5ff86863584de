"""Resuming: after a kill between any two writes, with more epochs, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from tiny_runs import sweeps, tiny_config

from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.train.config.files import config_from_dict
from myelin.train.run import loop, training_run
from myelin.train.run.files.claim import claimed
from myelin.train.run.initial import Initial
from myelin.train.run.training_run import Parts, TrainingRun

pytestmark = pytest.mark.training

#: Epochs 1 and 2 can be exported.
CONFIG = tiny_config(train={"epochs": 3, "slices": 1}, delay={"harden_at": 0.0, "freeze_at": 0.3})
WRITERS = ("write_tensors", "append_metrics", "write_run", "keep_epochs")


class Killed(BaseException):
    """In place of a kill: nothing catches it."""


def train(out, config=CONFIG, dataset=None, **how):
    return loop.train(config, sweeps() if dataset is None else dataset, out, progress=False, **how)


def content(out):
    """What a run leaves, without durations."""
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"]
    files = {name: (out / name).read_bytes() for name in ("model.safetensors", "state.safetensors")}
    return rows, files, json.loads((out / "run.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    train(out)
    return out


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(loop.RunLogger, "draw", lambda self: None)


def killing(monkeypatch, point, when):
    """Kill at write number ``point``, before it, after it, or within it (a part of its line is written)."""
    count = -1

    def wrapped(name):
        write = getattr(training_run, name)

        def call(*arguments):
            nonlocal count
            count += 1
            if count != point:
                return write(*arguments)
            if when == "after":
                write(*arguments)
            elif when == "within" and name == "append_metrics":
                with open(arguments[0] / "metrics.jsonl", "a") as file:
                    file.write('{"epoch": 0, "lo')
            raise Killed

        return call

    for name in WRITERS:
        monkeypatch.setattr(training_run, name, wrapped(name))


@pytest.mark.parametrize(("point", "when"), [*((point, "after") for point in range(13)), (1, "within"), (5, "within")])
def test_a_kill_between_any_two_writes_changes_nothing(point, when, whole, monkeypatch, tmp_path):
    """The writes: the record; then metrics, state and record of epoch 0; model, metrics, state and record of epochs 1 and 2."""
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        killing(patch, point, when)
        try:
            train(out)
        except Killed:
            pass
        else:
            assert point == 12  # there is one write less if epoch 2 is not the best so far
            return
    train(out, resume=True)
    assert content(out) == content(whole)


def test_a_kill_while_resuming_changes_nothing(whole, monkeypatch, tmp_path):
    """Three kills in a row, the first between the first line of metrics and the first state."""
    out = tmp_path / "run"
    for point, resume in ((2, False), (0, True), (1, True), (3, True)):
        with monkeypatch.context() as patch:
            killing(patch, point, "before" if point == 2 else "after")
            with pytest.raises(Killed):
                train(out, resume=resume)
    train(out, resume=True)
    rows, _, _ = content(out)
    assert [row["epoch"] for row in rows] == [0, 1, 2] and content(out) == content(whole)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("target", ["gone", "run"])
def test_a_link_that_leads_nowhere_is_no_new_folder(target, resume, tmp_path):
    (tmp_path / "run").symlink_to(tmp_path / target)
    with pytest.raises(ConfigError, match="run: exists and is not empty; name another folder"):
        train(tmp_path / "run", resume=resume)


def test_two_processes_on_one_run_are_one_message(whole, tmp_path):
    with (
        claimed(whole, resume=True),
        pytest.raises(MyelinError, match=r"run: another process trains this run; wait for it or end it$"),
    ):
        train(whole, resume=True)
    with claimed(tmp_path / "run", resume=False), pytest.raises(MyelinError, match="another process trains this run"):
        train(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
    train(tmp_path / "run")


def test_resuming_writes_nothing_new_and_removes_what_a_kill_left(whole, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    (out / ".model.safetensors.0123abcd.part").write_text("half")
    (out / ".mine").write_text("mine")
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.iterdir()}
    train(out, resume=True)
    del before[".model.safetensors.0123abcd.part"]
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.iterdir()} == before


def test_lost_metrics_are_told(whole, tmp_path):
    out, said = tmp_path / "run", []
    shutil.copytree(whole, out)
    lines = (out / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (out / "metrics.jsonl").write_bytes(b"".join(lines[:2]))
    train(out, resume=True, say=said.append)
    assert said == ["lost          metrics.jsonl has 2 of the 3 epochs; plots and tables leave the others out"]


def test_more_epochs_continue_and_delays_stay_frozen(whole, tmp_path):
    out, said = tmp_path / "run", []
    shutil.copytree(whole, out)
    old = content(out)
    before = TrainingRun(CONFIG, sweeps(), out)
    before.restore()
    longer = replace(CONFIG, train=replace(CONFIG.train, epochs=5))
    record = train(out, longer, resume=True, say=said.append)
    rows, _, _ = content(out)
    assert rows[:3] == old[0] and [row["epoch"] for row in rows] == [0, 1, 2, 3, 4]
    assert all(row["exportable"] and row["delays_rounded"] for row in rows[3:])
    assert said[0] == (
        "resumed       3 epochs become 5: learning rates follow the new schedule from epoch 3 on, delays stay as far frozen as "
        "they are, the best epoch is kept"
    )
    assert record["extensions"] == [{"done": 3, "epochs": 3}] and config_from_dict(record["config"]).train.epochs == 5
    after = TrainingRun(longer, sweeps(), out)
    after.restore()
    pairs = list(zip(before.model.delays(), after.model.delays(), strict=True))
    assert all(torch.equal(a.delay, b.delay) for a, b in pairs) and len(pairs) == 3
    weights = [(a.synapse.weight, b.synapse.weight) for a, b in zip(before.model.blocks, after.model.blocks)]
    assert all(not torch.equal(a, b) for a, b in weights)


def test_more_epochs_killed_and_resumed_are_the_same(whole, monkeypatch, tmp_path):
    longer = replace(CONFIG, train=replace(CONFIG.train, epochs=5))
    for name in ("once", "twice"):
        shutil.copytree(whole, tmp_path / name)
    train(tmp_path / "once", longer, resume=True)
    with monkeypatch.context() as patch:
        killing(patch, 4, "after")
        with pytest.raises(Killed):
            train(tmp_path / "twice", longer, resume=True)
    train(tmp_path / "twice", longer, resume=True)
    assert content(tmp_path / "once") == content(tmp_path / "twice")


@pytest.mark.parametrize(
    ("train_values", "said"),
    [
        (
            {"seed": 1},
            r"train.seed is 0 there, 1 is given; resume without changing it \(only train.epochs may grow\), or start a new run "
            "from it: --init-from ",
        ),
        ({"epochs": 2}, r"train.epochs is 3 there, 2 is given; more epochs are allowed, or start"),
        ({"epochs": 9, "learning_rate": 0.5}, r"train.epochs is 3 there, 9 is given; train.learning_rate is 0.02 there"),
        ({"freeze": ["readout"]}, r"train.freeze is \[\] there, \[\"readout\"\] is given"),
    ],
)
def test_other_changes_are_refused_by_name(train_values, said, whole):
    changed = replace(
        CONFIG, train=replace(CONFIG.train, **{k: tuple(v) if k == "freeze" else v for k, v in train_values.items()})
    )
    with pytest.raises(ConfigError, match=f"holds a run with another configuration: .*{said}"):
        train(whole, changed, resume=True)


def own_loss(output, target):
    return torch.nn.functional.cross_entropy(output.mean(dim=2), target)


def test_an_own_loss_and_optimiser_must_be_the_same(tmp_path):
    parts = Parts(loss=own_loss, optimizer=lambda groups: torch.optim.SGD(groups, momentum=0.9))
    record = train(tmp_path / "run", parts=parts)
    assert record["loss"]["own"] and record["loss"]["name"].endswith("test_resume.own_loss")
    assert record["optimizer"] == "torch.optim.sgd.SGD" and record["config"]["train"]["loss"] is None
    assert train(tmp_path / "run", parts=parts, resume=True) == record
    with pytest.raises(ConfigError, match=r"was trained with optimizer torch.optim.sgd.SGD, torch.optim.adamw.AdamW is given"):
        train(tmp_path / "run", parts=replace(parts, optimizer=None), resume=True)
    with pytest.raises(
        ConfigError, match=r"was trained with the function .*own_loss as its loss; resume with myelin.fit and the same loss, or"
    ):
        train(tmp_path / "run", parts=replace(parts, loss=None), resume=True)
    with pytest.raises(
        ConfigError, match=r"was trained with loss .*own_loss, .*other is given; resume with the same, or start"
    ):

        def other(output, target):
            return own_loss(output, target)

        train(tmp_path / "run", parts=replace(parts, loss=other), resume=True)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.RMSprop, lambda g: torch.optim.SGD(g, momentum=0.9)])
def test_the_state_of_other_optimisers_is_resumed(kind, monkeypatch, tmp_path):
    parts = Parts(optimizer=kind)
    train(tmp_path / "whole", parts=parts)
    with monkeypatch.context() as patch:
        killing(patch, 7, "after")
        with pytest.raises(Killed):
            train(tmp_path / "run", parts=parts)
    train(tmp_path / "run", parts=parts, resume=True)
    assert content(tmp_path / "run") == content(tmp_path / "whole")


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (lambda groups: 3, "optimizer returns a int; a torch.optim.Optimizer is allowed"),
        (lambda groups: torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.1), "holds parameters of another network"),
        (lambda groups: torch.optim.LBFGS(groups[0]["params"]), "optimizer LBFGS computes the loss again in its step"),
    ],
)
def test_what_is_no_optimiser_is_refused(factory, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        TrainingRun(CONFIG, sweeps(), tmp_path / "run", parts=Parts(optimizer=factory))


def test_an_optimiser_whose_state_cannot_be_saved_is_refused(tmp_path):
    class Odd(torch.optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            self.state[self.param_groups[0]["params"][0]]["history"] = [1]

    with pytest.raises(
        ConfigError, match="optimizer Odd keeps a list 'history', which a run cannot save; one that keeps tensors"
    ):
        train(tmp_path / "run", parts=Parts(optimizer=Odd))


def test_a_callback_s_learning_rates_are_resumed(monkeypatch, tmp_path):
    from types import SimpleNamespace

    from myelin.train.run.callbacks import Callbacks

    def halve(run, metrics):
        for group in run.optimizer.param_groups:
            group["base"] /= 2

    halving = Callbacks([SimpleNamespace(on_epoch=halve)])
    config = replace(CONFIG, train=replace(CONFIG.train, schedule="constant"))
    train(tmp_path / "whole", config, callbacks=halving)
    with monkeypatch.context() as patch:
        killing(patch, 7, "after")
        with pytest.raises(Killed):
            train(tmp_path / "run", config, callbacks=halving)
    train(tmp_path / "run", config, callbacks=halving, resume=True)
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_the_start_must_be_the_same(monkeypatch, tmp_path):
    drawn = {name: p.detach().numpy() for name, p in TrainingRun(CONFIG, sweeps(), tmp_path).model.named_parameters()}
    one, other = (Parts(initial=Initial("there", {name: scale * p for name, p in drawn.items()})) for scale in (1.0, 0.5))
    with monkeypatch.context() as patch:
        killing(patch, 1, "after")
        with pytest.raises(Killed):
            train(tmp_path / "run", parts=one)
    with pytest.raises(
        ConfigError, match=r"stopped before its first epoch ended and was started from there; resume with init_from"
    ):
        train(tmp_path / "run", resume=True)
    with pytest.raises(ConfigError, match=r"was started from there, not from what init_from \(--init-from\) now holds"):
        train(tmp_path / "run", parts=other, resume=True)
    record = train(tmp_path / "run", parts=one, resume=True)
    assert record["init_from"]["source"] == "there" and 0 <= record["init_from"]["validation_accuracy"] <= 1
    assert train(tmp_path / "run", resume=True) == record  # its state holds all
