"""What is imported when: page and command line stand before torch is loaded, and only the page has Gradio."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import resnet_demo

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(found.name for found in pkgutil.walk_packages(resnet_demo.__path__, "resnet_demo."))
WITHOUT_GRADIO = [name for name in MODULES if not name.startswith(("resnet_demo.ui", "resnet_demo.__main__"))]

BUILD_PAGE = """
from resnet_demo.settings import find_settings
from resnet_demo.ui import page
page.build(find_settings())
"""
BUILD_PARSER = """
from resnet_demo.cli import build_parser
build_parser("en")
"""
IMPORT_APP = "import app"


@cache
def modules_after(code: str) -> frozenset[str]:
    """The modules that a fresh interpreter has loaded once it has run `code`."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(ended.stdout.split())


@pytest.mark.parametrize(
    ("code", "expected"),
    [(BUILD_PAGE, "gradio"), (BUILD_PARSER, "argparse"), (IMPORT_APP, "resnet_demo.settings")],
    ids=["page", "parser", "app"],
)
def test_no_torch_yet(code: str, expected: str) -> None:
    loaded = modules_after(code)
    assert expected in loaded
    assert not loaded & {"torch", "torchvision"}


@pytest.mark.parametrize("code", [BUILD_PARSER, IMPORT_APP], ids=["parser", "app"])
def test_no_gradio_yet(code: str) -> None:
    """Flags are read and help is printed before the seconds that Gradio takes."""
    assert "gradio" not in modules_after(code)


def test_only_the_page_has_gradio() -> None:
    assert "resnet_demo.inference" in WITHOUT_GRADIO
    loaded = modules_after("\n".join(f"import {name}" for name in WITHOUT_GRADIO))
    assert set(WITHOUT_GRADIO) <= loaded
    assert "gradio" not in loaded
