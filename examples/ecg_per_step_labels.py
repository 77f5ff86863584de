# %% [markdown]
# # A label for every step: phases of a heartbeat
#
# Two leads of an electrocardiogram are coded as level crossings: a unit spikes when the voltage rises past a level, another
# when it falls.  The network says in *every* step which phase of the beat it is: rest, P wave, QRS complex or T wave.  What
# counts is the share of steps that are right; since the steps of one trace are alike, the statistics take whole traces.
#
# The traces are made here.  With the path of a folder that holds the QTDB-ECG traces (`QTDB_train.mat`, `QTDB_test.mat` of
# github.com/byin-cwi/Efficient-spiking-networks) those are used instead:
# `python examples/ecg_per_step_labels.py FOLDER`.

# %%
import shutil
import sys
from pathlib import Path

import numpy as np

import myelin
from myelin.train.config.config import Config, LayerConfig, ReadoutConfig, TrainConfig
from myelin.train.config.data import DataConfig
from myelin.train.config.delay import DelayConfig
from myelin.train.datasets import load

OUT = Path("ecg_output")
shutil.rmtree(OUT, ignore_errors=True)  # what an earlier try left
OUT.mkdir()
PHASES = ("rest", "P", "QRS", "T")
WAVES = ((1, 0.2, 4.0, (0.4, 0.3)), (2, 0.36, 2.0, (2.0, -1.5)), (3, 0.6, 7.0, (0.7, 0.5)))  # phase, place, width, heights
STEPS, STEP_MS = 240, 4.0


# %%
def trace(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Level crossings (steps, 2) in -1, 0, 1 of two leads, and the phase of each step (steps,)."""
    time, phase, wave = 0.0, np.zeros(STEPS, np.int64), np.zeros((STEPS, 2))
    steps = np.arange(STEPS)
    time -= rng.uniform(0, 60)
    while time < STEPS:
        beat = rng.uniform(65, 95)
        for number, centre, width, heights in WAVES:
            at = time + centre * beat
            bump = np.exp(-(((steps - at) / width) ** 2))
            wave += bump[:, np.newaxis] * np.array(heights) * rng.uniform(0.8, 1.2)
            phase[np.abs(steps - at) < 2 * width] = number
        time += beat
    wave += rng.normal(0, 0.03, wave.shape)
    levels = np.floor(wave / 0.15)
    return np.sign(np.diff(levels, axis=0, prepend=levels[:1])).astype(np.int8), phase


def traces(count: int, seed: int) -> myelin.SpikeDataset:
    """``count`` traces; ``signed`` gives each lead one unit for rises and one for falls."""
    rng = np.random.default_rng(seed)
    x, y = zip(*(trace(rng) for _ in range(count)), strict=True)
    return myelin.SpikeDataset.from_dense(
        np.stack(x), np.stack(y), step_ms=STEP_MS, signed=True, keys=PHASES, name=f"heartbeats, seed {seed}"
    )


if len(sys.argv) > 1:
    train, test = load(sys.argv[1], "train"), load(sys.argv[1], "test")
else:
    train, test = traces(160, seed=1), traces(80, seed=2)
print(f"{len(train)} traces of {train.steps} steps to train on, {len(test)} to report on; {train.classes} phases")

# %% [markdown]
# ## Training
#
# The same loop as `myelin train`, with a configuration from Python.  The loss follows from the data: a cross-entropy in every
# step.  The recurrence has a learnable delay for each neuron: the phase depends on what happened some steps ago.

# %%
config = Config(
    name="ecg",
    data=DataConfig(steps=train.steps, step_ms=train.step_ms, channels=train.channels, message_bits=0, validation=0.15),
    layers=(LayerConfig(neurons=48, recurrent="dense"),),
    readout=ReadoutConfig(voltage_decay=0.3),
    delay=DelayConfig(max_delay_steps=40),
    train=TrainConfig(epochs=8, batch_size=32, learning_rate=5e-3, dropout=0.0, recurrent_dropout=0.0, logit_scale=4.0),
)
record = myelin.fit(config, train, OUT / "run", say=print)
print(f"held out of training: {100 * record['best']['validation_accuracy']:.1f} % of the steps are right")

# %% [markdown]
# ## Integers, on traces that nothing was chosen on
#
# Two traces also run in Lava, which takes some seconds for each.  The report shows the validation that there is.

# %%
artifact = myelin.export(OUT / "run", OUT / "artifact", target="loihi2", data=test)
print("\n".join(artifact.lines))
validation = myelin.validate(artifact, test, max_drop=2.0, lava_samples=2)
print("\n".join(validation.lines()))
report = myelin.write_report(artifact, test, OUT / "report.html", run=OUT / "run", stages={"validation": validation})
print("\n".join(report.lines()))
assert not validation.failures
