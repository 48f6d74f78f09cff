"""A process of this machine, told apart from later ones that are given the same number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

# A process's birth is told by a clock that people and time servers correct.
TOLERANCE_SECONDS = 5.0


@dataclass(frozen=True)
class Process:
    """Its number, and when it was born, in seconds since the epoch."""

    pid: int
    born: float

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this number now.

        Raises:
            psutil.NoSuchProcess: there is none.
        """
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Process | None:
        """The process that an event names, if it names one."""
        pid, born = event.get("pid"), event.get("born")
        if type(pid) is int and 0 < pid < 2**31 and isinstance(born, int | float):
            return cls(pid, float(born))
        return None

    @property
    def alive(self) -> bool:
        """Whether it still runs; one that has ended, and waits for its parent to notice, does not."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.born) < TOLERANCE_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False
