"""``myelin config``: prints a configuration with all its keys, as TOML."""

from __future__ import annotations

import argparse

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.terminal.screen import screen_width


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``config``; it sets ``run``."""
    parser = subparsers.add_parser(
        "config",
        help="print every key of a configuration, with its meaning, range and default",
        description="Print a built-in experiment or a TOML file as TOML with all its keys; a comment above each says what it "
        "means, what is allowed and what its default is. The output is a configuration: send it to a file and change it.",
    )
    arguments.add_config(parser, help="a built-in experiment (such as demo) or a TOML file")
    parser.add_argument("sections", metavar="SECTION", nargs="*", help="show these sections alone, such as train or delay")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="change a value of the configuration; may be repeated"
    )
    parser.add_argument("--changed", action="store_true", help="only keys whose values are not the defaults")
    arguments.add_json(parser)
    parser.set_defaults(run=run_config)


def run_config(args: argparse.Namespace) -> int:
    """Print the configuration; returns 0."""
    from myelin.train.config.described import as_toml, settings
    from myelin.train.config.files import load_config

    config = load_config(args.config, args.set)
    found = settings(config)
    known = list(dict.fromkeys(setting.key.partition(".")[0] for setting in found if "." in setting.key))
    for section in args.sections:
        if section not in known:
            raise ConfigError(f"section {section!r} is unknown in {config.name}; {', '.join(known)} are allowed")
    width = {} if (columns := screen_width()) is None else {"width": min(100, columns)}
    print(as_toml(config, only=args.sections, changed=args.changed, **width), end="")
    write_result(args.json, "config", {"name": config.name, "settings": [setting._asdict() for setting in found]})
    return 0
