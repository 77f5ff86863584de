"""The program of a process that compiles loops of a run into numba's cache on disk, then ends.

It reads the configuration as JSON from its standard input.  Several of them take turns: each takes the next loop that no
process is compiling, those with the longest code first, so that none of them is left over at the end.
"""

from __future__ import annotations

import json
import os
import sys

from myelin.hw_configs.compiling.compilation import alone, share_compilation


def main() -> None:
    """Compile what ``config`` needs and is not there yet; returns once all of it is there."""
    job = json.load(sys.stdin)
    from myelin.train.config.files import config_from_dict
    from myelin.train.run.compiling.needed import needed_loops

    share_compilation()
    waiting = [need for need in needed_loops(config_from_dict(job["config"])) if not need.ready]
    waiting.sort(key=lambda need: -len(need.function.py_func.__code__.co_code))
    for wait in (False, True):  # what others compile comes last
        for need in [*waiting]:
            with alone(need.function, wait=wait) as held:
                if held:
                    waiting.remove(need)
                    if not need.ready:
                        need.compile()
    os._exit(0)  # Python would take a second to take down what it loaded
