"""Makes pages from the code while mkdocs builds: commands, keys of a configuration, public names, examples."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {
        "reference/commands.md": "\n".join(_commands()),
        "reference/configuration.md": "\n".join(_configuration()),
        "reference/python.md": "\n".join(_python()),
        **{f"examples/{path.stem}.md": _example(path) for path in sorted((ROOT / "examples").glob("*.py"))},
    }
    for place, text in pages.items():
        files.append(File.generated(config, place, content=text))
    for picture in sorted((ROOT / "benchmarks" / "results").glob("*.png")):
        files.append(File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture)))
    return files


def _commands() -> Iterator[str]:
    from myelin.cli import build_parser

    parser = build_parser()
    yield f"# Command line\n\n{parser.description}\n\n{parser.epilog}\n"
    yield from _parsers(parser)


def _parsers(parser: argparse.ArgumentParser) -> Iterator[str]:
    (group,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for name, command in sorted(group.choices.items()):
        yield f"\n## {name}\n\n{command.description or ''}\n"
        if any(isinstance(action, argparse._SubParsersAction) for action in command._actions):
            for inner, sub in _inner(command):
                yield f"\n### {name} {inner}\n\n{sub.description or ''}\n"
                yield from _options(sub)
        else:
            yield from _options(command)
        if command.epilog:
            yield f"\n{command.epilog}\n"


def _inner(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    (group,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return list(group.choices.items())


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield "| argument | meaning |\n|---|---|"
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        shown = ", ".join(f"`{option}`" for option in action.option_strings) or f"`{action.metavar or action.dest}`"
        if action.option_strings and action.nargs != 0:
            value = action.metavar or (
                "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
            )
            value = " ".join(value) if isinstance(value, tuple) else value
            shown += f" `{value}`"
        text = " ".join(((action.help or "") % {**vars(action), "prog": parser.prog}).split())
        yield f"| {shown} | {_cell(text)} |"


def _configuration() -> Iterator[str]:
    from myelin.train.config.config import Config
    from myelin.train.config.described import experiments, settings
    from myelin.train.config.files import load_config

    yield "# Configuration\n\nKeys as `--set` takes them; `*` stands for the number of a layer, or for every layer.\n"
    yield "`myelin config NAME` prints an experiment with all of them.\n\n## Experiments\n\n| name | |\n|---|---|"
    for entry in experiments():
        yield f"| `{entry.name}` | {_cell(entry.text)} |"
    shown = {setting.key.replace("layers.0.", "layers.*."): setting for setting in settings(Config())}
    for extra in (load_config("ecg", ["neuron.model=alif"]), load_config("sdnn")):
        shown |= {setting.key: setting for setting in settings(extra) if setting.key.startswith(("alif.", "sigma_delta."))}
    section = None
    for key, setting in shown.items():
        if re.match(r"layers\.\d", key):
            continue
        head = key.partition(".")[0] if "." in key else "top level"
        if head != section:
            section = head
            yield f"\n## {head}\n\n| key | default | allowed | meaning |\n|---|---|---|---|"
        default = "left open" if setting.default is None else f"`{setting.default}`"
        yield f"| `{key}` | {default} | {_cell(setting.allowed)} | {_cell(setting.text)} |"


#: Heading -> names, in the order of a reader's way; every public name stands once.
_GROUPS = {
    "Files": "read read_netx write_netx read_nir write_nir convert_file load_target load_data Opened Target SpikeDataset "
    "InputChoice",
    "Training": "fit EarlyStop StopTraining TensorBoard WeightsAndBiases",
    "From a torch module": "from_torch compare to_torch Comparison",
    "From floats to integers": "export quantise validate explore Exported QuantisedNetwork Validation FloatNetwork Artifact",
    "Integers": "simulate stream Simulator SimulatorState check map_cores profile neurobench diff Network Input Layer "
    "Recording",
    "For people": "write_report Report",
    "Errors": "MyelinError ConfigError DataError NetworkError TargetError MissingPartError BackendError GateError",
}


def _python() -> Iterator[str]:
    import myelin

    yield "# Python\n\n`import myelin` loads none of torch, numba and Lava before one is used.\n"
    listed = {name for names in _GROUPS.values() for name in names.split()}
    missing = set(myelin.__all__) - listed - {"nn", "slayer", "__version__"}
    if missing:
        raise SystemExit(f"docs/hooks/reference.py: public names that no group lists: {', '.join(sorted(missing))}")
    for title, names in _GROUPS.items():
        yield f"\n## {title}\n"
        for name in names.split():
            home, there = myelin._LAZY[name]
            yield f"::: {home}.{there}\n"
    yield "\n## Blocks\n\n`myelin.nn` holds these.\n"
    from myelin import nn

    for name in nn.__all__:
        block = getattr(nn, name)
        yield f"::: {block.__module__}.{block.__qualname__}\n    options:\n      members: false\n"


def _example(path: Path) -> str:
    """A script in cells as a page: its text as text, its code as code, its pictures where they are."""
    parts: list[str] = []
    for cell in re.split(r"(?m)^# %%", path.read_text(encoding="utf-8"))[1:]:
        head, _, body = cell.partition("\n")
        if "[markdown]" in head:
            parts.append("\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines()))
        elif body.strip():
            parts.append(f"```python\n{body.strip()}\n```")
    picture = ROOT / "docs" / "examples" / f"{path.stem}.png"
    if picture.is_file():
        parts.insert(1, f"![{path.stem.replace('_', ' ')}]({picture.name})")
    source = f"`python examples/{path.name}` runs this page."
    return "\n\n".join([parts[0], source, *parts[1:]]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The pages with the places of pictures and examples on the site; marks of generated tables are left out."""
    markdown = markdown.replace("](../benchmarks/results/", "](pictures/")
    markdown = re.sub(r"\]\(\.\./examples/([a-z_]+)\.py\)", r"](examples/\1.md)", markdown)
    return re.sub(r"<!-- /?[a-z]+:[a-z_]+ -->\n*", "", markdown)
