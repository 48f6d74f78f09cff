"""One visitor among others: who asks for much waits for himself, what is refused is said, and memory is bounded.

Visitors are addresses of loopback, which is a whole network on Linux alone.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from resnet_demo.texts import text
from resnet_demo.ui.server.fair_queue import MOST_OF_ADDRESS, MOST_OF_SESSION, MOST_WAITING
from tests.attack.conftest import App, small_app
from tests.launched import NO_KEEPALIVE, free_port, launched

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(sys.platform != "linux", reason="loopback has one address"),
]
REFUSED = 429
SECONDS = 900.0


@dataclass(frozen=True)
class Visitor:
    """A visitor at an address of the network 127.0.0.0/8."""

    address: str
    http: httpx.Client
    functions: dict[str, int]

    def join(self, name: str, *data: object, session: str | None = None, **headers: str) -> httpx.Response:
        """Ask for an answer, without waiting for it."""
        body = {"data": list(data), "fn_index": self.functions[name], "session_hash": self._named(session)}
        return self.http.post("gradio_api/queue/join", json=body, headers=headers)

    def answer(self, session: str) -> dict[str, Any]:
        """Wait for the answer to what this session has asked for."""
        with self.events(session) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:") and json.loads(line[5:])["msg"] == "process_completed":
                    found: dict[str, Any] = json.loads(line[5:])
                    return found
        raise AssertionError("no answer")

    def events(self, session: str) -> AbstractContextManager[httpx.Response]:
        """What the page of this session is told."""
        return self.http.stream("GET", "gradio_api/queue/data", params={"session_hash": self._named(session)})

    def _named(self, session: str | None) -> str:
        # The queue keeps what nobody fetched: it must not be told to the next test.
        return f"{session or secrets.token_hex(8)} {self.address}"

    def at_once(self, name: str) -> str:
        """Call what goes past the queue."""
        response = self.http.post("gradio_api/run/predict", json={"data": [], "fn_index": self.functions[name]})
        assert response.status_code == 200
        return str(response.json()["data"][0])


def client_at(address: str, url: str) -> httpx.Client:
    """A client of the app at `url` that comes from this address."""
    transport = httpx.HTTPTransport(limits=NO_KEEPALIVE, local_address=address, verify=False)
    return httpx.Client(base_url=url, transport=transport, timeout=SECONDS)


@dataclass(frozen=True)
class Place:
    """A launched app, and visitors that come to it."""

    app: App
    visits: ExitStack
    network: int = 0

    def visitor(self, number: int) -> Visitor:
        """The one of this number, at an address that no other test has."""
        address = f"127.0.{self.network}.{number}"
        client = self.visits.enter_context(client_at(address, self.app.url))
        return Visitor(address, client, self.app.functions())


@contextmanager
def place(uploads: Path, **settings: Any) -> Iterator[Place]:
    with small_app(uploads, public=True, max_runs=1, **settings) as app, ExitStack() as visits:
        yield Place(app, visits)


@pytest.fixture(scope="module")
def launched_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("uploads"), max_event_seconds=1) as found:
        yield found


@pytest.fixture
def line(launched_place: Place, request: pytest.FixtureRequest) -> Iterator[Place]:
    """An app whose line stands still until it is released; all that was asked for before has been answered."""
    number = 1 + request.session.items.index(request.node) % 250
    found = replace(launched_place, network=number)
    quiet = found.visitor(250)
    quiet.at_once("hold")
    yield found
    quiet.at_once("release")
    begun: list[str] = []
    while begun[-2:] != ["end", "end"]:  # until nobody else has had a turn between two of ours
        quiet.join("work", "end", session="end")
        begun = quiet.answer("end")["output"]["data"][0].split()


def test_a_flooder_waits_for_himself(line: Place) -> None:
    flooder, other = line.visitor(2), line.visitor(3)
    asked = [flooder.join("work", f"flood-{number}").status_code for number in range(300)]
    assert asked == [200] * MOST_OF_ADDRESS + [REFUSED] * (300 - MOST_OF_ADDRESS)
    assert other.join("work", "other", session="honest").status_code == 200
    flooder.at_once("release")
    begun = other.answer("honest")["output"]["data"][0].split()
    assert begun == ["flood-0", "other"]


def test_many_sessions_are_no_more_turns(line: Place) -> None:
    flooder, other = line.visitor(2), line.visitor(3)
    for number in range(20):
        flooder.join("work", f"flood-{number}")
    for number in range(3):
        other.join("work", f"other-{number}", session="honest")
    other.join("work", "last", session="honest too")
    other.at_once("release")
    begun = other.answer("honest too")["output"]["data"][0].split()
    assert [label for label in begun if "flood" not in label] == ["other-0", "last"]
    assert begun[0] == "flood-0"
    assert len(begun) == 4


def test_where_all_places_are_taken_whoever_has_most_gives_one(line: Place) -> None:
    flooders = [line.visitor(number) for number in (2, 3, 4)]
    with ThreadPoolExecutor(1) as pool:
        sessions = []
        for _ in range(MOST_OF_ADDRESS):
            for flooder in flooders:
                session = secrets.token_hex(8)
                if flooder.join("work", "flood", session=session).status_code == 200:
                    sessions.append((flooder, session))
        assert len(sessions) >= MOST_WAITING
        assert line.visitor(5).join("work", "other", session="honest").status_code == 200
        waiting = pool.submit(line.visitor(5).answer, "honest")
        line.visitor(6).at_once("release")
        assert waiting.result(SECONDS)["success"]
    told = [flooder.answer(session) for flooder, session in sessions[-3:]]
    gave_way = [answer["output"]["error"] for answer in told if not answer["success"]]
    assert gave_way == [text("limits.gave_way")]


def test_a_page_may_wait_for_so_much_and_is_told_in_its_language(line: Place) -> None:
    visitor = line.visitor(2)
    for _ in range(MOST_OF_SESSION):
        assert visitor.join("work", "x", session="one").status_code == 200
    for language in ("en", "zh-CN"):
        refused = visitor.join("work", "x", session="one", **{"Accept-Language": language})
        assert refused.status_code == REFUSED
        assert refused.json()["detail"] == text("limits.too_many", language)
    assert visitor.join("work", "x", session="two").status_code == 200


def test_a_forged_header_makes_no_other_visitor(line: Place) -> None:
    # Also from 127.0.0.1, which uvicorn would believe if it were not told otherwise.
    for visitor in (replace(line, network=0).visitor(1), line.visitor(2)):
        status = []
        for number in range(MOST_OF_ADDRESS + 5):
            forged = dict.fromkeys(("X-Forwarded-For", "X-Real-IP"), f"198.51.100.{number}")
            status.append(visitor.join("work", "x", **forged).status_code)
        assert status[-6:] == [200] + [REFUSED] * 5


def test_a_known_proxy_tells_visitors_apart_by_the_last_hop(tmp_path: Path) -> None:
    with place(tmp_path, names=["a.example"]) as found:
        proxy = found.visitor(1)

        def asked(forged: str, last: str, times: int) -> list[int]:
            hops = {"X-Forwarded-For": f"{forged}, {last}", "Host": "a.example"}
            return [proxy.join("work", "x", **hops).status_code for _ in range(times)]

        assert asked("198.51.100.1", "203.0.113.1", MOST_OF_ADDRESS + 1)[-2:] == [200, REFUSED]
        assert asked("198.51.100.2", "203.0.113.1", 1) == [REFUSED]
        assert asked("198.51.100.1", "203.0.113.2", 1) == [200]
        proxy.at_once("release")


def test_ticks_pass_while_the_line_is_full(line: Place) -> None:
    flooder, other = line.visitor(2), line.visitor(3)
    for _ in range(MOST_OF_ADDRESS):
        flooder.join("work", "flood")
    assert other.at_once("tick").startswith("flood")


def test_an_event_over_its_time_ends_with_a_sentence_and_frees_its_place(line: Place) -> None:
    first, second = line.visitor(2), line.visitor(3)
    first.join("grind", "long", session="long")
    second.join("work", "short", session="short")
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(first.answer, "long")
        second.at_once("release")
        begun = second.answer("short")["output"]["data"][0]
    assert begun.split() == ["long", "short"]
    ended = long.result(SECONDS)
    assert not ended["success"]
    sentence = re.escape(text("limits.too_long", seconds=7)).replace("7", r"\d+")
    assert re.fullmatch(sentence, ended["output"]["error"])


def test_what_comes_in_bits_gives_way_after_each(line: Place) -> None:
    long, other = line.visitor(2), line.visitor(3)
    long.join("steps", "long", session="in bits")
    for number in range(3):
        other.join("work", f"short-{number}", session="in one")
    other.at_once("release")
    begun = long.answer("in bits")["output"]["data"][0].split()
    assert begun[:7] == ["long-0", "short-0", "long-1", "short-1", "long-2", "short-2", "long-3"]
    assert begun[-1] == "long-9"


def test_what_nobody_waits_for_ends(line: Place) -> None:
    gone, other = line.visitor(2), line.visitor(3)
    gone.join("grind", "gone", session="gone")
    with gone.events("gone") as stream:
        assert next(line for line in stream.iter_lines() if "process_starts" in line)
    other.join("work", "other", session="honest")
    other.at_once("release")
    assert other.answer("honest")["output"]["data"][0].split() == ["gone", "other"]


@pytest.mark.slow
def test_a_visit_leaves_next_to_nothing(tmp_path: Path) -> None:
    """Gradio would keep half a megabyte and more of each."""
    command = ["app.py", "--no-browser", "--public", "--port", str(free_port()), "--home", str(tmp_path)]
    with launched(command) as url:
        with client_at("127.0.0.1", url) as http:
            config = http.get("config").json()
        page = next(child for child in psutil.Process().children() if "--public" in child.cmdline())
        values = {component["id"]: component["props"].get("value") for component in config["components"]}
        first = [
            function
            for function in config["dependencies"]
            if function["backend_fn"] and any(event == "load" for _, event in function["targets"])
        ]

        def visit(address: str) -> None:
            session = secrets.token_hex(8)
            with client_at(address, url) as http, http.stream("GET", f"gradio_api/heartbeat/{session}"):
                for function in first:
                    data = [values.get(number) for number in function["inputs"]]
                    body = {"data": data, "fn_index": function["id"], "session_hash": session}
                    chinese = {"Accept-Language": "zh"}  # as the page was not made
                    assert http.post("gradio_api/run/predict", json=body, headers=chinese).status_code == 200

        def after(visits: range) -> int:
            for number in visits:
                visit(f"127.1.0.{number}")
            return int(page.memory_info().rss)

        before = after(range(1, 41))
        assert (after(range(41, 101)) - before) / 60 < 100_000
