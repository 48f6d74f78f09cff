"""What the kernel ends because memory ran out (Linux): how often so far where this process runs, and who goes first.

A process that is ended so has no time to say why; a counter that has risen tells it afterwards. Free of torch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnet_demo.training.control_groups import MOUNTED, PROC, entry, groups

VMSTAT = Path("/proc/vmstat")
BOOT = Path("/proc/sys/kernel/random/boot_id")
ENTRY = "oom_kill"
FIRST = 1000
"""The highest `oom_score_adj`: as if this process held, beside what it does, all that there is."""


@dataclass(frozen=True)
class KillCount:
    """How many processes had been ended for want of memory, as a file of the kernel counted them in one boot."""

    file: str
    number: int
    boot: str

    @classmethod
    def here(cls, proc: Path = PROC, mounted: Path = MOUNTED, vmstat: Path = VMSTAT) -> KillCount | None:
        """In this process's control group or, where it is in none, on the machine; None where nobody counts.

        A process counts in its own group even where it is not the group's limit that was met.
        """
        files = [group.kills_file for group in groups(proc, mounted)[:1]]
        for file in (*files, vmstat):
            number = entry(file, ENTRY)
            if number is not None:
                return cls(str(file), number, _boot())
        return None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> KillCount | None:
        """The count that an event holds, if it holds one."""
        told = event.get("memory_kills")
        if not isinstance(told, dict):
            return None
        file, number, boot = told.get("file"), told.get("number"), told.get("boot")
        if isinstance(file, str) and type(number) is int and isinstance(boot, str):
            return cls(file, number, boot)
        return None

    def has_risen(self, mounted: Path = MOUNTED, vmstat: Path = VMSTAT) -> bool:
        """Whether a process was ended so since; False where that cannot be known any more."""
        file = Path(self.file)
        ours = file == vmstat or mounted in file.parents
        return ours and self.boot == _boot() and (entry(file, ENTRY) or 0) > self.number


def go_first(file: Path = PROC / "oom_score_adj") -> None:
    """Have the kernel end this process, and what it starts, before others: the page's server is to stay."""
    with contextlib.suppress(OSError, ValueError):  # no Linux, or not allowed: then it is as likely as others
        if int(file.read_text(encoding="ascii")) < FIRST:
            file.write_text(str(FIRST), encoding="ascii")


def _boot() -> str:
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
