"""The page with its uploads on a disk of 1 MB that it alone sees; the test starts it in a mount namespace of its own.

Started as `python -m tests.attack.full_disk_app DISK [flags of app.py]`; where it may not mount, it says so and ends.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

from resnet_demo.settings import find_settings

if __name__ == "__main__":
    disk = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], check=True)  # noqa: S607
    os.environ.update(GRADIO_TEMP_DIR=str(disk / "uploads"), GRADIO_ANALYTICS_ENABLED="False")
    page = importlib.import_module("resnet_demo.ui.page")
    settings = find_settings(sys.argv[2:])
    demo = page.build(settings)
    print(page.launch(demo, settings), flush=True)
    demo.block_thread()
