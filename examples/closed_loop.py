# %% [markdown]
# # A closed loop, one step at a time
#
# A robot turns its head towards a sound.  Sound from one side reaches the nearer ear first.  Nine neurons find out by how
# much: neuron k hears the left ear k steps late and the right ear 8 - k steps late, and spikes only if both arrive in the same
# step (Jeffress 1948).  What the head does next depends on the spikes, and what the ears hear next depends on the head, so the
# network runs step by step: `Simulator.step` equals the whole run in every integer.

# %%
import time
from pathlib import Path

import numpy as np

import myelin
from myelin.convert.layers import Dense
from myelin.convert.neurons import Cuba

OUT = Path("closed_loop_output")
OUT.mkdir(exist_ok=True)
DETECTORS = 9

# %% [markdown]
# ## The network
#
# Two inputs, nine neurons, one delay for every synapse.  A single spike of weight 40 stays below the threshold of 64, two in
# the same step exceed it.  Decays are in 1/4096; of a voltage the chip can lose at most 4095 of 4096 in a step.

# %%
steps_late = np.stack([np.arange(DETECTORS), np.arange(DETECTORS)[::-1]], axis=1)  # (neuron, ear)
synapse = Dense(np.full((DETECTORS, 2), 40), delay_steps=steps_late)
detectors = myelin.Layer((DETECTORS,), synapse, Cuba(threshold=64, current_decay=4096, voltage_decay=4095))
network = myelin.Network(myelin.Input((2,)), (detectors,))
print(network)
violations = myelin.check(network, "loihi2")["violations"]
assert not violations, violations


# %% [markdown]
# ## The loop
#
# The sound clicks every 20 steps.  A spike of neuron k says that the right ear heard the click 2 k - 8 steps after the left
# one, so the sound is to the left if k > 4, and the head turns there.


# %%
def arrival_steps(angle: float) -> tuple[int, int]:
    """Steps after which a click from ``angle`` (degrees, positive to the left of the nose) reaches the left and right ear."""
    lag = 2 * round(4 * np.sin(np.radians(angle)))
    return max(0, -lag), max(0, lag)


simulator = myelin.Simulator(network)
source, head = 70.0, 0.0
frames, angles, seconds = [], [], []
clicks: dict[int, set[int]] = {}
for step in range(600):
    if step == 300:
        source = -60.0  # the sound jumps to the other side
    if step % 20 == 0:
        for ear, late in enumerate(arrival_steps(source - head)):
            clicks.setdefault(step + late, set()).add(ear)
    frame = np.array([ear in clicks.get(step, ()) for ear in (0, 1)], np.uint8)
    began = time.perf_counter()
    spikes = simulator.step(frame)
    seconds.append(time.perf_counter() - began)
    for k in np.flatnonzero(spikes):
        head += 4.0 * (k - 4)  # a small turn; the loop does the rest
    frames.append(frame)
    angles.append((source, head))

angles_degrees = np.array(angles)
print(f"the head ends at {head:.0f} degrees, the sound is at {source:.0f}; {1e6 * np.median(seconds):.0f} us a step")
assert abs(head - source) < 10

# %% [markdown]
# ## The same spikes at once
#
# What the loop heard, run as a whole: equal in every value.

# %%
whole = myelin.simulate(network, np.stack(frames)[np.newaxis], time_axis=1)
simulator.reset()
assert all(np.array_equal(simulator.step(frame), whole.output[0, t]) for t, frame in enumerate(frames))
print(f"{whole.output.sum()} spikes in {len(frames)} steps, step by step and at once")

# %%
from matplotlib.figure import Figure  # noqa: E402

figure = Figure(figsize=(7, 3), layout="constrained")
axes = figure.subplots()
axes.plot(angles_degrees[:, 0], color="0.6", label="sound")
axes.plot(angles_degrees[:, 1], color="#0b6e8a", label="head")
axes.set(xlabel="step", ylabel="degrees to the left")
axes.legend()
figure.savefig(OUT / "head.png", dpi=150)
