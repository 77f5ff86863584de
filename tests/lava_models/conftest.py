"""One Lava worker for all tests of this folder."""

import pytest


@pytest.fixture(scope="session")
def lava():
    from myelin.lava_models import compat
    from myelin.lava_models.runner import Worker

    if compat.missing():
        pytest.skip(f"Lava is not installed: {', '.join(compat.missing())}")
    with Worker() as worker:
        yield worker
