"""The loop's promises: what resumes, what is refused, what is recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import tiny_runs
import torch
from safetensors import safe_open
from tiny_runs import sweeps

from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.target_files import load_target
from myelin.train.config.files import load_config
from myelin.train.config.target import resolve_for_target
from myelin.train.datasets import load
from myelin.train.delay import AxonalDelay
from myelin.train.run.callbacks import Callbacks
from myelin.train.run.evaluate import evaluate
from myelin.train.run.files.checkpoint import load_parameters
from myelin.train.run.files.fingerprint import fingerprint
from myelin.train.run.logger import RunLogger
from myelin.train.run.loop import TrainingRun, train
from myelin.train.run.optimizer import learning_rate_factor, take_step
from myelin.train.run.start import configuration, summary

pytestmark = pytest.mark.training


def tiny_config(**train_values):
    """Two layers of 8 neurons for four epochs."""
    return tiny_runs.tiny_config(train=train_values)


def test_the_exported_epoch_has_rounded_delays_and_is_recorded(tmp_path):
    record = train(tiny_config(), sweeps(), tmp_path / "run", progress=False)
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["delays_rounded"] for line in lines] == [False, False, True, True]
    eligible = [line for line in lines if line["exportable"]]
    assert [line["epoch"] for line in eligible] == [3] and record["best"]["epoch"] == 3
    assert record["best"]["validation_accuracy"] == max(line["validation_accuracy"] for line in eligible)
    assert record["finished"] and record["events_not_in_frames"]["events"] == 4 * 18 * 60
    with safe_open(tmp_path / "run/model.safetensors", "numpy") as file:
        assert file.metadata() == {"epoch": str(record["best"]["epoch"])}


@pytest.mark.parametrize("rounding", ["straight-through", "epoch", "end"])
def test_every_rounding_exports_what_was_judged(rounding, tmp_path):
    """The file that is exported gives, rounded, the validation accuracy of its record; all phases pass in four epochs."""
    config = tiny_config()
    config = replace(config, delay=replace(config.delay, rounding=rounding, grid_steps=2))
    record = train(config, sweeps(), tmp_path / "run", progress=False)
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["delays_rounded"] for line in lines] == [rounding == "straight-through"] * 3 + [True]
    run = TrainingRun(config, sweeps(), tmp_path / "unused")
    model = run.model
    load_parameters(model, tmp_path / "run/model.safetensors")
    assert evaluate(model, run.valid_batches).accuracy == record["best"]["validation_accuracy"]
    fractional = [delay.delay.detach().numpy() % 2 for delay in model.delays()]
    assert all((values == 0).all() == (rounding == "epoch") for values in fractional)
    assert any("delays 0..62 steps, multiples of 2, 8 bit weights" in line for line in summary(record, tmp_path))
    assert record["best"]["delay_longest_steps"] == max(int(delay.rounded_steps().max()) for delay in model.delays())


def test_controls_of_one_layer_are_not_learnt(tmp_path):
    """Recurrent delays stay as drawn, or 0, while the feed-forward delays of the same layer are learnt."""
    config = tiny_config()
    layers = [replace(config.layers[1], recurrent_delay=kind) for kind in ("fixed", "zero")]
    config = replace(config, layers=tuple(layers))
    before = [delay.delay.clone() for delay in TrainingRun(config, sweeps(), tmp_path / "unused").model.delays()]
    record = train(config, sweeps(), tmp_path / "run", progress=False)
    run = TrainingRun(config, sweeps(), tmp_path / "unused")
    load_parameters(run.model, tmp_path / "run/model.safetensors")
    kept = [torch.equal(delay.delay, old) for delay, old in zip(run.model.delays(), before)]
    names = [name for name, module in run.model.named_modules() if isinstance(module, AxonalDelay)]
    assert dict(zip(names, kept)) == {
        "0.recurrence.delay": True,
        "0.delay": False,
        "1.recurrence.delay": True,
        "1.delay": False,
    }
    fixed, _, zero, _ = before
    assert len(set(fixed.tolist())) > 1 and torch.equal(fixed, fixed.round()) and not zero.any() and record["finished"]


def test_a_penalty_shortens_delays(tmp_path):
    means = []
    for penalty in (0.0, 1.0):
        config = tiny_config()
        config = replace(config, delay=replace(config.delay, penalty=penalty), train=replace(config.train, delay_rate=0.5))
        means.append(train(config, sweeps(), tmp_path / str(penalty), progress=False)["best"]["delay_mean_steps"])
    assert means[1] < means[0] - 1


def test_a_stale_record_is_mended_by_resuming(tmp_path):
    config, data, out = tiny_config(), sweeps(), tmp_path / "run"
    whole = train(config, data, out, progress=False)
    stale = {**json.loads((out / "run.json").read_text()), "best": {}, "epochs_done": 0, "finished": False}
    (out / "run.json").write_text(json.dumps(stale))
    assert train(config, data, out, resume=True, progress=False) == whole


def test_resuming_with_other_data_is_refused(tmp_path):
    train(tiny_config(), sweeps(), tmp_path / "run", progress=False)
    assert fingerprint(sweeps(1)) != fingerprint(sweeps())
    with pytest.raises(ConfigError, match="other data"):
        train(tiny_config(), sweeps(1), tmp_path / "run", resume=True, progress=False)


def test_what_ends_a_run_is_told_and_not_that_its_plots_fail(tmp_path, monkeypatch):
    """Ctrl-C while matplotlib is imported leaves it half imported."""

    def interrupt(*_):
        raise KeyboardInterrupt("mine")

    def fail(_):
        raise AttributeError("half imported")

    monkeypatch.setattr(RunLogger, "draw", fail)
    with pytest.raises(KeyboardInterrupt, match="mine"):
        train(
            tiny_config(),
            sweeps(),
            tmp_path / "run",
            progress=False,
            callbacks=Callbacks([SimpleNamespace(on_epoch=interrupt)]),
        )
    with pytest.raises(AttributeError, match="half imported"):
        train(tiny_config(), sweeps(), tmp_path / "other", progress=False)


def test_a_run_that_diverges_stops_with_one_message(tmp_path):
    with pytest.raises(MyelinError, match="lower train"):
        train(tiny_config(logit_scale=1e38), sweeps(), tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"epochs": 1}, "delays would be spread in every epoch"),
        ({"seed": -1}, "train.seed"),
        ({"loss": "softmax", "label_smoothing": 0.1}, "label_smoothing"),
    ],
)
def test_settings_that_cannot_work_are_refused(values, text):
    with pytest.raises(ConfigError, match=text):
        tiny_config(**values)


def test_one_cycle_rises_to_the_peak_and_falls_to_zero():
    plan = tiny_config(schedule="one-cycle", warmup=0.25).train
    factors = [learning_rate_factor(plan, progress) for progress in (0.0, 0.125, 0.25, 0.625, 1.0)]
    assert factors == pytest.approx([0.04, 0.52, 1.0, 0.5, 0.0])


def test_cosine_starts_at_the_peak():
    plan = tiny_config(schedule="cosine").train
    assert [learning_rate_factor(plan, progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.5, 0.0])


@pytest.mark.parametrize("name", ["demo", "delrec", "convdelrec"])
def test_the_experiments_load_and_fit_their_target(name):
    config = configuration(name, [])
    loaded = load_config(name)
    assert (config.delay.max_delay_steps, config.train.weight_bits) == (62, 8)
    assert (config.neuron.current_decay_min, config.neuron.current_decay_max) == (1, 4096)
    assert (config.neuron.voltage_decay_min, config.neuron.voltage_decay_max) == (0, 4095)
    assert config == replace(loaded, neuron=config.neuron, delay=config.delay, train=config.train)
    assert resolve_for_target(config, load_target("loihi2")) == config
    assert len(config.layers) == 2
    assert {layer.recurrent for layer in config.layers} == {"dense" if name == "delrec" else "conv"}


def test_the_demo_fits_the_built_in_data():
    config, data = load_config("demo"), load("builtin", "test")
    frames = data.bin([0, 1], config.data.steps, config.data.step_ms, config.data.channels).frames
    assert frames.shape == (2, config.data.steps, config.data.channels)


def test_decays_beyond_the_target_are_refused_before_training():
    with pytest.raises(ConfigError, match=r"neuron.voltage_decay is 4096/4096, loihi2 holds 0..4095/4096"):
        configuration("demo", ["neuron.voltage_decay=1.0"])


def test_a_step_that_overflows_is_one_message(tmp_path):
    config = tiny_config(learning_rate=1e38, clip_norm=1e38)
    with pytest.raises(MyelinError, match=r"lower (train.|the )learning.rate$"):
        train(config, sweeps(), tmp_path / "run", progress=False)
    large = torch.nn.Parameter(torch.zeros(1))
    large.grad = torch.ones(1)
    with pytest.raises(MyelinError, match=r"^a step of the optimiser overflows in epoch 3; lower train.learning_rate$"):
        take_step(torch.optim.Adam([large], lr=1e40), 3)

    class Broken(torch.optim.SGD):
        def step(self, closure=None):
            raise RuntimeError("no kernel")

    with pytest.raises(RuntimeError, match="no kernel"):
        take_step(Broken([large], lr=0.1), 3)
