"""Every command in every situation that a path can bring: one message, exit code 2, nothing changed, no traceback, no wait.

Each place for a path in each command gets each kind of wrong path.  MYELIN_EVERY_SITUATION=1 tries them all; the suite tries
one in some, another share for each command, so that it stays fast.
"""

from __future__ import annotations

import itertools
import os
import shutil
import time
import wave

import numpy as np
import pytest
from small_network import answered, shd_file, small_network
from tiny_data import DENSE

from myelin.convert import write_netx

EVERY = os.environ.get("MYELIN_EVERY_SITUATION") == "1"
pytestmark = [
    *([pytest.mark.timeout(7200)] if EVERY else []),  # all of them take longer than a test may
    pytest.mark.skipif(os.name != "posix", reason="pipes, devices and links are those of POSIX"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SHARE = 1 if EVERY else 17
FRAMES = ("--steps", "25", "--step-ms", "1")
SAMPLES = ("--data", "?data", *FRAMES)
#: A word that begins with ? is a file to read, one that begins with ! a file to write, and with / a folder to write.
COMMANDS = {
    "check": ("check", "?a.net", "--target", "?t.toml", *SAMPLES, "--json", "!o.json"),
    "profile": ("profile", "?a.net", *SAMPLES, "--samples", "1", "--json", "!o.json", "--plot", "!o.png"),
    "map": ("map", "?a.net", "--target", "?t.toml", *SAMPLES, "--samples", "1", "--json", "!o.json", "--plot", "!o.png"),
    "explore": ("explore", "?a.net", *SAMPLES, "--json", "!o.json"),
    "simulate": ("simulate", "?a.net", *SAMPLES, "--json", "!o.json"),
    "diff": ("diff", "?a.net", "?b.net", "--density", "0.5", "--json", "!o.json", "--plot", "!o.png"),
    "export": ("export", "?a.net", "--target", "?t.toml", *SAMPLES, "--out", "/oart", "--json", "!o.json"),
    "export as C": ("export", "?a.net", "--target", "c99", *SAMPLES, "--out", "/oc", "--json", "!o.json"),
    "convert to NIR": ("convert", "?a.net", "!o.nir", "--json", "!o.json"),
    "convert to netx": ("convert", "?a.nir", "!o.net", "--json", "!o.json"),
    "nir export": ("nir", "export", "?a.net", "--out", "!o.nir", "--json", "!o.json"),
    "nir import": ("nir", "import", "?a.nir", "--out", "!o.net", "--json", "!o.json"),
    "quantise": ("quantise", "?a.nir", *SAMPLES, "--target", "?t.toml", "--artifact", "/oart", "--out", "!o.net"),
    "validate": ("validate", "?a.net", *SAMPLES, "--reference", "?ref.npz", "--lava-samples", "0", "--json", "!o.json"),
    "report": ("report", "?a.net", "--target", "?t.toml", "--mapping", "?m.json", "--run", "?run", "--out", "!o.html"),
    "train": ("train", "?d.toml", "--data", "?data", "--init-from", "?a.net", "--out", "/orun", "--json", "!o.json"),
    "config": ("config", "?d.toml", "--json", "!o.json"),
    "experiments": ("experiments", "--json", "!o.json"),
    "targets": ("targets", "--json", "!o.json"),
    "sweep": ("sweep", "?s.toml", "--data", "?data", "--out", "/osweep", "--only-table"),
    "encode": ("encode", "?words", "--labels", "?m.csv", "--channels", "140", "--out", "!o.h5"),
    "board": ("board", "?art", "--host", "nowhere.invalid"),
}
#: Kinds of paths to read from that are none of a command's.
READ = (
    "nowhere", "empty", "folder", "pipe", "text", "bytes", "circle", "dangling", "x" * 300, "/".join(["y" * 200] * 30),
    "text/x",
    "/dev/null", "/dev/full", "/dev/zero", "/proc/self/mem", "zip", "hdf5", "nested", "null", os.fsdecode(b"\xff\xfe"), "", "-",
)  # fmt: skip
#: Kinds of paths that cannot be written to.
WRITE = ("text/x", "circle", "x" * 300, "/".join(["y" * 200] * 30), "/proc/nothing/x", "/sys/x", "/dev/full", "", "full")
WRITE_FILE, WRITE_FOLDER = (*WRITE, "folder"), (*WRITE, "text")


def cases():
    """(name, words of the command, place of the path, wrong path), a share of them that differs from command to command."""
    kinds = {"?": READ, "!": WRITE_FILE, "/": WRITE_FOLDER}
    number = itertools.count()
    for name, words in COMMANDS.items():
        for place, word in enumerate(words):
            for wrong in kinds.get(word[:1], ()) if place else ():
                if words[0] == "config" and wrong in ("empty", "/dev/null"):
                    continue  # all keys have their defaults
                if next(number) % SHARE == 0:
                    label = wrong.replace("/", "_")[:12].encode(errors="replace").decode()
                    marks = [pytest.mark.lava] if name == "board" else []
                    yield pytest.param(words, place, wrong, id=f"{name}: {word[1:]} is {label or 'nothing'}", marks=marks)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with what the commands read, and with paths that are wrong."""
    pytest.importorskip("nir")
    import myelin

    base = tmp_path_factory.mktemp("world")
    network = small_network()
    write_netx(network, base / "a.net")
    write_netx(small_network(1), base / "b.net")
    myelin.write_nir(network, base / "a.nir")
    (base / "data").mkdir()
    shd_file(answered(network, samples=8), base / "data" / "x_test.h5")
    shd_file(answered(network, samples=8, seed=3), base / "data" / "x_train.h5")
    np.savez(base / "ref.npz", predictions=answered(network, samples=8).classes)
    (base / "d.toml").write_text(DENSE)
    (base / "s.toml").write_text('base = "d.toml"\nseeds = [0]\n')
    limit = 'delay_steps_max = { value = 62, source = "made up" }\n'
    (base / "t.toml").write_text(f'name = "mine"\ntitle = "Mine"\n[limits]\n{limit}')
    (base / "words").mkdir()
    with wave.open(str(base / "words" / "one_a_1.wav"), "wb") as file:
        file.setparams((1, 2, 12000, 0, "NONE", ""))
        file.writeframes(bytes(12000))
    (base / "m.csv").write_text("file,label\none_a_1.wav,one\n")
    (base / "m.json").write_text("{}")
    for name in ("run", "art", "folder"):
        (base / name).mkdir()
    for name, content in {
        "empty": b"", "text": b"precious\n" * 20, "bytes": bytes(range(256)) * 40, "zip": b"PK\x03\x04" + bytes(50),
        "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100), "nested": b"[" * 100000, "null": b"a\0b",
    }.items():  # fmt: skip
        (base / name).write_bytes(content)
    os.mkfifo(base / "pipe")
    (base / "circle").symlink_to(base / "circle")
    (base / "dangling").symlink_to(base / "gone")
    (base / "full").symlink_to("/dev/full")
    return base


def content(folder):
    files = (path for path in folder.rglob("*") if not path.is_fifo())
    return {path: path.read_bytes() if path.is_file() else path.is_dir() for path in files}


def test_every_command_is_there():
    from myelin.cli import build_parser

    (commands,) = (action for action in build_parser()._actions if action.choices)
    assert set(commands.choices) == {words[0] for words in COMMANDS.values()} | {"demo", "doctor", "completion"}


@pytest.mark.parametrize(("words", "place", "wrong"), [*cases()])
def test_one_message(words, place, wrong, world, main, capsys, monkeypatch):
    monkeypatch.chdir(world)
    if wrong.startswith("/") and not os.path.exists(os.path.dirname(wrong)) and "/proc" not in wrong:
        pytest.skip(f"this system has no {wrong}")
    arguments = [word[1:] if word[:1] in "?!/" and index else word for index, word in enumerate(words)]
    arguments[place] = wrong
    before, started = content(world), time.monotonic()
    capsys.readouterr()
    code = main(*arguments)
    shown = capsys.readouterr().err
    made = sorted(path.name for path in world.glob("o*"))  # where one output cannot be written, another one may be
    for path in world.glob("o*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    told = [line for line in shown.replace("\r", "\n").splitlines() if line.startswith("myelin: ")]
    assert (code, len(told), "Traceback" in shown) == (2, 1, False), shown
    assert content(world) == before
    assert not made or not words[place].startswith("?"), shown
    assert time.monotonic() - started < 100  # a machine under load compiles for long
