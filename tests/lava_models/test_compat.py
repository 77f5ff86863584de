"""The shims: each is needed (its test fails once upstream is), each works, and what is missing is said in one message."""

import re
import subprocess
import sys

import pytest
from places import ROOT

from myelin import lava_models
from myelin.convert import Cuba, Dense, Input, Layer, Network
from myelin.hw_configs.errors import BackendError
from myelin.lava_models import compat

pytestmark = [pytest.mark.lava, pytest.mark.subprocess]

needs_lava = pytest.mark.skipif(bool(compat.missing()), reason="lava-nc is not installed")
needs_slayer = pytest.mark.skipif(bool(compat.missing(slayer=True)), reason="lava-dl is not installed")
WITHOUT_VISION = "import sys; sys.modules['torchvision'] = None\n"


def python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_importing_the_package_imports_nothing_of_lava():
    code = "import myelin.lava_models, sys; print([m for m in sys.modules if m.split('.')[0] in ('lava', 'torch')])"
    assert python(code).stdout.strip() == "[]"


@needs_lava
def test_upstream_still_needs_the_dataclass_shim():
    result = python("import lava.magma.compiler.var_model")
    assert result.returncode != 0, "lava-nc imports on this Python: drop compat._allow_unhashable_defaults"
    assert "mutable default" in result.stderr and "ByteEncoder" in result.stderr


USES_A_LOCK = "import multiprocessing; multiprocessing.set_start_method('fork')\n"
IMPORTS_MESSAGES = "import lava.magma.runtime.message_infrastructure.multiprocessing; print('imported')"


@needs_lava
def test_upstream_still_needs_the_start_method_freed():
    skip = "from myelin.lava_models import compat; compat._free_start_method = lambda: None; compat.prepare()\n"
    result = python(USES_A_LOCK + skip + IMPORTS_MESSAGES)
    assert result.returncode != 0, "lava-nc accepts a start method that is set: drop compat._free_start_method"
    assert "context has already been set" in result.stderr


@needs_lava
def test_prepare_frees_the_start_method():
    result = python(
        USES_A_LOCK + "from myelin.lava_models import compat; compat.prepare(); compat.prepare()\n" + IMPORTS_MESSAGES
    )
    assert result.stdout.strip() == "imported", result.stderr


@needs_slayer
def test_upstream_still_needs_the_object_detection_shim():
    result = python(WITHOUT_VISION + "from myelin.lava_models import compat; compat.prepare()\nimport lava.lib.dl.slayer")
    assert result.returncode != 0, "SLAYER imports without torchvision: drop compat._skip_object_detection"
    assert "object_detection" in result.stderr


@needs_lava
def test_prepare_makes_lava_importable_and_leaves_dataclasses_alone():
    result = python(
        "import dataclasses; before = dataclasses.dataclass\n"
        "from myelin.lava_models import compat; compat.prepare(); compat.prepare()\n"
        "assert dataclasses.dataclass is before\n"
        "from lava.magma.compiler.var_model import CoreEncoder; assert CoreEncoder().x.base == 0\n"
        "from lava.proc.lif.process import LIF; print('imported')"
    )
    assert result.stdout.strip() == "imported", result.stderr


@needs_slayer
def test_prepare_makes_slayer_and_netx_importable_without_torchvision():
    result = python(
        WITHOUT_VISION + "from myelin.lava_models import compat; compat.prepare(slayer=True); compat.prepare(slayer=True)\n"
        "from lava.lib.dl import slayer, netx; print(slayer.block.cuba.Dense.__name__)"
    )
    assert result.stdout.strip() == "Dense", result.stderr


def test_what_is_missing_is_said_with_the_commands_that_install_it(monkeypatch):
    monkeypatch.setattr(compat, "_found", lambda module: module != "lava.magma" and module != "networkx")
    assert compat.missing() == ["lava-nc", "networkx"]
    assert not lava_models.available()
    network = Network(Input((1,)), (Layer((1,), Dense([[2]]), Cuba(1, 0, 0)),))
    with pytest.raises(BackendError) as raised:
        lava_models.run(network, [[[1]]])
    message = str(raised.value)
    assert "\n" not in message
    assert "lava-nc, networkx not installed" in message
    assert message.endswith(f"not installed; {compat.cure()}")


def test_the_cure_is_what_the_documentation_says():
    """The project is installed from its checkout: no name on the package index has the extra."""
    commands = re.findall("`(.+?)`", compat.cure())
    assert commands == [
        "pip install -e '.[lava]'",
        "pip install --no-deps --ignore-requires-python lava-nc==0.10.0 lava-dl==0.6.0",
    ]
    page = (ROOT / "docs" / "getting_started.md").read_text(encoding="utf-8").splitlines()
    assert all(command in page for command in commands)


def test_slayer_asks_for_lava_dl_too(monkeypatch):
    monkeypatch.setattr(compat, "_found", lambda module: module != "lava.lib.dl")
    assert compat.missing() == []
    with pytest.raises(BackendError, match="lava-dl not installed"):
        compat.prepare(slayer=True)
