"""What Myelin reads of other tools' files, tried: ``python -m benchmarks.conformance`` writes ``docs/conformance.md``.

Every row is run when the page is made.  SLAYER's rows need lava-dl.  Simulators that write NIR are tried if they are installed;
most pin versions of their own, so they are best installed in a folder apart, which then stands on the path::

    python -m pip install --target OTHERS --no-deps snntorch sinabs rockpool spyx spikingjelly norse pbr loguru jax ...
    PYTHONPATH=.:OTHERS python -m benchmarks.conformance
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks.conformance.nir_writers import WRITERS, Found, compared
from benchmarks.conformance.slayer_files import (
    Outcome,
    each_block,
    input_block_outcome,
    outcome,
    sigma_delta_outcome,
    tutorials,
)
from myelin.hw_configs.files import write_atomically

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
_HEAD = """# Conformance

What Myelin reads of other tools' files, as tried by one command, `python -m benchmarks.conformance`, which made this page.
*exact*: every output value is that of the tool's own simulation.  *refused*: with the message that follows.
"""
_FAILS = "not tried, SLAYER itself fails"
_NIR = """
## NIR files

Each simulator writes a network of random weights with its own exporter; the file is read without options and both run on the
same random spikes (density 0.2, 4 samples of 100 steps).  *floats*: output values that differ before weights are rounded to 8
bits, so what the format loses; *integers*: after plain rounding (`myelin quantise` calibrates instead, on data).  *decay*:
largest error of a decay of the voltage, in 1/4096.  Latencies are taken out.  NIR's neurons reset to `v_reset`; where a
simulator subtracts the threshold instead, its file does not say so, and reading it notes what that changes.  *Why floats
differ* is tried too: where it says *subtracts*, the floats of the file are exact once their spikes subtract the threshold.
"""


def slayer_rows(folder: Path) -> Iterator[tuple[str, Outcome]]:
    """(section, outcome) of every network of SLAYER blocks."""
    from myelin.lava_models import compat

    compat.prepare(slayer=True)
    import torch
    from lava.lib.dl import slayer

    for name, (shape, make) in tutorials().items():
        torch.manual_seed(0)
        yield "tutorials", outcome(name, shape, make(slayer.block.cuba), folder / "a.net", steps=40)
    torch.manual_seed(0)
    yield "tutorials", input_block_outcome(folder / "a.net")
    yield "tutorials", sigma_delta_outcome(folder / "a.net")
    for name, (shape, build) in each_block().items():
        torch.manual_seed(0)
        try:
            blocks = build(slayer.block)
        except (AttributeError, NotImplementedError):
            continue  # SLAYER has no such block
        try:
            yield "blocks", outcome(name, shape, blocks, folder / "a.net")
        except (RuntimeError, AttributeError, NotImplementedError, TypeError, ValueError, AssertionError) as error:
            reason = " ".join(str(error).split())[:80]
            yield "blocks", Outcome(name, refused=f"{_FAILS}: {type(error).__name__}: {reason}")


def nir_rows(folder: Path) -> Iterator[tuple[str, Found | str]]:
    """(simulator with its version, comparison or why there is none)."""
    for writer in WRITERS:
        reason = writer.missing()
        if reason is not None:
            yield writer.name, "not tried: not installed"
            continue
        for written in writer.networks():
            yield f"{writer.name} {writer.version}", compared(written, str(folder / "a.nir"))


def _share(value: float | None) -> str:
    return "" if value is None else "exact" if value == 0 else f"{100 * value:.2g} %"


def _slayer_line(found: Outcome) -> str:
    if found.refused is not None:
        said = found.refused.partition("; supported are")[0]
        return f"| {found.name} | {said if said.startswith(_FAILS) else f'refused: {said}'} | |"
    result = "exact" if found.differ == 0 else f"{100 * found.differ / found.values:.2g} % differ"
    result += " (its blocks: lava-dl cannot write its file)" if found.module else ""
    return f"| {found.name} | {result} | {found.values} values, {found.spikes} not zero |"


def _nir_line(simulator: str, found: Found | str) -> str:
    if isinstance(found, str):
        return f"| {simulator} | | {found} | | | |"
    if found.refused is not None:
        return f"| {simulator} | {found.network} | refused: {found.refused} | | | |"
    decay = "" if found.decay is None else f"{found.decay:.2f}"
    shares = f"{_share(found.unrounded)} | {_share(found.mismatch)} | {decay}"
    return f"| {simulator} | {found.network} | {shares} | {found.reason} |"


def page(folder: Path) -> str:
    """The page, every row of it tried."""
    lines = [
        _HEAD,
        f"## netx files\n\nWritten by the blocks of lava-dl {version('lava-dl')}, compared with SLAYER's evaluation.",
    ]
    titles = {"tutorials": "Networks like those of lava-dl's tutorials", "blocks": "One block of each kind with each neuron"}
    section = ""
    for part, found in slayer_rows(folder):
        if part != section:
            lines += ["", f"### {titles[part]}", "", "| network | result | |", "|---|---|---|"]
            section = part
        lines.append(_slayer_line(found))
        print(lines[-1])
    lines += [_NIR, "| simulator | network | floats | integers | decay | why floats differ |", "|---|---|---|---|---|---|"]
    for simulator, nir in nir_rows(folder):
        lines.append(_nir_line(simulator, nir))
        print(lines[-1])
    packages = ", ".join(f"{name} {version(name)}" for name in ("lava-dl", "nir", "h5py", "numpy", "torch"))
    return "\n".join([*lines, "", f"Tried with {packages}.", ""])


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", metavar="FILE.md", type=Path, default=PAGE, help="the page to write (default: docs/conformance.md)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_atomically(args.out, page(Path(folder)).encode())


if __name__ == "__main__":
    main()
