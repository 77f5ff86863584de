# %% [markdown]
# # Four-bit weights, and fine-tuning after quantisation
#
# A network is trained with 8 bit weights on the built-in spoken digits.  Its weights are then rounded to 4 bits, which costs
# accuracy, and trained a little further on the grid of 4 bits, which brings most of it back.  The three networks answer the
# same words, spoken by voices that none of them has heard, so they are compared word by word.
#
# The settings are small, for two cores and less than a minute: every third word, small layers, few epochs.
# `python examples/fine_tune_four_bits.py 24 5` trains the whole experiment `demo` for 24 epochs and fine-tunes for 5.

# %%
import shutil
import sys
from pathlib import Path

import numpy as np

import myelin
from myelin.convert.quantise.rounding import round_network
from myelin.train.datasets import load
from myelin.training.initial_network import initial_network

OUT = Path("four_bits_output")
shutil.rmtree(OUT, ignore_errors=True)  # what an earlier try left
BITS = 4
words = load("builtin", "train")
if len(sys.argv) > 2:
    epochs, fine_epochs, size = int(sys.argv[1]), int(sys.argv[2]), []
else:
    epochs, fine_epochs, words = 8, 3, words.subset(np.arange(0, len(words), 3))
    size = ["layers.*.neurons=64", "data.steps=40", "data.step_ms=20.0", "data.channels=70"]

# %% [markdown]
# ## A network of 8 bit weights
#
# `demo` is the built-in experiment: two layers with convolutional recurrence, with a learnable delay for every neuron.

# %%
record = myelin.fit("demo", words, OUT / "run", overrides=[*size, f"train.epochs={epochs}"], say=print)
print(f"8 bits: {100 * record['best']['validation_accuracy']:.1f} % on the voices held out of training")

# %% [markdown]
# ## Rounded to 4 bits
#
# `initial_network` gives the trained floats.  Plain rounding chooses a power of two for every layer, and nothing else.

# %%
floats = initial_network(OUT / "run").floats
rounded = round_network(floats, BITS)

# %% [markdown]
# ## Fine-tuned on the grid of 4 bits
#
# Training starts from the trained floats, and its forward pass uses 4 bits.  Each layer is first scaled by the power of two
# with the smallest rounding error, which may clip a few large weights.  Delays stay as they are
# (`delay.harden_at = delay.freeze_at = 0`), so that every epoch can be exported.  The learning rate is an eighth of the first
# one.  `init_from` also takes the run folder, an artifact, or the rounded network itself.

# %%
fine = [
    f"train.weight_bits={BITS}",
    f"train.epochs={fine_epochs}",
    "train.learning_rate=0.005",
    "delay.harden_at=0.0",
    "delay.freeze_at=0.0",
]
myelin.fit("demo", words, OUT / "fine", init_from=floats, overrides=[*size, *fine], say=print)

# %% [markdown]
# ## Word by word
#
# All three are integer networks, as on the chip.

# %%
test = load("builtin", "test")
data = record["config"]["data"]
frames = test.bin(np.arange(len(test)), data["steps"], data["step_ms"], data["channels"], max_count=15).frames
networks = {
    "8 bits": myelin.read(OUT / "run").network,
    f"{BITS} bits, rounded": rounded,
    f"{BITS} bits, fine-tuned": myelin.read(OUT / "fine").network,
}
right = {name: myelin.simulate(network, frames).prediction == test.labels for name, network in networks.items()}
for name, answers in right.items():
    print(f"{name:20} {100 * answers.mean():5.2f} % of {len(answers)} words")
first, plain, tuned = right.values()
for what, (before, after) in {"rounding": (first, plain), "fine-tuning": (plain, tuned)}.items():
    change, words = 100 * (after.mean() - before.mean()), (int((after & ~before).sum()), int((before & ~after).sum()))
    print(f"{what:20} {change:+.2f} points: {words[0]} words are right that were wrong, {words[1]} wrong that were right")
