"""Apps as processes of their own, launched as a person launches them, for the tests that attack or drive them."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import httpx

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_END = 60
NO_KEEPALIVE = httpx.Limits(max_keepalive_connections=0)
"""A server closes what idles for some seconds, perhaps just as the client of a slow machine uses it again."""


def free_port() -> int:
    """A port that nobody listens on; none of those that systems give to clients, who might have it a moment later."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def launched(command: Sequence[str], **environ: str) -> Iterator[str]:
    """The address of an app that is started by `python COMMAND`, prints its address, and is ended afterwards."""
    with launched_process(command, ROOT, environ) as (url, _):
        yield url


@contextmanager
def launched_process(
    command: Sequence[str], folder: Path, environ: Mapping[str, str], log: IO[str] | None = None
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Such an app's address and its process; `folder` is the one it is started in, `log` takes what it complains of."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"http://\S+", line):
                yield found[0], process
                break
        else:
            raise AssertionError(f"{command} ended with code {process.wait()} before it gave an address")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS_TO_END)
