"""The package: what it needs is what requirements.txt says, and it works where it is installed, away from here."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from resnet_demo.console import names_command
from tests.conftest import ROOT
from tests.data.drawn import jpeg
from tests.launched import free_port, launched_process

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def required(file: str) -> list[str]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("-r")]


def test_it_needs_what_the_requirements_say() -> None:
    assert PROJECT["dependencies"] == required("requirements.txt")
    assert PROJECT["optional-dependencies"]["dev"] == required("requirements-dev.txt")
    assert set(PROJECT["optional-dependencies"]["openvino"]) <= set(required("requirements-dev.txt"))


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("classify a.jpg", True),
        ("--home DIR runs", True),
        ("--help", True),
        ("--version", True),
        ("", False),
        ("--port 8000 --public", False),
        ("--home runs", False),
        ("--no-browser", False),
    ],
)
def test_without_a_command_the_page_opens(words: str, command: bool) -> None:
    assert names_command(words.split()) == command


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package as pip installs it, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "built")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = (folder / "built").iterdir()
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--target", str(folder / "site")]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *options, str(wheel)], check=True)
    return folder / "site"


@pytest.mark.slow
def test_an_installed_one_classifies(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    script = installed / "bin" / "resnet-demo"
    command = [sys.executable, str(script), "--home", str(tmp_path / "home"), "classify", "a.jpg", "--csv", "a.csv"]
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["top1"] in {"daisy", "dandelion", "roses", "sunflowers", "tulips"}


@pytest.mark.slow
def test_an_installed_one_opens_the_page(installed: Path, tmp_path: Path) -> None:
    flags = ["--no-browser", "--port", str(free_port()), "--home", str(tmp_path / "home")]
    command = [str(installed / "bin" / "resnet-demo"), *flags]
    with launched_process(command, tmp_path, {"PYTHONPATH": str(installed)}) as (url, _):
        page = httpx.get(url, trust_env=False)
        icon = httpx.get(f"{url}favicon.ico", trust_env=False)
    assert page.status_code == icon.status_code == 200
    assert icon.content == (ROOT / "assets" / "icon.png").read_bytes()
    assert re.search(r"<svg[^>]+aria-hidden|\\u003csvg aria-hidden", page.text)
