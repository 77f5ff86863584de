"""What somebody with an installed wheel does first, in the working directory; ``.ci/wheels.py`` runs it.

``python -I wheel_trial.py base|train|lava``: exit code 0 if all of it works; a failed command is shown with what it printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import myelin

#: Beside the Python that runs this: the installed program.
MYELIN = Path(sys.executable).with_name("myelin.exe" if os.name == "nt" else "myelin")
_SECONDS = 600
#: How the line begins that says how to install a part.
_LACKS = "{}, which is not installed; run `pip install 'myelin-loihi["
_SMALL = """
[data]
steps = 40
step_ms = 20.0
channels = 70
[[layers]]
neurons = 24
recurrent = "dense"
delay_per = "neuron"
[delay]
high = 12.0
[train]
epochs = 3
batch_size = 32
learning_rate = 0.01
"""


def command(*arguments: str, code: int = 0, says: str = "") -> str:
    """Run the program; its exit code must be ``code``, and its output, with what it writes to stderr, hold ``says``."""
    started = time.perf_counter()
    done = subprocess.run(
        [MYELIN, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
    )
    shown = f"myelin {' '.join(arguments)}"
    if done.returncode != code or says not in done.stdout:
        sys.exit(f"\n{shown}: exit code {done.returncode}, {code} with {says!r} is right:\n{done.stdout[-2000:]}")
    print(f"  {shown}: {time.perf_counter() - started:.1f} s", flush=True)
    return done.stdout


def base() -> None:
    """The plain install: integers from a file, and one line where a part is missing."""
    from myelin.convert import Cuba, DelayedRecurrent, Dense

    assert not Path(myelin.__file__).is_relative_to(Path(__file__).parents[1]), f"{myelin.__file__} is the checkout's"
    assert not {"torch", "numba", "lava"} & sys.modules.keys()
    command("--version", says=f"myelin {myelin.__version__}")
    command("experiments", says="demo")
    command("targets", says="loihi2")
    command("config", "demo", says="clip_norm")
    command("completion", "bash", says="myelin")
    command("doctor", code=1, says="simulator")  # Lava is not there

    rng = np.random.default_rng(1)
    recurrence = DelayedRecurrent(Dense(2 * rng.integers(-20, 20, (12, 12))), rng.integers(0, 5, 12))
    hidden = myelin.Layer((12,), Dense(2 * rng.integers(-30, 60, (12, 8))), Cuba(40, 1024, 512), recurrent=recurrence)
    output = myelin.Layer((3,), Dense(2 * rng.integers(-30, 40, (3, 12))), Cuba(30, 1024, 512))
    network = myelin.Network(myelin.Input((8,)), [hidden, output])
    myelin.write_netx(network, "small.net")
    frames = (rng.random((6, 30, 8)) < 0.3).astype(np.uint8)
    before = myelin.simulate(network, frames, time_axis=1).output
    assert before.any()

    command("convert", "small.net", "again.net")
    command("convert", "small.net", "small.nir", code=2, says=_LACKS.format("NIR files need the package nir"))
    command("check", "small.net", "--target", "loihi2")
    command("map", "small.net", "--target", "loihi2", "--steps", "30")
    command("export", "small.net", "--target", "loihi2", "--steps", "30", "--out", "art")
    np.testing.assert_array_equal(myelin.simulate(myelin.read("again.net"), frames, time_axis=1).output, before)
    np.testing.assert_array_equal(myelin.simulate(myelin.read("art"), frames, time_axis=1).output, before)

    events = myelin.SpikeDataset.from_dense(frames, np.arange(6) % 3, step_ms=1.0)
    events.save("data.npz")
    command("simulate", "art", "--data", "data.npz", says="accuracy")
    command("profile", "art", "--data", "data.npz")
    command("report", "art", "--out", "report.html")
    assert Path("report.html").stat().st_size > 10_000
    command("train", "demo", "--data", "builtin", "--out", "run", code=2, says=_LACKS.format("the package torch"))


def train() -> None:
    """With the extra ``train``: few samples, three epochs, export, validation; and a torch module of one's own."""
    import torch

    data = myelin.load_data("builtin", "train")
    few = data.subset(range(0, len(data), 10))
    few.save("few.npz")
    Path("small.toml").write_text(_SMALL, encoding="utf-8")
    command("train", "small.toml", "--data", "few.npz", "--out", "run", "--quiet")
    command("export", "run", "--target", "loihi2", "--data", "few.npz", "--out", "art")
    command("validate", "art", "--data", "few.npz", "--max-drop", "100", says="PASS")
    command("report", "art", "--data", "few.npz", "--out", "report.html")

    frames = torch.as_tensor(few.bin(range(40), 40, 20.0, 70, "binary").frames.copy()).float().transpose(1, 2)
    net = torch.nn.Sequential(myelin.nn.DelayedRecurrent(70, 16, delay=True, max_delay=10), myelin.nn.Readout(16, 20))
    schedule, optimiser = myelin.nn.DelaySchedule(net, epochs=3), torch.optim.Adam(net.parameters(), lr=1e-2)
    labels = torch.as_tensor(few.labels[:40].copy())
    for epoch in range(3):
        schedule.step(epoch)
        torch.nn.functional.cross_entropy(net(frames).mean(dim=2), labels).backward()
        optimiser.step()
        optimiser.zero_grad()
    integers = myelin.from_torch(net.eval(), input_shape=(70,))
    assert myelin.compare(net, integers, frames[:4]).equal
    print("  a torch module and its integers are equal", flush=True)


def lava() -> None:
    """With Lava: every backend of the CPU works, and Lava's spikes are the simulator's."""
    train()
    command("doctor", says="works  Lava on the CPU")
    command("validate", "art", "--data", "few.npz", "--max-drop", "100", "--lava-samples", "2", says="PASS")


if __name__ == "__main__":
    {"base": base, "train": train, "lava": lava}[sys.argv[1]]()
