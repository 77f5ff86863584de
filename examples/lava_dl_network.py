# %% [markdown]
# # A lava-dl network to a validated artifact
#
# A network of lava-dl's own SLAYER blocks with learned axonal delays, trained in a loop as in lava-dl's tutorials, on the
# spoken digits that come with Myelin.  Its integers are read from the blocks, run, judged and written; nothing is retrained.

# %%
from pathlib import Path

import numpy as np
import torch

import myelin
from myelin.train.datasets import load

slayer = myelin.slayer  # lava-dl, made importable on today's Python
OUT = Path("lava_dl_output")
OUT.mkdir(exist_ok=True)
STEPS, STEP_MS, CHANNELS = 50, 20.0, 70
torch.manual_seed(0)

# %%
train = load("builtin", "train")
test = load("builtin", "test")


def frames(data: myelin.SpikeDataset) -> torch.Tensor:
    """Spikes (samples, channels, steps), as SLAYER takes them."""
    binned = data.bin(np.arange(len(data)), STEPS, STEP_MS, CHANNELS, "binary").frames
    return torch.from_numpy(np.moveaxis(binned, 1, -1).astype(np.float32))


x, y = frames(train), torch.from_numpy(train.labels.copy())
x_test, y_test = frames(test), test.labels
print(f"{len(x)} samples to train on, {len(x_test)} to report on, {train.classes} classes")

# %% [markdown]
# ## The blocks and the loop of a lava-dl user

# %%
neuron = {
    "threshold": 1.0,
    "current_decay": 0.25,
    "voltage_decay": 0.05,
    "tau_grad": 0.5,
    "scale_grad": 1.0,
    "requires_grad": False,
}
net = torch.nn.Sequential(
    slayer.block.cuba.Dense(neuron, CHANNELS, 64, weight_scale=2, delay=True),
    slayer.block.cuba.Dense(neuron, 64, 64, weight_scale=2, delay=True),
    slayer.block.cuba.Dense(neuron, 64, train.classes, weight_scale=2),
)
delays = [block.delay.delay for block in net[:2]]
with torch.no_grad():
    for delay in delays:
        delay.data = 10 * torch.rand(64)  # lava-dl starts every delay at 0
weights = [parameter for name, parameter in net.named_parameters() if "delay" not in name]
optimiser = torch.optim.Adam([{"params": weights, "lr": 3e-3}, {"params": delays, "lr": 0.1}])
for epoch in range(4):
    right = 0
    order = torch.randperm(len(x))
    for numbers in order.split(64):
        optimiser.zero_grad()
        spikes = net(x[numbers])  # (batch, classes, steps)
        loss = torch.nn.functional.cross_entropy(spikes.sum(dim=2), y[numbers])
        loss.backward()
        optimiser.step()
        right += int((spikes.sum(dim=2).argmax(dim=1) == y[numbers]).sum())
    print(f"epoch {epoch}: {100 * right / len(x):.0f} % right in training")

# %% [markdown]
# ## Integers, artifact, verdict
#
# SLAYER rounds weights to 8 bits in its forward pass and delays down to whole steps; the same integers are read here.
# `compare` runs SLAYER and the integers on the same samples.

# %%
net.eval()
network = myelin.from_torch(net, input_shape=(CHANNELS,))
comparison = myelin.compare(net, network, x_test[:32])
print(comparison)
assert comparison.equal
artifact = myelin.export(network, OUT / "artifact", target="loihi2", inputs=x_test[:4], classes=train.keys)
print("\n".join(artifact.lines))
validation = myelin.validate(artifact, (x_test, y_test), reference=net, max_drop=2.0)
print("\n".join(validation.lines()))
assert not validation.failures
