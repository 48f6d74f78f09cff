"""Which file references are accepted; tests/attack shows that a launched app obeys it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from resnet_demo.texts import AppError
from resnet_demo.ui.security.file_access import refuse_foreign_files, restrict_file_access, uploaded

META = {"_type": "gradio.FileData"}


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


def test_uploaded(uploads: Path) -> None:
    file = uploads / "a.png"
    file.touch()
    assert uploaded({"path": str(file), "meta": META}) == file.resolve()


@pytest.mark.parametrize("reference", [None, "a.png", 3, [], {}, {"path": 3, "meta": META}, {"meta": META}])
def test_not_a_reference(uploads: Path, reference: object) -> None:
    with pytest.raises(AppError, match="not a file that was uploaded"):
        uploaded(reference)


def test_gone(uploads: Path) -> None:
    """Inside the folder, but cleared away, or a folder: words of its own, since an honest visitor meets them."""
    for path in (uploads / "cleared.png", uploads):
        with pytest.raises(AppError, match="has been deleted"):
            uploaded({"path": str(path), "meta": META})


def test_sibling_with_the_same_beginning(uploads: Path) -> None:
    sibling = uploads.with_name("uploads-of-others") / "a.png"
    sibling.parent.mkdir()
    sibling.touch()
    with pytest.raises(AppError):
        uploaded({"path": str(sibling), "meta": META})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda bad: bad,
        lambda bad: [[bad]],
        lambda bad: {"value": {"image": bad}},
        lambda bad: ({"path": None, "more": [bad]},),
    ],
)
def test_nested(uploads: Path, wrap: Any) -> None:
    file = uploads / "a.png"
    file.touch()
    refuse_foreign_files(wrap({"path": str(file), "meta": META}))
    with pytest.raises(AppError):
        refuse_foreign_files(wrap({"path": "/etc/passwd"}))


def test_deep_nesting_ends(uploads: Path) -> None:
    deep: Any = {"path": "/etc/passwd"}
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(AppError):
        refuse_foreign_files(deep)


def test_what_is_not_a_file(uploads: Path) -> None:
    """It passes, and hides no file that is one."""
    harmless = [None, 1, "path", {"path": None, "url": "data:image/png;base64,AA"}, {"paths": ["/etc"]}]
    refuse_foreign_files(harmless)
    with pytest.raises(AppError):
        refuse_foreign_files([*harmless, {"path": "/etc/passwd"}])


def test_many_references_of_a_zone_are_read_by_nobody(uploads: Path) -> None:
    """Gradio would look for each of them and hash its file, on the event loop, while all visitors wait."""
    files = [uploads / f"{number}.png" for number in range(3)]
    for file in files:
        file.write_bytes(b"x" * 100)
    payload = [{"rel": "a.png", "file": {"path": str(file), "meta": META}} for file in files * 50]
    with gr.Blocks(analytics_enabled=False) as demo:
        button, zone, answer = gr.Button(), gr.HTML(value=[]), gr.Textbox()
        button.click(str, zone, answer)
    restrict_file_access(demo)
    opened: list[str] = []
    listening = True

    def listen(event: str, arguments: Any) -> None:
        if listening and event == "open" and str(arguments[0]).startswith(str(uploads)):
            opened.append(str(arguments[0]))

    sys.addaudithook(listen)  # stays as long as the process
    [got] = asyncio.run(demo.preprocess_data(next(iter(demo.fns.values())), [payload], None))
    listening = False
    assert got == payload
    assert opened == []


def test_unknown_gradio_is_not_launched() -> None:
    """If Gradio hands inputs on in another way, starting must fail."""

    class Renamed:
        def preprocess_inputs(self) -> None: ...

    class Reordered:
        def preprocess_data(self, inputs: Any, block_fn: Any) -> None: ...

    for demo in (Renamed(), Reordered()):
        with pytest.raises(RuntimeError, match=gr.__version__):
            restrict_file_access(demo)
