"""A part of `make bench-load`: visits leave nothing in memory."""

from __future__ import annotations

import asyncio

import pytest

from tests.bench.load import kilobytes_a_session, open_and_close, warm_up
from tests.bench.load_server import public_page
from tests.conftest import ROOT

pytestmark = pytest.mark.bench
SESSIONS, WARM = 320, 220
"""Some 200 sessions whose page has closed may be kept for a while."""
MOST_KILOBYTES = 500
"""A session that is kept for good took 1,200 kB; of one that is given back, the allocator may keep some."""


def test_visits_leave_nothing_in_memory() -> None:
    with public_page(ROOT, cores=2) as server:
        warm_up(server)
        left = kilobytes_a_session(asyncio.run(open_and_close(server, SESSIONS)), WARM)
    print(f"\n{left:.0f} kB a session")
    assert left < MOST_KILOBYTES
