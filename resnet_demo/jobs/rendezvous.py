"""Rendezvous of the processes that torchrun starts: rank 0 announces which run to execute, the others wait for it."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

# Rank 0 may be queued behind a run that takes days.
TIMEOUT = timedelta(days=30)


def is_single_process() -> bool:
    """Whether this is the only process of the training."""
    return int(os.environ.get("WORLD_SIZE", "1")) == 1


def is_main_process() -> bool:
    """Whether this process decides and writes: rank 0, or the only one."""
    return is_single_process() or os.environ["RANK"] == "0"


class Rendezvous:
    """A key-value store that the processes share, at torchrun's address; open while this object lives."""

    def __init__(self) -> None:
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        # torchrun itself hosts the store; with other launchers rank 0 has to.
        hosted = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        # Several may be open at one port: the training opens its own later.
        options: dict[str, Any] = {"wait_for_workers": False, "multi_tenant": True, "timeout": TIMEOUT}
        self._store = TCPStore(host, port, is_master=is_main_process() and not hosted, **options)
        # Where torchrun starts all anew after an error, what was said before no longer counts.
        self._key = f"resnet_demo/run/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"

    def announce(self, word: str) -> None:
        """Publish the run from rank 0."""
        self._store.set(self._key, word)

    def wait(self) -> str:
        """Wait for what rank 0 publishes."""
        return str(self._store.get(self._key).decode())
