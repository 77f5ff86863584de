"""Changes to WAV files: formats, rates, channels and sizes of every kind, sensible or not."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
from mutate_bytes import SIZES, mutate_bytes

_FORMATS = (0, 1, 2, 3, 6, 7, 17, 85, 0xFFFE, 0xFFFF)
_PCM = bytes.fromhex("0100000000001000800000aa00389b71")
_FLOAT = bytes.fromhex("0300000000001000800000aa00389b71")


def mutate_wav(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Write another WAV file, most of them odd, or change the bytes of this one."""
    if rng.random() < 0.35:
        return mutate_bytes(rng, path, others)
    bits = rng.choice((8, 16, 24, 32, 64, 0, 1, 4, 12, 20, 48, 65535))
    float_ = bits in (32, 64) and rng.random() < 0.5
    channels = rng.choice((1, 1, 1, 2, 2, 0, 5, 255, 65535))
    rate = rng.choice((16000, 16000, 44100, 8000, 0, 1, 7, 96000, 384000, 2**31, 2**32 - 1))
    width = max(1, bits // 8)
    frames = rng.choice((1000, 1000, 2000, 1, 0))
    tone = np.sin(np.arange(frames) / 5) * rng.choice((0.5, 0.5, 1.0, 0.0))
    if float_:
        values = tone.astype(f"<f{width}")
        if frames and rng.random() < 0.3:
            values[rng.randrange(frames)] = rng.choice((np.nan, np.inf, 1e38))
        data = np.repeat(values, min(channels, 8)).tobytes()
    else:
        whole = (tone * 2**31).astype("<i8").clip(-(2**31), 2**31 - 1).astype("<i4").view(np.uint8).reshape(-1, 4)
        data = np.repeat(whole[:, 4 - min(width, 4) :], min(channels, 8), axis=0).tobytes()
    format_ = 3 if float_ else rng.choice((1, 1, 1, *_FORMATS))
    extensible = rng.random() < 0.3 or format_ == 0xFFFE
    align = rng.choice((width * channels % 65536,) * 4 + (0, 1, 3, 65535))
    head = struct.pack("<HHIIHH", 0xFFFE if extensible else format_, channels, rate, rate * align % 2**32, align, bits)
    if extensible:
        said = rng.choice((bits, bits, 0, 20)) % 65536
        tail = rng.choice((_FLOAT if float_ else _PCM, _PCM, bytes(16), b"\x06" + _PCM[1:]))
        head += struct.pack("<HHI", 22, said, 3) + tail
    if rng.random() < 0.1:
        head = head[: rng.randrange(len(head))]
    chunks = [(b"fmt ", head), (b"data", data)]
    if rng.random() < 0.2:
        extra = (rng.choice((b"LIST", b"fact", b"JUNK", b"cue ", b"\0\0\0\0")), bytes(rng.choice((0, 4, 5, 300))))
        chunks.insert(rng.randrange(3), extra)
    if rng.random() < 0.05:
        chunks.pop(rng.randrange(len(chunks)))
    if rng.random() < 0.05:
        chunks.reverse()
    body = b""
    for name, content in chunks:
        size = len(content)
        if rng.random() < 0.1:
            size = rng.choice(SIZES) % 2**32
        body += name + struct.pack("<I", size) + content + b"\0" * (len(content) % 2)
    whole_size = len(body) + 4 if rng.random() < 0.9 else rng.choice(SIZES) % 2**32
    tag = rng.choice((b"RIFF",) * 8 + (b"RIFX", b"RF64", b"FORM"))
    path.write_bytes(tag + struct.pack("<I", whole_size) + rng.choice((b"WAVE",) * 9 + (b"AVI ",)) + body)
    return None
