"""The memory control groups of this process (Linux, both versions): their limits, and what ran out of memory there.

Containers, Spaces and services are held in such groups; what the machine has free says nothing of their limits.
Sources: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst. Free of torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc/self")
MOUNTED = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class _Names:
    """What the files of one version are called, and the entry of `memory.stat` that counts files easily dropped."""

    limit: str
    used: str
    kills: str
    droppable: str


V1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control", "total_inactive_file")
V2 = _Names("memory.max", "memory.current", "memory.events", "inactive_file")


@dataclass(frozen=True)
class Group:
    """One group, by its folder."""

    folder: Path
    names: _Names

    @property
    def limit(self) -> int | None:
        """Bytes that its processes may hold together; None where there is no limit or none can be read."""
        return _number(self.folder / self.names.limit)

    @property
    def free(self) -> int | None:
        """Bytes left below the limit, counting those that hold files not used lately; None as for `limit`."""
        limit, used = self.limit, _number(self.folder / self.names.used)
        if limit is None or used is None:
            return None
        droppable = entry(self.folder / "memory.stat", self.names.droppable) or 0
        return max(0, limit - max(0, used - droppable))

    @property
    def kills_file(self) -> Path:
        """Where the kernel counts, as `oom_kill`, the processes in it that were ended because memory ran out."""
        return self.folder / self.names.kills


def groups(proc: Path = PROC, mounted: Path = MOUNTED) -> list[Group]:
    """The groups that hold this process, its own first; empty where there are none.

    Args:
        proc: the process's folder in the kernel's file system.
        mounted: where the groups' file systems are mounted.
    """
    return [group for group in _named(proc, mounted) if (group.folder / group.names.used).is_file()]


def _named(proc: Path, mounted: Path) -> Iterator[Group]:
    """Of each line of /proc/self/cgroup (`4:memory:/path`, or `0::/path` in version 2) the group and those above."""
    try:
        lines = (proc / "cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if "memory" in controllers.split(","):
            tops, names = [mounted / "memory"], V1
        elif number == "0" and not controllers:
            tops, names = [mounted, mounted / "unified"], V2
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        for top in tops:
            # In a container the path may be the host's, which is not there: what is there, up to the top, counts.
            for depth in range(len(parts), -1, -1):
                yield Group(top.joinpath(*parts[:depth]), names)


def _number(file: Path) -> int | None:
    try:
        said = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(said) if said.isdecimal() else None  # "max": no limit


def entry(file: Path, name: str) -> int | None:
    """The number behind a name in a file of lines `name number`; None where there is none."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    found = (line.split() for line in lines)
    return next(
        (int(words[1]) for words in found if len(words) == 2 and words[0] == name and words[1].isdecimal()), None
    )
