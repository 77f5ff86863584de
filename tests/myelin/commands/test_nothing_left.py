"""A command that is refused leaves nothing behind: no folder for its output, no lock, no temporary file, no cache."""

from __future__ import annotations

import wave

import pytest
from small_network import answered, shd_file, small_network
from tiny_data import DENSE

from myelin.convert import write_netx

OUT = "new/er/out"
SAMPLES = ("--data", "gone", "--steps", "9", "--step-ms", "1")
REFUSED = {
    "demo": ("demo", "--epochs", "1", "--out", OUT),
    "train, configuration": ("train", "d.toml", "--data", "data", "--set", "train.epochs=0", "--out", OUT),
    "train, epochs": ("train", "d.toml", "--data", "data", "--set", "train.epochs=1", "--out", OUT),
    "train, data": ("train", "d.toml", "--data", "gone", "--out", OUT),
    "train, channels": ("train", "d.toml", "--data", "data", "--set", "data.channels=4", "--out", OUT),
    "train, nothing to resume": ("train", "d.toml", "--data", "gone", "--resume", "--out", OUT),
    "train, start": ("train", "d.toml", "--data", "data", "--init-from", "b.net", "--out", OUT),
    "sweep, configuration": ("sweep", "s.toml", "--data", "data", "--out", OUT),
    "sweep, data": ("sweep", "good.toml", "--data", "gone", "--out", OUT),
    "sweep, no runs": ("sweep", "good.toml", "--data", "data", "--only-table", "--out", OUT),
    "export, inputs": ("export", "a.net", "--target", "loihi2", *SAMPLES, "--out", OUT),
    "export, target": ("export", "a.net", "--target", "loihi9", "--out", OUT),
    "export, rules": ("export", "a.net", "--target", "tight.toml", "--out", OUT),
    "encode, folder": ("encode", "empty", "--out", f"{OUT}.h5"),
    "encode, labels": ("encode", "words", "--labels", "gone.csv", "--out", f"{OUT}.h5"),
    "encode, one word": ("encode", "words", "--out", f"{OUT}.h5"),
    "report": ("report", "a.net", "--validation", "d.toml", "--out", f"{OUT}.html"),
    "report, run": ("report", "a.net", "--run", "data", "--out", f"{OUT}.html"),
    "quantise": ("quantise", "a.net", "--data", "gone", "--target", "loihi2", "--out", f"{OUT}.net", "--artifact", OUT),
    "convert": ("convert", "broken.net", f"{OUT}.nir"),
    "nir import": ("nir", "import", "broken.net", "--out", f"{OUT}.net"),
    "simulate": ("simulate", "a.net", *SAMPLES, "--json", f"{OUT}.json"),
    "profile": ("profile", "a.net", *SAMPLES, "--json", f"{OUT}.json", "--plot", f"{OUT}.png"),
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    pytest.importorskip("nir")
    base = tmp_path_factory.mktemp("refused")
    network = small_network()
    write_netx(network, base / "a.net")
    write_netx(small_network(1, classes=2), base / "b.net")
    (base / "broken.net").write_bytes((base / "a.net").read_bytes()[:900])
    for name in ("data", "empty", "words", "cache"):
        (base / name).mkdir()
    shd_file(answered(network, samples=8), base / "data" / "x_train.h5")
    (base / "d.toml").write_text(DENSE)
    (base / "good.toml").write_text('base = "d.toml"\nseeds = [0]\n')
    (base / "s.toml").write_text('base = "d.toml"\nseeds = [0]\n[set]\n"train.epochs" = 0\n')
    limit = 'delay_steps_max = { value = 0, source = "made up" }\n'
    (base / "tight.toml").write_text(f'name = "mine"\ntitle = "Mine"\n[limits]\n{limit}')
    with wave.open(str(base / "words" / "one_a_1.wav"), "wb") as file:
        file.setparams((1, 2, 12000, 0, "NONE", ""))
        file.writeframes(bytes(12000))
    return base


@pytest.mark.parametrize("words", REFUSED.values(), ids=REFUSED)
def test_nothing_is_left(words, world, main, capsys, monkeypatch):
    monkeypatch.chdir(world)
    monkeypatch.setenv("XDG_CACHE_HOME", str(world / "cache"))
    before = sorted(world.rglob("*"))
    code = main(*words)
    shown = capsys.readouterr().err
    assert code in (1, 2) and "Traceback" not in shown, shown
    assert (code == 1) == ("does not hold" in shown), shown
    assert sorted(world.rglob("*")) == before, shown
