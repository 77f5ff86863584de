# %% [markdown]
# # From snnTorch to the integers of Loihi 2
#
# A network of snnTorch, trained in snnTorch's own loop on the spoken digits that come with Myelin, becomes integers: weights of
# 8 bits, decays in 1/4096.  They are chosen on samples of the training set, without labels, so that the network spikes as
# before; then the integers are judged against snnTorch's own forward pass on voices that nothing was chosen on.
#
# `pip install snntorch nirtorch nir` brings what is needed beside Myelin.

# %%
from pathlib import Path

import numpy as np
import snntorch
import torch

import myelin
from myelin.train.datasets import load

OUT = Path("snntorch_output")
OUT.mkdir(exist_ok=True)
STEPS, STEP_MS, CHANNELS, CLASSES = 40, 20.0, 70, 10  # the ten English digits
torch.manual_seed(0)


def frames(data: myelin.SpikeDataset) -> torch.Tensor:
    """Spikes (samples, steps, channels)."""
    return torch.from_numpy(data.bin(np.arange(len(data)), STEPS, STEP_MS, CHANNELS, "binary").frames.astype(np.float32))


train, test = load("builtin", "train"), load("builtin", "test")
train, test = train.subset(train.labels < CLASSES), test.subset(test.labels < CLASSES)
x, y = frames(train), torch.from_numpy(train.labels.copy())
x_test, y_test = frames(test), test.labels

# %% [markdown]
# ## A snnTorch network and loop
#
# The chip resets to zero and gives a connection one step, so the neurons are built with `reset_mechanism="zero"`;
# `init_hidden=True` lets the module run step by step.

# %%
how = {"reset_mechanism": "zero", "init_hidden": True, "spike_grad": snntorch.surrogate.atan(alpha=2.0)}
net = torch.nn.Sequential(
    torch.nn.Linear(CHANNELS, 64),
    snntorch.Leaky(beta=0.8, **how),
    torch.nn.Linear(64, CLASSES),
    snntorch.Leaky(beta=0.95, **how),
)


def forward(samples: torch.Tensor) -> torch.Tensor:
    """Spikes (samples, steps, classes)."""
    for layer in net:
        if isinstance(layer, snntorch.Leaky):
            layer.reset_mem()
    return torch.stack([net(samples[:, t]) for t in range(samples.shape[1])], dim=1)


optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(4):
    right = 0
    for numbers in torch.randperm(len(x)).split(32):
        optimiser.zero_grad()
        counts = forward(x[numbers]).sum(dim=1)
        loss = torch.nn.functional.cross_entropy(counts, y[numbers])
        loss.backward()
        optimiser.step()
        right += int((counts.argmax(dim=1) == y[numbers]).sum())
    print(f"epoch {epoch}: {100 * right / len(x):.0f} % right in training")

# %% [markdown]
# ## Integers, artifact, verdict

# %%
net.eval()
network = myelin.from_torch(net, input_shape=(CHANNELS,), calibrate=x[:64], time_axis=1)
print(network)
artifact = myelin.export(
    network, OUT / "artifact", target="loihi2", inputs=x_test[:4], time_axis=1, classes=train.keys[:CLASSES]
)
print("\n".join(artifact.lines))


def snntorch_says(samples: torch.Tensor) -> np.ndarray:
    """Scores (samples, classes): the number of spikes, as snnTorch counts them."""
    with torch.no_grad():
        return forward(samples).sum(dim=1).numpy()


validation = myelin.validate(artifact, (x_test, y_test), reference=snntorch_says, max_drop=5.0, time_axis=1, lava_samples=2)
print("\n".join(validation.lines()))

# %% [markdown]
# The verdict may be "undecided": 240 words rule out a loss of more than about six points, not of five.  It says how many would.
