"""Stand-in for lava-loihi's adapters: processes that run on the CPU, write down how they are made, and err as they are told.

No board is involved anywhere.  ``MYELIN_STAND_IN`` says how the output comes: ``late=3`` steps late, ``wrong`` in one value,
``hang`` or ``fail`` at step 3; ``MYELIN_STAND_IN_LOG`` names a file for what was called, a line of JSON each.
"""

import json
import os

import lava.magma.core.run_configs as run_configs

BEHAVIOUR = os.environ.get("MYELIN_STAND_IN", "late=0")
LATE = int(BEHAVIOUR.partition("=")[2] or 0)


def log(call, **arguments):
    with open(os.environ["MYELIN_STAND_IN_LOG"], "a") as file:
        file.write(json.dumps({"call": call, **arguments}) + "\n")


def hardware_config(*, select_sub_proc_model, exception_proc_model_map):
    """In place of Loihi2HwCfg, which needs neurocore models: Lava's fixed-point models."""
    names = sorted(model.__name__ for model in exception_proc_model_map.values())
    board = {name: os.environ.get(name) for name in ("SLURM", "PARTITION", "NXSDKHOST", "LOIHI_GEN")}
    log("Loihi2HwCfg", select_sub_proc_model=select_sub_proc_model, models=names, board=board)
    return run_configs.Loihi2SimCfg(select_tag="fixed_pt")


run_configs.Loihi2HwCfg = hardware_config
