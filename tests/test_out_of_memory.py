"""Memory that runs out while a network is loaded ends in the sentence that a training step has for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from resnet_demo.jobs import queue
from resnet_demo.models import variants
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.training.run import Run
from resnet_demo.ui.errors import VisitorError, visitor_errors
from tests.conftest import ROOT
from tests.jobs.small import coloured_photos, small_config
from tests.tiny import photos

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's addresses so")

SENTENCE = text("train.problem.out_of_memory")

LIMIT = """
import resource, sys
from pathlib import Path
import torch, torch.optim, resnet_demo.inference, resnet_demo.training.loop
from resnet_demo import cli
from resnet_demo.jobs import worker
from resnet_demo.settings import Settings
from resnet_demo.training.run import Run
torch.ones(8) @ torch.ones(8)
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + int(sys.argv.pop(1)),) * 2)
"""
"""What is loaded up to here fits, and not much more: so many bytes as the first argument says."""


def limited(script: str, more: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LIMIT + script, str(more), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_command_says_so(tmp_path: Path, suffix: str) -> None:
    if suffix == "pth":
        torch.save(variants.build("resnet50").state_dict(), tmp_path / "net.pth")
    else:
        import safetensors.torch

        safetensors.torch.save_file(variants.build("resnet50").state_dict(), tmp_path / "net.safetensors")
    photo = photos(tmp_path, 1)[0]
    script = "sys.exit(cli.main(sys.argv[1:]))"
    flags = ("--model", tmp_path / f"net.{suffix}", "--variant", "resnet50")
    done = limited(script, 60_000_000, "--home", tmp_path, "classify", photo, *flags)
    assert (done.returncode, done.stderr.strip()) == (2, SENTENCE)


@pytest.mark.slow
def test_a_run_says_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    run = queue.create(small_config(coloured_photos(tmp_path / "photos"), variant="wide_resnet101_2"), settings)
    script = "worker.execute_run(Run.open(Path(sys.argv[1])), Settings(home=Path(sys.argv[2])))"
    done = limited(script, 320_000_000, run.folder, settings.home)
    assert done.returncode == 0, done.stderr
    newest = Run.open(run.folder).events.newest("failed")
    assert newest is not None
    assert newest["key"] == "train.problem.out_of_memory"


def test_the_page_says_so() -> None:
    with pytest.raises(VisitorError) as caught, visitor_errors():
        torch.empty(2**60, dtype=torch.uint8)
    assert caught.value.said == SENTENCE
