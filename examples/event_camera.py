# %% [markdown]
# # From your own torch module to an artifact for Loihi 2
#
# An event camera sees a bar that moves in one of four directions.  A module of your own, trained in your own loop, learns
# which; its delays are learnt too.  It becomes integers, which are compared with the module value by value, judged on other
# samples, and written as an artifact: a folder with the network, real inputs with their exact outputs, and hashes.

# %%
from pathlib import Path

import numpy as np
import torch

import myelin

OUT = Path("event_camera_output")
OUT.mkdir(exist_ok=True)
CLASSES = ("right", "left", "down", "up")
SHAPE, STEPS = (2, 34, 34), 30  # polarity, height, width
torch.manual_seed(0)


# %% [markdown]
# Recordings as tonic and other packages give them: one structured array of events (x, y, polarity, time in microseconds) each.
# The leading edge of the bar switches pixels on, the trailing edge switches them off.


# %%
def recording(label: int, rng: np.random.Generator) -> np.ndarray:
    """Events of a bar that crosses the camera in 300 ms, on top of noise."""
    width, start = rng.integers(2, 5), rng.integers(-4, 4)
    events = [(*rng.integers(0, 34, 2), rng.integers(2), rng.integers(300_000)) for _ in range(400)]  # noise
    for place in range(-start, 34 + width):
        for polarity, edge in ((1, place), (0, place - width)):
            along = edge if label in (0, 2) else 33 - edge
            time = int((place + start) * 8_000 + rng.integers(2_000))
            if 0 <= edge < 34 and 0 <= time < 300_000:
                across = rng.permutation(34)[:8]
                events += [(along, a, polarity, time) if label < 2 else (a, along, polarity, time) for a in across]
    return np.sort(np.array(events, dtype=[("x", "i2"), ("y", "i2"), ("p", "i1"), ("t", "i8")]), order="t")


def recordings(count: int, seed: int) -> myelin.SpikeDataset:
    """``count`` recordings with their directions, as a data set."""
    rng = np.random.default_rng(seed)
    labels = [number % 4 for number in range(count)]
    return myelin.SpikeDataset.from_torch(
        [(recording(label, rng), label) for label in labels],
        shape=SHAPE,
        time_unit="us",
        keys=CLASSES,
        name=f"moving bars, seed {seed}",
    )


train, test = recordings(160, seed=1), recordings(80, seed=2)


def frames(data: myelin.SpikeDataset, numbers: np.ndarray) -> torch.Tensor:
    """Spikes (batch, 2, 34, 34, steps) in steps of 10 ms."""
    binned = data.bin(numbers, STEPS, 10.0, SHAPE, "binary").frames  # (batch, steps, 2, 34, 34)
    return torch.from_numpy(np.moveaxis(binned, 1, -1).astype(np.float32))


# %% [markdown]
# ## The module, and a loop of one's own
#
# `delay=True` gives each channel of the convolution a learnable delay, the recurrence has one for each neuron.  The schedule
# spreads delays over neighbouring steps at first, so that they can move; then it rounds and at last freezes them.

# %%
net = torch.nn.Sequential(
    myelin.nn.Conv(2, 8, 5, input_shape=SHAPE, stride=4, delay=True, max_delay=15),
    myelin.nn.DelayedRecurrent(8 * 8 * 8, 64, recurrent="conv", max_delay=15),
    myelin.nn.Readout(64, len(CLASSES)),
)
EPOCHS = 3
schedule = myelin.nn.DelaySchedule(net, epochs=EPOCHS)
optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
labels = torch.from_numpy(train.labels.copy())
rng = np.random.default_rng(0)
for epoch in range(EPOCHS):
    schedule.step(epoch)
    right = 0
    for numbers in np.array_split(rng.permutation(len(train)), 10):
        optimiser.zero_grad()
        output = net(frames(train, numbers))  # (batch, 4, steps)
        loss = torch.nn.functional.cross_entropy(output.mean(dim=2), labels[numbers])
        loss.backward()
        optimiser.step()
        right += int((output.mean(dim=2).argmax(dim=1) == labels[numbers]).sum())
    print(f"epoch {epoch}: {100 * right / len(train):.0f} % right")

# %% [markdown]
# ## Integers
#
# The blocks were trained on the chip's grid, so the integers are read, not chosen.  `compare` runs both on the same samples.

# %%
net.eval()
network = myelin.from_torch(net, input_shape=SHAPE)
x_test, y_test = frames(test, np.arange(len(test))), test.labels
comparison = myelin.compare(net, network, x_test[:16])
print(comparison)
assert comparison.equal

# %% [markdown]
# ## The artifact, and its verdict on samples that nothing was chosen on
#
# Three recordings also run in Lava, which takes a second or two for each.  The report shows the validation that there is.

# %%
artifact = myelin.export(network, OUT / "artifact", target="loihi2", inputs=x_test[:4], classes=CLASSES)
print("\n".join(artifact.lines))
validation = myelin.validate(artifact, (x_test, y_test), reference=net, max_drop=5.0, lava_samples=3)
print("\n".join(validation.lines()))
report = myelin.write_report(artifact, (x_test, y_test), OUT / "report.html", reference=net, stages={"validation": validation})
print("\n".join(report.lines()))
assert not validation.failures
