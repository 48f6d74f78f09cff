"""A small HTTP server on loopback that serves files, and misbehaves as it is told."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 16 * 1024
SECONDS_BETWEEN_PIECES = 0.02


@dataclass(frozen=True)
class Answer:
    """What the server sends for one GET; by default a well-behaved answer with ETag and ranges.

    `sent` bytes of the body leave before the connection is cut, or before silence where `stalls`. `claimed`
    is a Content-Length that is a lie. `honours_if_range` False continues a file that has changed meanwhile.
    """

    body: bytes = b""
    status: int = 200
    etag: str | None = None
    ranges: bool = True
    honours_if_range: bool = True
    sent: int | None = None
    stalls: bool = False
    claimed: int | None = None
    slow: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str | None:
        """The ETag: the body's hash unless `etag` says otherwise; none where it is empty."""
        return f'"{hashlib.sha256(self.body).hexdigest()}"' if self.etag is None else self.etag or None


# The header is how the Hub says which of several things is absent.
ABSENT = Answer(status=404, headers={"X-Error-Code": "EntryNotFound"})


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def range(self) -> str | None:
        """The part of the file that was asked for; None for all of it."""
        return self.headers.get("Range")


class Loopback(ThreadingHTTPServer):
    """Gives the answers of a path in turn, the last one again and again, and notes what is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Responder)
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def serve(self, path: str, *answers: Answer) -> str:
        """Give these answers at `path`, and return its URL."""
        self.answers[path] = list(answers)
        return self.url + path

    def serve_hub(self, repo: str, files: Mapping[str, bytes]) -> None:
        """Be a Hugging Face Hub that has this model repository."""
        commit = hashlib.sha1(repo.encode(), usedforsecurity=False).hexdigest()
        for name, body in files.items():
            for revision in ("main", commit):
                self.serve(f"/{repo}/resolve/{revision}/{name}", Answer(body, headers={"X-Repo-Commit": commit}))

    def asked(self, method: str = "GET") -> list[Request]:
        """The requests of one method so far."""
        return [request for request in self.requests if request.method == method]

    def next_answer(self, method: str, path: str) -> Answer:
        answers = self.answers.get(path, [ABSENT])
        return answers.pop(0) if method == "GET" and len(answers) > 1 else answers[0]


@contextmanager
def loopback() -> Iterator[Loopback]:
    """A running server on a free port of 127.0.0.1."""
    server = Loopback()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Responder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Loopback

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's own name
        """Keep the tests' output clean; `requests` has it all."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        self.server.requests.append(Request(self.command, self.path, dict(self.headers)))
        answer = self.server.next_answer(self.command, self.path)
        start = self._start(answer)
        if start and start >= len(answer.body):
            answer, start = Answer(status=416), 0
        body = answer.body[start:]
        self.send_response(206 if start else answer.status)
        self.send_header("Content-Length", str(answer.claimed or len(body)))
        if answer.tag:
            self.send_header("ETag", answer.tag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self._send(answer, body)

    def _start(self, answer: Answer) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or not answer.ranges or answer.status != 200:
            return 0
        same = self.headers.get("If-Range") in {None, answer.tag} or not answer.honours_if_range
        return int(asked[1]) if same else 0

    def _send(self, answer: Answer, body: bytes) -> None:
        body = body if answer.sent is None else body[: answer.sent]
        try:
            for begin in range(0, len(body), PIECE):
                self.wfile.write(body[begin : begin + PIECE])
                if answer.slow:
                    self.server.closing.wait(SECONDS_BETWEEN_PIECES)
        except ConnectionError:
            self.close_connection = True  # the client has gone
        if answer.stalls:
            self.server.closing.wait()
        if answer.sent is not None or answer.claimed is not None:
            self.close_connection = True
