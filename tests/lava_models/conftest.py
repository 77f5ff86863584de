"""Helper modules of these tests by name (tests are no package), and one Lava worker for all of them."""

import importlib.util
import sys
from pathlib import Path

import pytest

for stem, name in (
    ("reference", "lava_reference"),
    ("random_networks", "lava_random_networks"),
    ("sigma_delta_networks", "sigma_delta_networks"),
):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{stem}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


@pytest.fixture(scope="session")
def lava():
    from myelin.lava_models import compat
    from myelin.lava_models.runner import Worker

    if compat.missing():
        pytest.skip(f"Lava is not installed: {', '.join(compat.missing())}")
    with Worker() as worker:
        yield worker
