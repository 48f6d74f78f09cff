"""How much memory a process may still take here: the machine's, that of its control groups, its own limit.

Free of torch.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import psutil

from resnet_demo.training import control_groups
from resnet_demo.training.control_groups import Group

ARRAY_MEMORY_SHARE = 0.25
"""Of the memory that is free at the start, the part that decoded photos may take; the rest is for the network."""


def free_bytes(groups: Sequence[Group] | None = None) -> int:
    """Bytes that this process can have beside what it holds; `groups` are those that hold it, found out if absent."""
    rooms = [group.free for group in _held_in(groups)]
    return min([psutil.virtual_memory().available, *_known(rooms), *_address_space_left()])


def total_bytes(groups: Sequence[Group] | None = None) -> int:
    """Bytes that processes here can have together if nothing else runs."""
    limits = [group.limit for group in _held_in(groups)]
    return min([psutil.virtual_memory().total, *_known(limits), *_address_space()])


def _held_in(groups: Sequence[Group] | None) -> Sequence[Group]:
    return control_groups.groups() if groups is None else groups


def _known(counts: Sequence[int | None]) -> list[int]:
    return [count for count in counts if count is not None]


if sys.platform == "win32":

    def _address_space() -> list[int]:
        return []

else:
    import resource

    def _address_space() -> list[int]:
        """The limit on this process's addresses (`ulimit -v`), if it has one."""
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        return [] if limit == resource.RLIM_INFINITY else [limit]


def _address_space_left() -> list[int]:
    return [max(0, limit - int(psutil.Process().memory_info().vms)) for limit in _address_space()]
