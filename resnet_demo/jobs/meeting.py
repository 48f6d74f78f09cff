"""How the processes that torchrun starts learn which run is theirs: the first decides, the others wait for its word."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

# The first may stand in line for a run that takes days.
PATIENCE = timedelta(days=30)


def alone() -> bool:
    """Whether this process has no company."""
    return int(os.environ.get("WORLD_SIZE", "1")) == 1


def leads() -> bool:
    """Whether this process decides and writes; alone or among several it is the first."""
    return alone() or os.environ["RANK"] == "0"


class Meeting:
    """The place where they meet, as torchrun has told them; it lasts as long as this object."""

    def __init__(self) -> None:
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        # torchrun itself keeps the place open; of other launchers nobody does, so the first process has to.
        hosted = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        # Several may be open at one port: the training opens its own later.
        options: dict[str, Any] = {"wait_for_workers": False, "multi_tenant": True, "timeout": PATIENCE}
        self._store = TCPStore(host, port, is_master=leads() and not hosted, **options)
        # Where torchrun starts all anew after an error, what was said before no longer counts.
        self._key = f"resnet_demo/run/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"

    def tell(self, word: str) -> None:
        """What the first process says."""
        self._store.set(self._key, word)

    def listen(self) -> str:
        """Wait for what the first process says."""
        return str(self._store.get(self._key).decode())
