"""Free memory given back to the system: glibc keeps what many threads have freed, a heap for each of them."""

from __future__ import annotations

import ctypes
import platform
import threading
import time

EVERY_SECONDS = 30.0


def begin() -> None:
    """Give free memory back now and then, as long as the app runs; nothing where another library hands it out."""
    if platform.libc_ver()[0] == "glibc":
        threading.Thread(target=_go_on, daemon=True).start()


def _go_on() -> None:
    while True:
        time.sleep(EVERY_SECONDS)
        trim()


def trim() -> None:
    """Give back all that is free, by `malloc_trim` (malloc_trim(3)); some ten milliseconds, in which others go on."""
    ctypes.CDLL(None).malloc_trim(0)
