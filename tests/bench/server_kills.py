"""Servers killed while a visitor uploads, classifies and brings photos; what is there once the next one has started."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from resnet_demo.data.dataset_storage import INCOMPLETE_PREFIX
from tests.conftest import ROOT
from tests.data.test_archive import zipped
from tests.jobs.small import coloured_photos
from tests.launched import free_port

BUSY_SECONDS = 4.0
CLEAR_SECONDS = 120
META = {"_type": "gradio.FileData"}


@contextmanager
def served(home: Path, temporary: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A page as a person starts it, with its address; killed in the end, as if the machine had failed."""
    command = [sys.executable, "app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    environ = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = next((found[0] for line in process.stdout if (found := re.search(r"http://\S+", line))), None)
        assert found is not None, f"the page has ended with code {process.wait()}"
        yield process, found
    finally:
        process.kill()
        process.communicate()


class Visitor(threading.Thread):
    """Somebody who uploads photos, has them classified, and brings an archive to learn from, again and again."""

    def __init__(self, address: str, photos: list[Path]) -> None:
        super().__init__(daemon=True)
        self.http = httpx.Client(base_url=address, timeout=60, trust_env=False)
        self.photos = photos
        self.archive = zipped({f"{photo.parent.name}/{photo.name}": photo.read_bytes() for photo in photos})
        self.done = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        """Until the server is gone, which is told by the connection."""
        try:
            while True:
                uploaded = self.upload([(photo.name, photo.read_bytes()) for photo in self.photos])
                self.ask("classify", [{"path": path, "meta": META} for path in uploaded], "flowers", 1, "crop")
                (archive,) = self.upload([("photos.zip", self.archive)])
                self.ask(
                    "photos_drop", "en", None, None, [{"rel": "photos.zip", "file": {"path": archive, "meta": META}}]
                )
                self.done += 1
        except httpx.TransportError:
            return
        except Exception as error:  # told by whoever waits for this thread
            self.failure = error

    def upload(self, files: list[tuple[str, bytes]]) -> list[str]:
        """Where the server has put the files."""
        answer = self.http.post("gradio_api/upload", files=[("files", file) for file in files])
        answer.raise_for_status()
        return list(answer.json())

    def ask(self, name: str, *data: object) -> None:
        """Have an event done."""
        events = self.http.get("config").json()["dependencies"]
        number = next(event["id"] for event in events if event["api_name"] == name)
        session = secrets.token_hex(8)
        body = {"data": data, "fn_index": number, "session_hash": session}
        self.http.post("gradio_api/queue/join", json=body).raise_for_status()
        with self.http.stream("GET", f"gradio_api/queue/data?session_hash={session}") as stream:
            for line in stream.iter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                if message.get("msg") == "process_completed":
                    assert message["success"], message
                    return
        raise httpx.ReadError("the server is gone")


def kill_servers(folder: Path, count: int, chance: random.Random) -> list[str]:
    """Kill so many servers, each at a random instant; tells what was wrong after the next one's start."""
    wrong = []
    photos = sorted(coloured_photos(folder / "photos").glob("*/*.jpg"))
    home, temporary = folder / "home", folder / "temporary"
    temporary.mkdir()
    for number in range(count):
        with served(home, temporary) as (process, address):
            visitor = Visitor(address, photos)
            visitor.start()
            time.sleep(chance.uniform(0, BUSY_SECONDS))
            process.kill()
            process.wait()
            visitor.join(60)
            if visitor.failure is not None:
                wrong.append(f"server {number}: {visitor.failure!r}")
        with served(home, temporary) as (_, address):
            page = httpx.get(address, timeout=60, trust_env=False)
            if page.status_code != httpx.codes.OK:
                wrong.append(f"server {number}: the page answers {page.status_code} after the kill")
            wrong += [f"server {number}: {name} is left" for name in _left(home, temporary)]
    return wrong


def _left(home: Path, temporary: Path) -> list[str]:
    """What the killed server has left and the next one has not cleared up, after some patience."""
    deadline = time.monotonic() + CLEAR_SECONDS
    while found := [*_half_filled(home), *_uploads_of_others(temporary)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return found


def _half_filled(home: Path) -> list[str]:
    return [str(path.relative_to(home)) for path in home.rglob(f"{INCOMPLETE_PREFIX}*")]


def _uploads_of_others(temporary: Path) -> list[str]:
    """Folders for uploads but for the newest, which is the living server's own."""
    folders = sorted(temporary.glob("resnet-demo-*"), key=lambda path: path.stat().st_ctime)
    return [path.name for path in folders[:-1]]
