"""A small app behind our request filter and file access, with one endpoint for each way of taking a file.

Started by the tests as `python -m tests.attack.small_app '{"port": 7900, ...}'`, with the settings as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo.settings import Settings
from resnet_demo.ui import page
from resnet_demo.ui.components.drop_zone import received
from resnet_demo.ui.errors import visitor_errors
from resnet_demo.ui.server import time_limit

SECONDS_TO_RELEASE = 900.0
STEPS = 10
ENDPOINTS: dict[str, Callable[[], Any]] = {
    "image_path": lambda: gr.Image(type="filepath", image_mode=None),
    "image_pil": lambda: gr.Image(type="pil"),
    "gallery_path": lambda: gr.Gallery(type="filepath"),
    "gallery_pil": lambda: gr.Gallery(type="pil"),
    "slider": lambda: gr.ImageSlider(type="filepath", image_mode=None),
    "file": gr.File,
    "files": lambda: gr.File(file_count="multiple"),
}


def seen(value: Any) -> str:
    """What a handler got, as text: the bytes of each file and the size of each picture, so that any leak shows."""
    if isinstance(value, str | Path):
        return repr(Path(value).read_bytes())
    if isinstance(value, list | tuple):
        return " ".join(seen(item) for item in value if item is not None)
    return str(value.size)


def build(settings: Settings) -> gr.Blocks:
    """One button for each endpoint, one for the drop zone's payload, and one that is hidden."""

    def seen_dropped(payload: object) -> str:
        return seen([photo.path for photo in received(payload, settings)])

    with gr.Blocks(analytics_enabled=False) as demo:
        answer = gr.Textbox()
        for name, kind in ENDPOINTS.items():
            gr.Button().click(seen, kind(), answer, api_name=name)
        gr.Button().click(seen_dropped, gr.HTML(value=[]), answer, api_name="drop")
        gr.Button().click(seen, ENDPOINTS["image_path"](), answer, api_visibility="private")
        add_line(answer)
    return demo


def add_line(answer: gr.Textbox) -> None:
    """Endpoints of work that visitors wait for: `work` is done once `release` was called, `grind` never ends.

    `steps` has ten results. `hold` begins anew; `tick` tells what was begun so far.
    """
    begun: list[str] = []
    released = threading.Event()

    def work(label: str) -> str:
        begun.append(label)
        released.wait(SECONDS_TO_RELEASE)
        return " ".join(begun)

    def grind(label: str) -> str:
        begun.append(label)
        with visitor_errors():
            while True:
                time.sleep(0.02)
                time_limit.go_on()

    def steps(label: str) -> Iterator[str]:
        for number in range(STEPS):
            begun.append(f"{label}-{number}")
            while not released.wait(SECONDS_TO_RELEASE):
                pass
            yield " ".join(begun)

    def release() -> str:
        released.set()
        return " ".join(begun)

    def hold() -> str:
        begun.clear()
        released.clear()
        return ""

    for name, function in (("work", work), ("grind", grind), ("steps", steps)):
        gr.Button().click(
            function, gr.Textbox(), answer, api_name=name, concurrency_id="line", concurrency_limit=1, queue=True
        )
    at_once = {"release": release, "hold": hold, "tick": lambda: " ".join(begun)}
    for name, quick in at_once.items():
        gr.Button().click(quick, None, answer, api_name=name, queue=False)


if __name__ == "__main__":
    settings = Settings(**json.loads(sys.argv[1]))
    demo = build(settings)
    print(page.launch(demo, settings), flush=True)
    demo.block_thread()
