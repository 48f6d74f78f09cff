"""Figures measured on this machine, kept in a JSON file so that they are measured once."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measurements:
    """Figures by key in the JSON file at `path`; without a path nothing is kept.

    Never fails: what cannot be read or written is measured again.
    """

    path: Path | None

    def read(self, key: str) -> Any:
        """What was written under this key, None if nothing was."""
        return self._all().get(key)

    def write(self, key: str, figures: Mapping[str, Any]) -> None:
        """Keep figures under this key, beside those of other processes."""
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_name(f"{self.path.name}.lock")):
                everything = {**self._all(), key: figures}
                partial = self.path.with_name(f"{self.path.name}.part")
                partial.write_text(json.dumps(everything, indent=1), encoding="utf-8")
                partial.replace(self.path)
        except OSError as error:  # the next process measures again
            log.warning("Measurements cannot be saved: %s", error)

    def _all(self) -> dict[str, Any]:
        if self.path is None:
            return {}
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def machine(device: torch.device, *packages: str) -> str:
    """What figures of a device depend on: its processor, its threads, and the versions of torch and these packages."""
    import torch

    if device.type == "cuda":
        processor = torch.cuda.get_device_name(device)
    else:
        name = torch.cpu.get_capabilities().get("cpu_name", "") if hasattr(torch.cpu, "get_capabilities") else ""
        processor = f"{platform.machine()} {name}"
    versions = ", ".join(f"{package} {_version(package)}" for package in ("torch", *packages))
    return f"{device.type} {processor}, {torch.get_num_threads()} threads, {versions}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
