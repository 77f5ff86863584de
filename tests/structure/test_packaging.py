"""What people install: nothing but ``myelin``, and it works beside files that are called as its rooms are."""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import packaged
import pytest
from places import ROOT
from tiny_data import DENSE

from myelin.convert import write_netx
from myelin.lava_models import compat

pytestmark = [pytest.mark.subprocess, pytest.mark.lava, pytest.mark.training]  # builds wheels and runs what is in them

ROOMS = ("train", "convert", "lava_models", "hw_configs")
#: Endings of files that a wheel holds.
PACKAGED = (".py", ".toml", ".xz", ".c", ".h", ".ld")
#: Files that a user may well have; each raises when it is imported.
USERS_OWN = (*ROOMS, "tests", "report", "sweep", "validation", "commands", "backends")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return packaged.copy_checkout(tmp_path_factory.mktemp("copy") / "myelin checkout")  # a path with a space in it


@pytest.fixture(scope="module")
def wheel(copy, tmp_path_factory):
    return packaged.build("wheel", copy, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module", params=["checkout", "wheel"])
def place(request, tmp_path_factory):
    """What to put on Python's path: this checkout, or the folder that a wheel was unpacked into."""
    if request.param == "checkout":
        return ROOT
    return packaged.unpack(request.getfixturevalue("wheel"), tmp_path_factory.mktemp("installed"))


@pytest.fixture
def users(tmp_path):
    """A folder of the user's own files."""
    for name in USERS_OWN:
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('the user own {name}.py was imported')\n")
    return tmp_path


def test_a_wheel_holds_myelin_alone_with_its_data(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"myelin"}
    for room in (*ROOMS, "myelin"):
        here = {path.relative_to(ROOT) for path in (ROOT / room).rglob("*") if path.suffix in PACKAGED}
        assert here and {str(path if room == "myelin" else Path("myelin") / path) for path in here} <= names


def test_a_source_distribution_gives_the_same_wheel(copy, wheel, tmp_path):
    source = packaged.build("sdist", copy, tmp_path / "sdist")
    with tarfile.open(source) as archive:
        assert not [member.name for member in archive if member.issym() or member.islnk()]
        archive.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    again = packaged.build("wheel", folder, tmp_path / "again")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {name: one.read(name) for name in one.namelist()} == {name: other.read(name) for name in other.namelist()}


def test_a_clone_without_symbolic_links_works(copy, tmp_path):
    """Git on Windows writes where a link leads to as a text."""
    clone = tmp_path / "clone"
    shutil.copytree(copy, clone, symlinks=True)
    for room in ROOMS:
        (clone / "myelin" / room).unlink()
        (clone / "myelin" / room).write_text(f"../{room}")
    code = "import myelin.convert, myelin.train.config.files, myelin.hw_configs.target as t; print(t.__file__)"
    done = packaged.python("-c", code, place=clone, cwd=tmp_path)
    assert done.stdout.split() == [str(clone / "hw_configs" / "target.py")], done.stderr


SIMULATES = """
import sys
import numpy as np
import myelin
from myelin.convert import read_netx, simulate

network = read_netx("network.net")
spikes = np.ones((2, 9, 2), np.uint8)
output = simulate(network, spikes).output
assert output.any()
if sys.argv[1:]:
    from myelin.lava_models import run

    assert np.array_equal(run(network, spikes[:1]).output, output[:1])
print(myelin.__file__)
"""


def test_a_script_beside_files_of_our_names(place, users, small):
    """In the script's process, and in Lava's."""
    write_netx(small, users / "network.net")
    (users / "script.py").write_text(SIMULATES)
    done = packaged.python("script.py", *([] if compat.missing() else ["lava"]), place=place, cwd=users)
    assert done.stdout.split() == [str(place / "myelin" / "__init__.py")], done.stderr


def test_the_command_line_beside_files_of_our_names(place, users, small):
    write_netx(small, users / "network.net")
    done = packaged.python("-m", "myelin", "check", "network.net", "--target", "cpu", place=place, cwd=users)
    assert done.returncode == 0, done.stderr
    script = Path(sys.executable).with_name("myelin")
    if script.exists():  # installed, as `make` does
        again = packaged.python("check", "network.net", "--target", "cpu", place=place, cwd=users, program=str(script))
        assert (again.returncode, again.stdout) == (0, done.stdout), again.stderr


# these two train, which takes seconds: one from the checkout, one from the wheel


def test_processes_of_a_launcher_beside_files_of_our_names(users, tiny):
    (users / "tiny.toml").write_text(DENSE)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1", "-m", "myelin")
    what = ("train", "tiny.toml", "--data", tiny.data, "--out", "run", "--quiet")
    done = packaged.python(*launcher, *what, place=ROOT, cwd=users)
    assert done.returncode == 0 and (users / "run" / "model.safetensors").is_file(), done.stderr


def test_processes_of_a_sweep_beside_files_of_our_names(wheel, users, tiny, tmp_path_factory):
    installed = packaged.unpack(wheel, tmp_path_factory.mktemp("installed"))
    (users / "tiny.toml").write_text(DENSE)
    (users / "sweep.toml").write_text('base = "tiny.toml"\nseeds = [0]\n[[case]]\nname = "alone"\n')
    what = ("sweep", "sweep.toml", "--data", tiny.data, "--out", "sweeps")
    done = packaged.python("-m", "myelin", *what, place=installed, cwd=users)
    assert done.returncode == 0 and "alone" in done.stdout, done.stderr
