# %% [markdown]
# # Heartbeats on a microcontroller, in real time
#
# The network of `ecg_per_step_labels.py`, with 36 neurons: in every step it says which phase of the heartbeat it is.  Here it
# becomes C for a board with a Cortex-M4, with its memory, the work of a step, and the time that a step has.  The QT Database
# (PhysioNet; Laguna et al. 1997) is sampled at 250 Hz, so a step has 4 ms.
#
# The traces are made here and the training is short: what counts is memory and time, which depend on the size of the network
# and on its spikes.  With the path of a folder that holds the QTDB-ECG traces those are used instead, and with the path of a
# run behind it that network, trained on them: `python examples/ecg_on_a_microcontroller.py FOLDER RUN`.

# %%
import shutil
import sys
from pathlib import Path

import numpy as np

import myelin
from myelin.convert.c99.emulate import emulate, missing_for
from myelin.train.config.config import Config, LayerConfig, ReadoutConfig, TrainConfig
from myelin.train.config.data import DataConfig
from myelin.train.config.delay import DelayConfig
from myelin.train.datasets import load

OUT = Path("ecg_board_output")
shutil.rmtree(OUT, ignore_errors=True)  # what an earlier try left
OUT.mkdir()
RATE_HZ, STEPS, BOARD = 250, 160, "cortex-m4"


# %%
def traces(count: int, seed: int) -> myelin.SpikeDataset:
    """``count`` traces of two leads as level crossings, with the phase of each step: 0 rest, 1 a wave."""
    rng = np.random.default_rng(seed)
    steps = np.arange(STEPS)
    beats = rng.uniform(0, 40, (count, 1)) + 40 * np.arange(5)  # (traces, beats)
    bumps = np.exp(-(((steps - beats[..., np.newaxis]) / 4.0) ** 2)).sum(axis=1)  # (traces, steps)
    wave = bumps[..., np.newaxis] * [2.0, -1.5] + rng.normal(0, 0.03, (count, STEPS, 2))
    crossings = np.sign(np.diff(np.floor(wave / 0.15), axis=1, prepend=0)).astype(np.int8)
    phases = (bumps > 0.5).astype(np.int64)
    return myelin.SpikeDataset.from_dense(crossings, phases, step_ms=1000 / RATE_HZ, signed=True, name=f"beats, seed {seed}")


given = sys.argv[1:]
train, test = (load(given[0], split) for split in ("train", "test")) if given else (traces(60, 1), traces(30, 2))

# %% [markdown]
# ## Training, as in the other example

# %%
config = Config(
    name="ecg",
    data=DataConfig(steps=train.steps, step_ms=train.step_ms, channels=train.channels, message_bits=0, validation=0.15),
    layers=(LayerConfig(neurons=36, recurrent="dense"),),
    readout=ReadoutConfig(voltage_decay=0.3),
    delay=DelayConfig(max_delay_steps=40),
    train=TrainConfig(epochs=3, batch_size=32, learning_rate=5e-3, dropout=0.0, recurrent_dropout=0.0, logit_scale=4.0),
)
run = Path(given[1]) if len(given) > 1 else OUT / "run"
if len(given) < 2:
    myelin.fit(config, train, run, say=print)

# %% [markdown]
# ## C for the board
#
# `network.c` needs no library.  `make test` in the folder compares every output on this computer, `make emulate` on an emulated
# Cortex-M4.

# %%
exported = myelin.export(run, OUT / "c", target=BOARD, data=test)
print("\n".join(exported.lines))
mapped = myelin.map_cores(exported.network, BOARD, inputs=test)
board = mapped["board"]
budget_us = 1e6 / RATE_HZ
print(f"a step takes about {board['step_us']:.0f} of {budget_us:.0f} us: {100 * board['step_us'] / budget_us:.1f} %")
assert mapped["fits"] and board["step_us"] < budget_us

# %% [markdown]
# ## The same outputs on an emulated Cortex-M4
#
# QEMU counts instructions.  Even at ten cycles for each, the longest step must end before the next sample comes.

# %%
target = myelin.load_target(BOARD)
lacking = missing_for(target)
if lacking is None:
    found = emulate(OUT / "c", target)
    longest_us = 1e6 * 10 * found.longest_instructions / target.controller.clock_hz
    print(f"emulated: {found.different} of {found.values} values differ")
    print(f"instructions of a step: {found.step_instructions}, at most {found.longest_instructions}")
    print(f"at ten cycles each the longest step takes {longest_us:.0f} of {budget_us:.0f} us")
    assert found.different == 0 and longest_us < budget_us
else:
    print(f"not emulated: {lacking} is not installed")
