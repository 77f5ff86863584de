"""Which package may import which, what a plain import must not load, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

PACKAGES = ("train", "convert", "lava_models", "hw_configs", "myelin")
#: What each package may import of ours: data flows train -> convert -> lava_models, imports point back along that way.  The
#: package ``myelin`` itself, without what follows its name, says where it lies and may be asked for that anywhere.
MAY_IMPORT = {
    "hw_configs": {"hw_configs"},
    "train": {"train", "hw_configs"},
    "convert": {"convert", "train", "hw_configs"},
    "lava_models": {"lava_models", "convert", "train", "hw_configs"},
    "myelin": {*PACKAGES},
}
#: Where an optional part may be imported at all, even inside a function.
ONLY_IN = {"torch": ("train",), "lava": ("lava_models",)}
#: No module but a file to hand out, which Lava's users run; ``tests/lava_models/test_lava_network.py`` says what it may import.
HANDED_OUT = Path("convert/artifact/standalone")
#: Lines of the longest file that a reader takes in at one go.
LONGEST_FILE_LINES = 320
#: Loops that numba compiles must share a file: its cache on disk does not notice a change in another one.
LONGER_FILE_LINES = {"convert/simulator/events.py": 355}


def _files():
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]  # a link is not followed


def _package(name):
    """What a dotted name belongs to: a folder of ours, ``face`` for a name of ``myelin`` alone, else its first part."""
    first, *rest = name.split(".")
    if first != "myelin" or not rest:
        return "face" if first == "myelin" else first
    return rest[0] if rest[0] in PACKAGES else "myelin"


def _imported(path):
    """(top-level module, line, inside a function) of every import in a file, type-checking ones left out."""
    found = []

    def visit(node, inside):
        if isinstance(node, ast.Import):
            found.extend((_package(alias.name), node.lineno, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is relative"
            names = [f"myelin.{alias.name}" for alias in node.names] if node.module == "myelin" else [str(node.module)]
            found.extend((_package(name), node.lineno, inside) for name in names)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for part in node.orelse:
                visit(part, inside)
            return
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, inside or function)

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return found


def test_imports_point_back_along_the_way():
    wrong = []
    for path in _files():
        if path.relative_to(ROOT).parent == HANDED_OUT:
            continue
        home = path.relative_to(ROOT).parts[0]
        for module, line, _ in _imported(path):
            if (module in PACKAGES and module not in MAY_IMPORT[home]) or home not in ONLY_IN.get(module, (home,)):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong


def test_only_commands_parse_arguments():
    """What a command does can be called without one; two files are programs of their own."""
    programs = {"myelin/cli.py", "train/cochlea/make_builtin.py", "convert/artifact/standalone/lava_network.py"}
    found = {str(path.relative_to(ROOT)) for path in _files() if "argparse" in {name for name, _, _ in _imported(path)}}
    assert {name for name in found if not name.startswith("myelin/commands/")} == programs
    users = {str(path.relative_to(ROOT)) for path in _files() if "from myelin.commands" in path.read_text(encoding="utf-8")}
    assert {name for name in users if not name.startswith("myelin/commands/")} == {"myelin/cli.py"}


@pytest.mark.subprocess
def test_the_face_loads_at_once():
    """``import myelin`` in a fresh process; the best of three, since other processes run beside this one."""
    code = "import time\nbegan = time.perf_counter()\nimport myelin\nprint(time.perf_counter() - began)"
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        seconds.append(float(done.stdout))
    assert min(seconds) < 0.15


def test_the_rule_sees_an_import(tmp_path):
    """The check itself, on a file that breaks it: in a function, under an alias, beside a type-checking one."""
    file = tmp_path / "bad.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\n"
        "def f():\n    import lava.magma as b\nfrom torch import nn\n"
    )
    assert _imported(file) == [("typing", 1, False), ("lava", 5, True), ("torch", 6, False)]


def test_files_stay_short():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in _files()}
    assert len(lengths) > 60  # all packages were found
    assert {name: lines for name, lines in lengths.items() if lines > LONGER_FILE_LINES.get(name, LONGEST_FILE_LINES)} == {}


@pytest.mark.subprocess
@pytest.mark.parametrize(
    ("statement", "never"),
    [
        ("import myelin.hw_configs, myelin.hw_configs.target", ("numpy", "torch", "lava", "numba", "h5py")),
        ("import myelin", ("numpy", "torch", "lava", "numba", "h5py", "argparse", "myelin.convert", "myelin.train")),
        ("import myelin; dir(myelin)", ("numpy", "torch", "lava", "numba", "h5py")),
        ("import myelin; myelin.read, myelin.read_netx", ("torch", "lava", "numba", "matplotlib", "argparse", "myelin.train")),
        ("import myelin; myelin.load_target, myelin.MyelinError", ("numpy", "torch", "lava", "numba", "h5py")),
        (
            "import myelin; myelin.simulate, myelin.check, myelin.map_cores, myelin.profile, myelin.diff, myelin.export",
            ("torch", "lava", "matplotlib"),
        ),
        ("import myelin; myelin.fit, myelin.validate, myelin.explore, myelin.quantise, myelin.write_report", ("torch", "lava")),
        ("import myelin.convert", ("torch", "lava", "numba", "matplotlib", "myelin.train")),
        (
            "import myelin.convert.artifact.artifact, myelin.convert.rules, myelin.commands.check, myelin.commands.map",
            ("torch", "lava", "matplotlib", "myelin.train"),
        ),
        ("import myelin.lava_models", ("torch", "lava", "numba", "matplotlib", "myelin.train")),
        ("import myelin.train.datasets", ("torch", "lava", "myelin.convert")),
        ("import myelin.commands.encode", ("torch", "lava", "numba", "scipy.signal")),
        ("import myelin.cli; myelin.cli.build_parser()", ("torch", "lava", "numba", "matplotlib", "scipy.signal", "tqdm")),
    ],
)
def test_an_import_loads_no_more_than_it_needs(statement, never):
    code = f"{statement}\nimport sys\nprint(*[name for name in {never!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.subprocess
def test_simulation_needs_no_torch(artifacts, tiny):
    """The promise to a machine that only simulates: data, artifact, simulator and the command line, with torch out of reach."""
    arguments = ["simulate", str(artifacts["dense"]), "--data", str(tiny.data)]
    code = f"import sys\nsys.modules['torch'] = None\nimport myelin.cli\nsys.exit(myelin.cli.main({arguments!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout


def test_tests_are_no_package():
    """lava-dl installs a top-level package of the name ``tests``; ours must not shadow it."""
    assert not list((ROOT / "tests").rglob("__init__.py"))
