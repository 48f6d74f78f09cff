"""Other processes that work on the same folder, started by a few lines of code and killed."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def python(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Another process, which prints a line when it is ready."""
    command = [sys.executable, "-c", "import sys, time, os\nfrom pathlib import Path\n" + code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def wait_for_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


def end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    process.kill()
    process.wait()
    process.stdout.close()
