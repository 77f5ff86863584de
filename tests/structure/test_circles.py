"""No file imports, by whatever way round, one that imports it: what belongs together stands in one file, what does not can be
taken apart."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter

import pytest
from places import ROOT

PACKAGES = ("hw_configs", "train", "convert", "lava_models", "myelin")
#: Files that import each other inside functions alone, with the reason; at module level there is none.
KNOWN: dict[tuple[str, ...], str] = {}


def modules():
    """Name of every module of ours -> its file; a package is its __init__."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):  # a link is not followed
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join(parts if package == "myelin" else ("myelin", *parts))] = path
    return found


def imports(name, source, known, *, in_functions):
    """Modules of ``known`` that ``source`` imports: statically, type-checking imports left out.

    A package is no more than what is asked of it: ``from package import module`` asks for the module, ``from package import
    name`` for what the package's own file gives.
    """
    found = set()

    def visit(node):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                found.update({below if below in known else str(node.module)} & known.keys())
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for part in node.orelse:
                visit(part)
            return
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not in_functions:
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return found - {name}


def circle(graph):
    """The modules of one circle in name -> imported names, first and last the same; () where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


@pytest.mark.parametrize("in_functions", [False, True], ids=["module level", "functions too"])
def test_no_circle_of_files(in_functions):
    known = modules()
    assert len(known) > 150  # all packages were found
    graph = {
        name: imports(name, path.read_text(encoding="utf-8"), known, in_functions=in_functions) for name, path in known.items()
    }
    if in_functions:
        for first, second in KNOWN:
            graph[first].remove(second)  # a KeyError: no longer there, take it out of KNOWN
    assert circle(graph) == ()


def test_the_rule_sees_a_circle():
    source = {
        "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import c\nimport b.d\n",
        "b": "",
        "b.d": "def f():\n    import a\n",
        "c": "from b import d, e\n",
    }
    flat, deep = (
        {name: imports(name, text, source, in_functions=deep) for name, text in source.items()} for deep in (False, True)
    )
    assert flat == {"a": {"b.d"}, "b": set(), "b.d": set(), "c": {"b.d", "b"}}
    assert circle(flat) == () and set(circle(deep)) == {"a", "b.d"}
