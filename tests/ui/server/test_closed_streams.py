"""Pages that close their stream of events in the middle of work: nobody's mistake, so the log says nothing of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import gradio as gr
import httpx
import pytest

from resnet_demo.settings import Settings
from resnet_demo.ui import page
from tests.launched import free_port

SECONDS = 60.0


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    go_on = threading.Event()

    def count() -> Iterator[int]:
        for number in range(1_000):
            yield number
            go_on.wait(0.05)

    with gr.Blocks(analytics_enabled=False) as made:
        gr.Button().click(count, None, gr.Number(), api_visibility="private")
    page.launch(made, Settings(port=free_port(), home=tmp_path_factory.mktemp("home")))
    yield made
    go_on.set()
    made.close()


def test_two_streams_of_one_page(demo: gr.Blocks, caplog: pytest.LogCaptureFixture) -> None:
    """A page that is reloaded may leave a stream that has not ended yet when its next one is open."""
    url, session = str(demo.local_url), "0123456789"
    ask = {"data": [], "fn_index": next(iter(demo.fns)), "session_hash": session}
    with httpx.Client(base_url=url, trust_env=False, timeout=SECONDS) as client:
        client.post("gradio_api/queue/join", json=ask).raise_for_status()
        with ExitStack() as open_streams:
            for _ in range(2):
                stream = client.stream("GET", "gradio_api/queue/data", params={"session_hash": session})
                answer = open_streams.enter_context(stream)
                assert "event_id" in next(line for line in answer.iter_lines() if line)
    end = time.monotonic() + SECONDS
    while session in demo._queue.pending_messages_per_session and time.monotonic() < end:
        time.sleep(0.05)
    # Whoever comes next is answered, after all that the streams left has been logged.
    assert httpx.get(url, trust_env=False, timeout=SECONDS).status_code == 200
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
