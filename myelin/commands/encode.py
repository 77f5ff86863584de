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
        "Labels come from sub-folders (<label>/<speaker>_<anything>.wav), from names (<label>_<speaker>_<anything>.wav), "
        "or from a table (--labels).",
    )
    parser.add_argument("wav_dir", metavar="WAV_DIR", type=Path, help="folder of WAV files, or of one folder per class")
    parser.add_argument("--out", metavar="FILE.h5", type=Path, required=True, help="file to write (.h5, .h5.gz or .h5.xz)")
    parser.add_argument(
        "--labels",
        metavar="MAP.csv",
        type=Path,
        help="table file,label[,speaker[,split]] of the recordings, by path, file name or name without .wav; with splits, "
        "--out x.h5 writes x_train.h5, x_valid.h5 and x_test.h5",
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out recordings that cannot be read or have no label, and list them"
    )
    parser.add_argument("--channels", type=int, default=700, help="channels of the inner ear: 700 as SHD, or 140 (default 700)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the nerve fibres (default 0)")
    parser.add_argument("--jobs", type=int, default=1, help="files encoded at the same time (default 1)")
    add_json(parser)
    parser.set_defaults(run=run_encode)


def run_encode(args: argparse.Namespace) -> int:
    """Encode and print one line a file, and one for each recording left out; returns 0.  Bad input raises DataError."""
    from myelin.train.cochlea.folder import encode_folder  # numba: loaded only to encode

    start = time.perf_counter()
    how = {name: getattr(args, name) for name in ("channels", "seed", "jobs", "labels", "skip_bad")}
    encoded = encode_folder(args.wav_dir, args.out, **how, progress=True)
    seconds = time.perf_counter() - start
    files = []
    for file, data in encoded.datasets.items():
        speakers = None if data.speakers is None else len(set(data.speakers.tolist()))
        print(
            f"{file}: {len(data)} words, {data.classes} classes ({', '.join(data.keys[:20])}{', ...' * (data.classes > 20)}), "
            f"{'unknown' if speakers is None else speakers} speakers, {data.channels} channels, {data.units.size} spikes, "
            f"{seconds:.1f} s"
        )
        counts = {"words": len(data), "classes": list(data.keys), "speakers": speakers, "channels": data.channels}
        files.append({"file": str(file), **counts, "spikes": int(data.units.size), "seconds": seconds})
    for name, reason in encoded.skipped:
        print(f"skipped       {name}: {reason}")
    if encoded.skipped:
        print(f"skipped       {len(encoded.skipped)} in all")
    if shared := encoded.shared_speakers:
        print(
            f"warning       {len(shared)} speakers are in the train split and in another one ({', '.join(shared[:10])}"
            f"{', ...' * (len(shared) > 10)}): accuracy there is that on known voices"
        )
    more = {"skipped": [entry._asdict() for entry in encoded.skipped], "shared_speakers": list(encoded.shared_speakers)}
    write_result(args.json, "encode", files[0] | more | ({"files": files} if len(files) > 1 else {}))
    return 0
