"""A user without an account and without HOME, as containers have them: all works once a data home is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tiny import LABELS, photos, saved_tiny_model

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can take another user's number"
)
NOBODY = 54321


def without_home(words: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run as a user of whom the system knows nothing; root's rights stay, since Python itself may lie in its folder."""
    environ = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH"}}
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**environ, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", **variables},
        preexec_fn=lambda: os.setresuid(NOBODY, 0, 0),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_a_command_works_where_a_data_home_is_named(tmp_path: Path) -> None:
    model, photo = saved_tiny_model(tmp_path / "model"), photos(tmp_path, 1)[0]
    words = ["-m", "resnet_demo", "classify", str(photo), "--model", str(model)]
    done = without_home(words, RESNET_DEMO_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    assert any(label in done.stdout for label in LABELS)
    assert not (ROOT / "~").exists()


def test_the_published_weights_are_listed(tmp_path: Path) -> None:
    done = without_home(["-m", "resnet_demo", "--home", str(tmp_path), "models"])
    assert done.returncode == 0, done.stderr
    assert "resnet50" in done.stdout


@pytest.mark.slow
def test_the_page_is_built(tmp_path: Path) -> None:
    script = (
        "import os, pwd; from resnet_demo.settings import find_settings, prepare_home; settings = find_settings(); "
        "prepare_home(settings); from resnet_demo.ui import page; page.build(settings); "
        "print(os.path.expanduser('~'))"
    )
    done = without_home(["-c", script], RESNET_DEMO_HOME=str(tmp_path))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, str(tmp_path)), done.stderr


@pytest.mark.parametrize(
    "words", [["-m", "resnet_demo", "models"], ["app.py", "--no-browser"]], ids=["command", "page"]
)
def test_without_any_home_one_sentence_says_what_to_set(words: list[str]) -> None:
    done = without_home(words)
    assert done.returncode != 0
    assert "RESNET_DEMO_HOME" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
