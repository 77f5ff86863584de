"""``myelin completion``: prints what a shell needs to complete Myelin's commands, options, experiments and targets."""

from __future__ import annotations

import argparse

import argcomplete

from myelin.commands import arguments

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``completion``; it sets ``run``."""
    parser = subparsers.add_parser(
        "completion",
        help="print the line with which a shell completes commands, options, experiments and targets",
        description='Print a completion script. bash, zsh: eval "$(myelin completion bash)" in ~/.bashrc or ~/.zshrc; fish: '
        "myelin completion fish > ~/.config/fish/completions/myelin.fish; others: evaluate the output at start.",
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    parser.set_defaults(run=run_completion)


def run_completion(args: argparse.Namespace) -> int:
    """Print the script; returns 0."""
    print(argcomplete.shellcode(["myelin"], shell=args.shell))
    return 0
