# %% [markdown]
# # A lava-dl network to a validated artifact
#
# A network of lava-dl's own SLAYER blocks with learned axonal delays, trained in a loop as in lava-dl's tutorials.  Its
# integers are read from the blocks, run, judged and written; nothing is retrained.
#
# The task is about time alone: in every sample each of 40 channels spikes about once, and only *when* tells the class.

# %%
from pathlib import Path

import numpy as np
import torch

import myelin

slayer = myelin.slayer  # lava-dl, made importable on today's Python
OUT = Path("lava_dl_output")
OUT.mkdir(exist_ok=True)
STEPS, CHANNELS, CLASSES = 40, 40, 8
torch.manual_seed(0)
when = np.random.default_rng(0).integers(0, 30, (CLASSES, CHANNELS))  # the step of each channel's spike, by class


# %%
def samples(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Spikes (samples, channels, steps), as SLAYER takes them, with jitter and noise; and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    spikes = rng.random((count, CHANNELS, STEPS)) < 0.02
    jitter = rng.normal(0, 1.5, (count, CHANNELS)).round().astype(int)
    spikes[np.arange(count)[:, np.newaxis], np.arange(CHANNELS), np.clip(when[labels] + jitter, 0, STEPS - 1)] = True
    return torch.from_numpy(spikes.astype(np.float32)), torch.from_numpy(labels)


x, y = samples(400, seed=1)
x_test, y_test = samples(480, seed=2)

# %% [markdown]
# ## The blocks and the loop of a lava-dl user

# %%
neuron = {
    "threshold": 1.0,
    "current_decay": 0.5,
    "voltage_decay": 0.1,
    "tau_grad": 1.0,
    "scale_grad": 1.0,
    "requires_grad": False,
}
net = torch.nn.Sequential(
    slayer.block.cuba.Dense(neuron, CHANNELS, 64, delay=True),
    slayer.block.cuba.Dense(neuron, 64, CLASSES),
)
net(x[:1])  # lava-dl makes its delays when it first sees spikes, all of them 0
delays = net[0].delay.delay
delays.data = 10 * torch.rand(64)
weights = [parameter for name, parameter in net.named_parameters() if "delay" not in name]
optimiser = torch.optim.Adam([{"params": weights, "lr": 0.01}, {"params": delays, "lr": 0.1}])
for epoch in range(4):
    right = 0
    for numbers in torch.randperm(len(x)).split(16):
        optimiser.zero_grad()
        counts = net(x[numbers]).sum(dim=2)  # (batch, classes)
        loss = torch.nn.functional.cross_entropy(counts, y[numbers])
        loss.backward()
        optimiser.step()
        right += int((counts.argmax(dim=1) == y[numbers]).sum())
    print(f"epoch {epoch}: {100 * right / len(x):.0f} % right in training")

# %% [markdown]
# ## Integers, artifact, verdict
#
# SLAYER rounds weights to 8 bits in its forward pass and delays down to whole steps; the same integers are read here.
# `compare` runs SLAYER and the integers on the same samples.

# %%
net.eval()
network = myelin.from_torch(net, input_shape=(CHANNELS,))
comparison = myelin.compare(net, network, x_test[:32], time_axis=-1)
print(comparison)
assert comparison.equal
artifact = myelin.export(
    network,
    OUT / "artifact",
    target="loihi2",
    inputs=x_test[:4],
    time_axis=-1,
    classes=[f"pattern {number}" for number in range(CLASSES)],
)
print("\n".join(artifact.lines))
validation = myelin.validate(artifact, (x_test, y_test), reference=net, max_drop=2.0, time_axis=-1)
print("\n".join(validation.lines()))
assert not validation.failures
