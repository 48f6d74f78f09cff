"""A visitor's page without a browser: it makes the calls that Gradio's own script makes in one, and keeps the values.

What the page consists of is read from the config that comes with it, so that nothing here knows the app.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx

SECONDS_TO_ANSWER = 300.0
"""For one call, waiting in line included."""
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx makes one for each client otherwise, which takes long
CHANGING = {"state", "browserstate"}
"""Components that tell of a change wherever they stand; others must lie in an open tab."""
CONFIG = re.compile(r"window\.gradio_config = (\{.*?\});</script>", re.DOTALL)
STATIC = re.compile(r'(?:src|href)="\./((?:assets|static)/[^"]+)"')

Function = dict[str, Any]


class RefusedError(Exception):
    """A call that was answered with an error: the HTTP status, or 0 where the error came as an answer of the queue."""

    def __init__(self, call: str, status: int, said: str) -> None:
        super().__init__(f"{call}: {status} {said}")
        self.call, self.status, self.said = call, status, said


class Plan:
    """What a page consists of, the same for all visitors: components, functions, and which of them calls which."""

    def __init__(self, html: str) -> None:
        found = CONFIG.search(html)
        assert found, "the page came without its config"
        config = json.loads(found[1])
        self.components: dict[int, dict[str, Any]] = {one["id"]: one for one in config["components"]}
        self.functions: dict[int, Function] = {one["id"]: one for one in config["dependencies"]}
        self.static = STATIC.findall(html)
        self.named = {one["props"]["elem_id"]: one["id"] for one in config["components"] if one["props"].get("elem_id")}
        mounted = set(self._mounted(config["layout"]))
        kinds = {number: one["type"] for number, one in self.components.items()}
        self.told = mounted | {number for number, kind in kinds.items() if kind in CHANGING}
        self.by_target: dict[tuple[int | None, str], list[Function]] = {}
        self.after: dict[int, list[Function]] = {}
        for function in config["dependencies"]:
            for number, event in function["targets"]:
                # The root's own events carry a number that no component has.
                self.by_target.setdefault((number if number in self.components else None, event), []).append(function)
            if function["trigger_after"] is not None:
                self.after.setdefault(function["trigger_after"], []).append(function)
        self.clocks = [number for number, event in self.by_target if number is not None and event == "tick"]

    def _mounted(self, node: dict[str, Any]) -> Iterator[int]:
        """Components that stand in no tab, or in one that is open."""
        yield node["id"]
        children = node.get("children") or []
        kind = self.components[node["id"]]["type"] if node["id"] in self.components else ""
        for child in children[:1] if kind == "tabs" else children:
            yield from self._mounted(child)


class Page:
    """One visit: a session of its own, from opening the page to closing it.

    `calls` are the names of the functions that were called, in their order.
    """

    def __init__(self, http: httpx.AsyncClient, plan: Plan, tick_seconds: float | None = None) -> None:
        self.http, self.plan, self.tick_seconds = http, plan, tick_seconds
        self.session = secrets.token_hex(6)
        self.values: dict[int, Any] = {
            number: component["props"].get("value") for number, component in plan.components.items()
        }
        self.shown: dict[int, dict[str, Any]] = {}
        self.active = {number: plan.components[number]["props"].get("active", True) for number in plan.clocks}
        self.calls: list[str] = []
        self._running: set[int] = set()
        self._again: set[int] = set()
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._early: dict[str, dict[str, Any]] = {}
        self._stream: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def load(self) -> None:
        """The events that a browser begins with, and all that follow from them."""
        await self.event(None, "load")
        self._begin(*map(self._tick, self.plan.clocks))

    async def event(self, component: int | str | None, name: str, data: object = None) -> None:
        """Make what a visitor's doing calls for, to the end of all that follows.

        Raises:
            RefusedError: any of it was refused or failed.
        """
        number = self.plan.named[component] if isinstance(component, str) else component
        called = self.plan.by_target.get((number, name), [])
        await _together(self._run(function, data) for function in called)

    async def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Send one file as a drop zone does, and return what the zone then holds for it."""
        response = await self.http.post(
            "gradio_api/upload", files=[("files", ("0" + name[name.rindex(".") :], content))]
        )
        _check("upload", response)
        [path] = response.json()
        return {"rel": name, "file": {"path": path, "meta": {"_type": "gradio.FileData"}}}

    async def call(self, function: Function, values: list[object], data: object = None) -> dict[str, Any]:
        """Call one function and return Gradio's whole answer, with `data` and `changed_state_ids`.

        Raises:
            RefusedError: it was refused or failed.
        """
        name = function["api_name"]
        self.calls.append(name)
        body = {"data": values, "event_data": data, "fn_index": function["id"], "session_hash": self.session}
        if not function["queue"]:
            response = await self.http.post("gradio_api/run/predict", json=body)
            _check(name, response)
            answer: dict[str, Any] = response.json()
            return answer
        response = await self.http.post("gradio_api/queue/join", json=body)
        _check(name, response)
        message = await asyncio.wait_for(self._completed(response.json()["event_id"]), SECONDS_TO_ANSWER)
        if not message["success"]:
            raise RefusedError(name, 0, str(message["output"].get("error")))
        output: dict[str, Any] = message["output"]
        return output

    async def _run(self, function: Function, data: object = None) -> None:
        """Call a function with the values there are, show what comes back, and go on with what follows from it."""
        number, mode = function["id"], function["trigger_mode"]
        if number in self._running and mode != "multiple":
            if mode == "always_last":
                self._again.add(number)
            return
        changed: set[int] = set()
        if function["backend_fn"]:
            self._running.add(number)
            try:
                values = [self._sent(one) for one in function["inputs"]]
                answer = await self.call(function, values, data)
            except RefusedError:
                following = [one for one in self.plan.after.get(number, []) if not one["trigger_only_on_success"]]
                await _together(map(self._run, following))
                raise
            finally:
                self._running.discard(number)
            changed = self._show(function["outputs"], answer)
        following = [one for one in self.plan.after.get(number, []) if not one.get("trigger_only_on_failure")]
        told = [(one, "change") for one in changed if one in self.plan.told]
        again = [function] if number in self._again else []
        self._again.discard(number)
        await _together([*map(self._run, [*following, *again]), *(self.event(*one) for one in told)])

    def _sent(self, component: int) -> object:
        return None if self.plan.components[component]["type"] == "state" else self.values.get(component)

    def _show(self, outputs: list[int], answer: dict[str, Any]) -> set[int]:
        """Take new values over; the components that changed."""
        changed = set(answer.get("changed_state_ids") or [])
        for number, update in zip(outputs, answer["data"], strict=False):
            if self.plan.components[number]["type"] == "state":
                continue
            known = update if _is_update(update) else {"value": update}
            self.shown.setdefault(number, {}).update(known)
            if "active" in known and number in self.active:
                self.active[number] = known["active"]
            if "value" in known and known["value"] != self.values.get(number):
                self.values[number] = known["value"]
                changed.add(number)
        return changed

    async def _tick(self, clock: int) -> None:
        """Let a clock call what it calls, as long as the page is open; this page shows no training."""
        idle = self.plan.components[clock]["props"].get("idle")
        while True:
            await asyncio.sleep(self.tick_seconds or float(idle or self.values[clock] or 1))
            if self.active[clock]:
                self._begin(self.event(clock, "tick", {}))

    async def _completed(self, event: str) -> dict[str, Any]:
        """The last message of a call that stands in line."""
        waiting = self._waiting[event] = asyncio.get_running_loop().create_future()
        if event in self._early:
            waiting.set_result(self._early.pop(event))
        elif self._stream is None or self._stream.done():
            self._stream = self._begin(self._listen())[0]
        try:
            return await waiting
        finally:
            self._waiting.pop(event, None)

    async def _listen(self) -> None:
        """Hand out messages until the server closes the stream; a browser opens one whenever it waits for anything."""
        try:
            while self._waiting:
                async with self.http.stream("GET", f"gradio_api/queue/data?session_hash={self.session}") as stream:
                    if stream.status_code != 200:
                        raise RefusedError("queue/data", stream.status_code, "")
                    async for line in stream.aiter_lines():
                        if line.startswith("data:"):
                            self._hand_out(json.loads(line[5:]))
        except (RefusedError, httpx.HTTPError) as error:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(error)

    def _hand_out(self, message: dict[str, Any]) -> None:
        if message["msg"] == "unexpected_error":
            raise RefusedError("queue/data", 0, str(message.get("message")))
        if message["msg"] != "process_completed":
            return
        waiting = self._waiting.get(message["event_id"])
        if waiting is None:
            self._early[message["event_id"]] = message
        elif not waiting.done():
            waiting.set_result(message)

    def _begin(self, *work: Any) -> list[asyncio.Task[Any]]:
        begun = [asyncio.ensure_future(one) for one in work]
        for task in begun:
            self._tasks.add(task)
        return begun

    async def close(self) -> list[BaseException]:
        """End all that is under way, as closing a tab does; what went wrong behind the visitor's back."""
        failed = [error for task in self._tasks if task.done() and not task.cancelled() and (error := task.exception())]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return failed


async def fetch_plan(http: httpx.AsyncClient) -> Plan:
    """A page's plan."""
    response = await http.get("")
    _check("page", response)
    return Plan(response.text)


class _AsBrowsersDo(httpx.AsyncHTTPTransport):
    """Asks again over a new connection where a kept one turns out to be closed: the server closes those at rest."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            return await super().handle_async_request(request)


@cache
def has_addresses() -> bool:
    """Whether loopback is a whole network here (Linux, Windows), or the one address 127.0.0.1 (macOS)."""
    try:
        socket.create_server((address(200), 0)).close()
    except OSError:
        return False
    return True


def address(number: int) -> str:
    """The address of visitor `number`, 2 to 254."""
    return f"127.0.0.{number}"


@asynccontextmanager
async def visitor(url: str, number: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an address of its own, where this system has any: the app tells visitors apart by it."""
    limits = httpx.Limits(max_connections=None, keepalive_expiry=1)
    transport = _AsBrowsersDo(verify=PLAIN, local_address=address(number) if has_addresses() else None, limits=limits)
    async with httpx.AsyncClient(base_url=url, transport=transport, timeout=SECONDS_TO_ANSWER) as http:
        yield http


@asynccontextmanager
async def opened(
    http: httpx.AsyncClient,
    plan: Plan,
    tick_seconds: float | None = None,
    note: Callable[[BaseException], None] = print,
) -> AsyncIterator[Page]:
    """A page in a session of its own, opened as a browser does it; `note` hears what its clock met."""
    response = await http.get("")
    _check("page", response)
    for path in plan.static:
        _check("static", await http.get(path))
    page = Page(http, plan, tick_seconds)
    async with http.stream("GET", f"gradio_api/heartbeat/{page.session}") as alive:
        if alive.status_code != 200:
            raise RefusedError("heartbeat", alive.status_code, "")
        try:
            await page.load()
            yield page
        finally:
            for error in await page.close():
                note(error)


def _is_update(value: object) -> bool:
    return isinstance(value, dict) and value.get("__type__") == "update"


def _check(call: str, response: httpx.Response) -> None:
    if response.status_code != 200:
        raise RefusedError(call, response.status_code, response.text[:200])


async def _together(work: Any) -> None:
    """Do all of it at the same time to its end; then raise the first error."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
