"""``myelin encode``: turns recordings into spikes."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from myelin.commands.arguments import add_json
from myelin.commands.output import write_result


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``encode``; it sets ``run``."""
    parser = subparsers.add_parser(
        "encode",
        help="turn a folder of WAV files into a file of spikes in the SHD format",
        description="Encode WAV files with the inner-ear model of the Spiking Heidelberg Digits (Cramer et al. 2020). "
        "Labels come from sub-folders (<label>/<speaker>_<anything>.wav) or names (<label>_<speaker>_<anything>.wav).",
    )
    parser.add_argument("wav_dir", metavar="WAV_DIR", type=Path, help="folder of WAV files, or of one folder per class")
    parser.add_argument("--out", metavar="FILE.h5", type=Path, required=True, help="file to write (.h5, .h5.gz or .h5.xz)")
    parser.add_argument("--channels", type=int, default=700, help="channels of the inner ear: 700 as SHD, or 140 (default 700)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the nerve fibres (default 0)")
    parser.add_argument("--jobs", type=int, default=1, help="files encoded at the same time (default 1)")
    add_json(parser)
    parser.set_defaults(run=run_encode)


def run_encode(args: argparse.Namespace) -> int:
    """Encode and print one line; returns 0.  Bad input raises DataError for the caller to print."""
    from myelin.train.cochlea.folder import encode_folder  # numba: loaded only to encode

    start = time.perf_counter()
    data = encode_folder(args.wav_dir, args.out, channels=args.channels, seed=args.seed, jobs=args.jobs, progress=True)
    seconds, speakers = time.perf_counter() - start, None if data.speakers is None else int(data.speakers.max() + 1)
    voices = "unknown" if speakers is None else speakers
    print(
        f"{args.out}: {len(data)} words, {data.classes} classes ({', '.join(data.keys[:20])}{', ...' * (data.classes > 20)}), "
        f"{voices} speakers, {data.channels} channels, {data.units.size} spikes, {seconds:.1f} s"
    )
    result = {
        "file": str(args.out),
        "words": len(data),
        "classes": list(data.keys),
        "speakers": speakers,
        "channels": data.channels,
        "spikes": int(data.units.size),
        "seconds": seconds,
    }
    write_result(args.json, "encode", result)
    return 0
