"""Who a visitor is, and how often one may ask."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.ui.security import visitor_limits
from resnet_demo.ui.security.visitor_limits import (
    PROXIES,
    Buckets,
    Rate,
    VisitorLimits,
    believed_proxies,
    believing,
    network_of,
)


@pytest.mark.parametrize(
    ("host", "visitor"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_visitor_is_an_address_or_a_network(host: str, visitor: str) -> None:
    assert network_of(host) == visitor


def seen_through(settings: Settings, peer: str, forwarded: str | None) -> str:
    """The address that a request seems to come from, as uvicorn has it with the proxies that we believe."""
    connected: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        connected.append(scope["client"][0])

    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    scope: Any = {"type": "http", "client": (peer, 1), "headers": headers, "scheme": "http"}
    middleware = ProxyHeadersMiddleware(app, believed_proxies(settings))
    asyncio.run(middleware(scope, None, None))  # type: ignore[arg-type]
    return connected[0]


def test_nobody_is_believed_where_no_proxy_is_known() -> None:
    for peer in ("127.0.0.1", "192.168.1.5", "203.0.113.7"):
        assert seen_through(Settings(host="0.0.0.0", public=True), peer, "198.51.100.1") == peer


@pytest.mark.parametrize("settings", [Settings(share=True, public=True), Settings(names=("a.example",), public=True)])
def test_a_proxy_on_this_machine_is_believed_for_the_last_hop_alone(settings: Settings) -> None:
    assert seen_through(settings, "127.0.0.1", "198.51.100.1, 203.0.113.7") == "203.0.113.7"
    assert seen_through(settings, "127.0.0.1", "198.51.100.1, 192.168.1.5") == "192.168.1.5"
    assert seen_through(settings, "192.168.1.5", "198.51.100.1") == "192.168.1.5"
    assert seen_through(settings, "127.0.0.1", None) == "127.0.0.1"


def test_on_a_space_the_hops_of_the_house_are_passed_over() -> None:
    space = Settings(space_host="a.hf.space", public=True)
    assert seen_through(space, "10.16.4.2", "198.51.100.1, 203.0.113.7, 10.16.1.1") == "203.0.113.7"
    assert seen_through(space, "10.16.4.2", "198.51.100.1, 203.0.113.7") == "203.0.113.7"


def test_whom_the_owner_names_is_believed_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROXIES, raising=False)
    with believing(Settings(share=True)):
        assert os.environ[PROXIES] == "127.0.0.1,::1"
    assert PROXIES not in os.environ
    monkeypatch.setenv(PROXIES, "192.0.2.1")
    with believing(Settings(share=True)):
        assert os.environ[PROXIES] == "192.0.2.1"
    assert os.environ[PROXIES] == "192.0.2.1"


def test_a_bucket_is_emptied_by_a_burst_and_fills_at_its_rate() -> None:
    now = [0.0]
    buckets = Buckets(Rate(per_second=2, burst=3), lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b")
    now[0] = 1.0
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    now[0] = 100.0
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]


def test_only_so_many_visitors_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitor_limits, "MOST_ADDRESSES", 64)  # as many as there are would take their time
    buckets = Buckets(Rate(1, 1), lambda: 0.0)
    visitors = [str(number) for number in range(3 * visitor_limits.MOST_ADDRESSES)]
    assert all(map(buckets.take, visitors))
    # Whoever has been forgotten may ask as if for the first time.
    remembered = list(itertools.takewhile(lambda visitor: not buckets.take(visitor), reversed(visitors)))
    assert len(remembered) == visitor_limits.MOST_ADDRESSES


def asked(limits: VisitorLimits, address: str, *requests: tuple[str, str], **headers: str) -> list[httpx.Response]:
    """What a visitor at an address is answered to some (method, path), one after the other."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(limits, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return [await client.request(method, path, headers=headers) for method, path in requests]

    return asyncio.run(ask())


JOIN = ("POST", "/gradio_api/queue/join")
FRAME = ("POST", min(visitor_limits.FRAMES))


def limits_of(settings: Settings) -> VisitorLimits:
    """In front of an app that answers all, with a clock that stands still."""
    return VisitorLimits(PlainTextResponse("answered"), settings, clock=lambda: 0.0)


def test_who_asks_too_often_is_told_and_others_are_answered() -> None:
    limits, most = limits_of(Settings(public=True)), int(visitor_limits.ASKING.burst)
    answers = asked(limits, "192.0.2.1", *[JOIN] * (most + 2), **{"Accept-Language": "zh-CN"})
    assert [answer.status_code for answer in answers] == [200] * most + [429] * 2
    said = text("limits.too_often", "zh-CN")
    assert answers[-1].json() == {"detail": said, "error": said}
    assert [answer.status_code for answer in asked(limits, "192.0.2.2", JOIN)] == [200]
    # Files of the page and frames of a camera are counted on their own.
    others = asked(limits, "192.0.2.1", ("GET", "/assets/a.js"), FRAME, ("GET", "/"), JOIN)
    assert [answer.status_code for answer in others] == [200, 200, 429, 429]


def test_events_count_by_what_they_bring() -> None:
    """To parse half a megabyte takes as long as dozens of small events; a length that is not told counts as much."""
    limits, most = limits_of(Settings(public=True)), int(visitor_limits.ASKING.burst)
    long = 10 * visitor_limits.BYTES_OF_ASKING
    answers = asked(limits, "192.0.2.1", *[JOIN] * (most // 11 + 1), **{"Content-Length": str(long)})
    assert [answer.status_code for answer in answers] == [200] * (most // 11) + [429]
    uploads = [("POST", visitor_limits.UPLOAD)] * most
    answers = asked(limits, "192.0.2.2", *uploads, **{"Content-Length": str(long)})
    assert {answer.status_code for answer in answers} == {200}
    untold = {"Content-Length": "", "Transfer-Encoding": "chunked"}
    answers = asked(limits, "192.0.2.3", *[JOIN] * (most // visitor_limits.UNTOLD_COST + 1), **untold)
    assert [answer.status_code for answer in answers][-2:] == [200, 429]
    answers = asked(limits, "192.0.2.4", JOIN, JOIN, **{"Content-Length": str(10**9)})
    assert [answer.status_code for answer in answers] == [200, 429]


def test_who_goes_on_after_many_refusals_is_shut_out() -> None:
    now = [0.0]
    limits = VisitorLimits(PlainTextResponse("answered"), Settings(public=True), clock=lambda: now[0])
    most, refusals = int(visitor_limits.ASKING.burst), int(visitor_limits.REFUSED.burst)
    asked(limits, "192.0.2.1", *[JOIN] * (most + refusals))
    [file] = asked(limits, "192.0.2.1", ("GET", "/assets/a.js"))
    assert file.status_code == 200
    last, file = asked(limits, "192.0.2.1", JOIN, ("GET", "/assets/a.js"))
    assert (last.status_code, file.status_code) == (429, 429)
    assert file.headers["connection"] == "close"
    assert file.json()["error"] == text("limits.too_often")
    [other] = asked(limits, "192.0.2.2", JOIN)
    assert other.status_code == 200
    # Going on makes it no longer, and nothing is saved up meanwhile.
    now[0] = visitor_limits.SHUT_OUT_SECONDS - 0.1
    assert {answer.status_code for answer in asked(limits, "192.0.2.1", *[JOIN] * 50)} == {429}
    now[0] = visitor_limits.SHUT_OUT_SECONDS
    assert [answer.status_code for answer in asked(limits, "192.0.2.1", ("GET", "/assets/a.js"))] == [200]
    now[0] += 1.0
    answers = [answer.status_code for answer in asked(limits, "192.0.2.1", *[JOIN] * 21)]
    assert answers == [200] * int(visitor_limits.ASKING.per_second) + [429]


def test_who_asks_a_little_too_often_is_not_shut_out() -> None:
    """A class behind one address, with pages that each tell how a training goes every second."""
    now = [0.0]
    limits = VisitorLimits(PlainTextResponse("answered"), Settings(public=True), clock=lambda: now[0])
    refused = 0
    for second in range(120):
        now[0] = float(second)
        answers = asked(limits, "192.0.2.1", *[JOIN] * 28)
        refused += sum(answer.status_code == 429 for answer in answers)
        assert not limits.shut_out.has("192.0.2.1")
    assert refused > 0


def test_only_so_many_are_kept_in_mind_as_shut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitor_limits, "MOST_ADDRESSES", 64)
    shut_out = visitor_limits.ShutOut(lambda: 0.0)
    for number in range(visitor_limits.MOST_ADDRESSES + 10):
        for _ in range(int(visitor_limits.REFUSED.burst) + 1):
            shut_out.count_refusal(str(number))
    kept = [number for number in range(visitor_limits.MOST_ADDRESSES + 10) if shut_out.has(str(number))]
    assert kept == list(range(10, visitor_limits.MOST_ADDRESSES + 10))


def test_files_and_frames_are_bounded_too() -> None:
    limits, most = limits_of(Settings(public=True)), int(visitor_limits.ANYTHING.burst)
    answers = asked(limits, "192.0.2.1", *[FRAME] * (most + 1))
    assert [answer.status_code for answer in answers] == [200] * most + [429]


def test_a_page_of_ones_own_has_no_limits() -> None:
    answers = asked(limits_of(Settings()), "127.0.0.1", *[JOIN] * 500)
    assert {answer.status_code for answer in answers} == {200}


def test_a_session_is_connected_as_long_as_its_heartbeat_goes_on() -> None:
    connected: list[str] = []

    @contextmanager
    def see(session: str) -> Iterator[None]:
        connected.append(f"+{session}")
        yield
        connected.append(f"-{session}")

    limits = VisitorLimits(PlainTextResponse("answered"), Settings(public=True), see)
    asked(limits, "192.0.2.1", ("GET", "/gradio_api/heartbeat/one"), JOIN, ("GET", "/gradio_api/heartbeat/two"))
    assert connected == ["+one", "-one", "+two", "-two"]
    assert limits.open == {}
