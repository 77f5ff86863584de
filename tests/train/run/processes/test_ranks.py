"""What the environment of a launcher must say; that several processes work together stands in the tests of the sweep."""

from __future__ import annotations

import pytest

from myelin.hw_configs.errors import ConfigError
from myelin.train.run.processes.ranks import Ranks, launched


@pytest.fixture
def environment(monkeypatch):
    def be(**values):
        for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return be


def test_one_process_alone_is_no_launch(environment):
    for values, several in [({}, False), ({"RANK": "0", "WORLD_SIZE": "1"}, False), ({"RANK": "0", "WORLD_SIZE": "2"}, True)]:
        environment(**values)
        assert launched() is several


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"RANK": "a", "WORLD_SIZE": "2"}, "RANK is 'a'; a whole number is needed"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK is 2 and WORLD_SIZE 2; start with torchrun"),
        ({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "0"}, "start with torchrun"),
        ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "here"}, "but not MASTER_PORT; start with torchrun"),
    ],
)
def test_what_is_wrong_is_said(environment, values, said):
    environment(**values)
    with pytest.raises(ConfigError, match=said):
        Ranks()


def test_a_process_alone_hears_itself(environment, unused_port):
    environment(RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(unused_port))
    ranks = Ranks()
    assert (ranks.rank, ranks.size, ranks.local_size, ranks.gather({"a": "b"})) == (0, 1, 1, [{"a": "b"}])
    ranks.close()


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
