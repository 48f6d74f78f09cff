"""A few of the kills of `make bench-kills`: what is killed and resumed ends as if nobody had disturbed it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.bench.kills import WRITES, hidden_in, kill_workers
from tests.bench.server_kills import kill_servers

pytestmark = pytest.mark.slow


def test_killed_workers_leave_the_same_bytes_as_undisturbed_ones_and_nothing_else(tmp_path: Path) -> None:
    told = kill_workers(tmp_path, at_random=1, in_writes=len(WRITES), chance=random.Random(0))
    assert told.wrong == []
    assert told.kills.total() >= 1 + len(WRITES)


def test_a_killed_server_leaves_nothing_once_the_next_has_started(tmp_path: Path) -> None:
    assert kill_servers(tmp_path, 1, random.Random(0)) == []
    assert hidden_in(tmp_path / "home") == []
