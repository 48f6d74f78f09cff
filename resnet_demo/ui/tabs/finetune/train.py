"""The train step of the Fine-tune tab."""

from __future__ import annotations

from typing import Any

from resnet_demo.ui.language import Words
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session


def build(words: Words, services: Services, session: Session, steps: Any) -> None:
    """Lay out the step inside the one that is open; `steps` are the tabs, to go on to the next."""
