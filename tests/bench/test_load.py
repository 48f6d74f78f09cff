"""A small version of `make bench-load`: nobody gets a wrong answer or none, and visits leave nothing in memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bench.load import kilobytes_a_session, make_material, open_and_close, warm_up
from tests.bench.load_phases import run_phase
from tests.bench.load_server import public_page
from tests.bench.load_visits import Habits
from tests.bench.page_client import has_addresses
from tests.conftest import ROOT

pytestmark = pytest.mark.bench
HABITS = Habits(visitors=8, seconds=15, pause=4, look=1, read=1)
SIDE = 4_000
"""Of the pictures that unfold: 16 megapixels, for the sake of small machines."""
SESSIONS, WARM = 320, 220
"""Some 200 sessions whose page has closed may be kept for a while."""
MOST_KILOBYTES = 500
"""A session that is kept for good took 1,200 kB; of one that is given back, the allocator may keep some."""
MOST_TIMES_LONGER = 6


@pytest.mark.skipif(not has_addresses(), reason="this system gives loopback one address only")
def test_honest_visitors_are_served_beside_those_who_mean_harm(tmp_path: Path) -> None:
    material = make_material(tmp_path, 2 * HABITS.visitors, SIDE, drawn_side=320)
    with public_page(ROOT, cores=2, every=1) as server:
        warm_up(server)
        calm = run_phase(server, HABITS, material, tmp_path / "calm", hostile=False)
        hostile = run_phase(server, HABITS, material, tmp_path / "hostile", hostile=True)
    print(f"\n{calm}\n{hostile}")
    assert min(calm.right, hostile.right) >= HABITS.visitors
    assert (calm.wrong, hostile.wrong) == ([], [])
    assert (calm.failed, hostile.failed) == ({}, {})
    assert hostile.answering.p50 < MOST_TIMES_LONGER * calm.answering.p50
    assert sum(count for name, count in hostile.attackers.items() if name.startswith("flood")) > HABITS.seconds


def test_visits_leave_nothing_in_memory() -> None:
    with public_page(ROOT, cores=2) as server:
        warm_up(server)
        left = kilobytes_a_session(asyncio.run(open_and_close(server, SESSIONS)), WARM)
    print(f"\n{left:.0f} kB a session")
    assert left < MOST_KILOBYTES
