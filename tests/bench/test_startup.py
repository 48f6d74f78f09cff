"""How soon the page answers, against a bare `import gradio` and an empty page; both in fresh processes, in turn."""

from __future__ import annotations

import statistics
import time

import httpx
import pytest

from tests.launched import free_port, launched

pytestmark = pytest.mark.bench

# Python may keep the bytecode of our modules, as it does for everyone's second start; that of packages is always kept.
KEEPING_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}

ROUNDS = 5
MOST_TIMES = 1.3

EMPTY = """
import gradio as gr
with gr.Blocks() as demo:
    pass
demo.launch(server_port={port}, prevent_thread_lock=True, quiet=True)
print(demo.local_url, flush=True)
demo.block_thread()
"""


def seconds_to_answer(command: list[str]) -> float:
    """From the start of the process to the whole first answer."""
    started = time.perf_counter()
    with launched(command, **KEEPING_BYTECODE) as url:
        assert httpx.get(url, trust_env=False).status_code == 200
        return time.perf_counter() - started


def test_page_answers_as_soon_as_an_empty_one() -> None:
    times: dict[str, list[float]] = {"empty": [], "ours": []}
    for round_ in range(ROUNDS + 1):
        port = str(free_port())
        commands = {"empty": ["-c", EMPTY.format(port=port)], "ours": ["app.py", "--no-browser", "--port", port]}
        for name, command in commands.items():
            seconds = seconds_to_answer(command)
            if round_:  # the first round fills the caches of the disk and of bytecode
                times[name].append(seconds)
    empty, ours = (statistics.median(times[name]) for name in ("empty", "ours"))
    print(f"empty page {empty:.2f} s, ours {ours:.2f} s, {ours / empty:.2f} times")
    assert ours / empty <= MOST_TIMES
