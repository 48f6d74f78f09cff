"""The page with a data set in hand from the start, as the Photos step would leave it there.

Started by the tests as `python -m tests.browser.train_app FOLDER [flags of app.py]`.
"""

from __future__ import annotations

import os
import sys

from resnet_demo.settings import find_settings
from resnet_demo.ui import page, session


class WithPhotos(session.Session):
    """A visitor's things, with photos among them."""

    def __init__(self) -> None:
        super().__init__()
        self.dataset.value = sys.argv[1]


if __name__ == "__main__":
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    page.Session = WithPhotos  # type: ignore[misc]
    settings = find_settings(sys.argv[2:])
    demo = page.build(settings)
    print(page.launch(demo, settings), flush=True)
    demo.block_thread()
