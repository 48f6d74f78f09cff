"""The visitor's choices on the Classify tab, as the browser remembers them and as answers are asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

VIEWS = ("crop", "whole")


@dataclass(frozen=True)
class Choices:
    """The model's name, the view of the photos that it is shown, and whether heat maps are laid over them."""

    model: str
    view: str = VIEWS[0]
    heat: bool = False

    @classmethod
    def from_browser(cls, sent: object, offered: Collection[str], default: str) -> Choices:
        """What a browser remembers, which may be anything; the default in the place of what is not offered here."""
        known = sent if isinstance(sent, dict) else {}
        model, view = known.get("model"), known.get("view")
        return cls(
            model if isinstance(model, str) and model in offered else default,
            view if isinstance(view, str) and view in VIEWS else VIEWS[0],
            known.get("heat") is True,
        )

    def for_browser(self) -> dict[str, Any]:
        """What the browser is to remember."""
        return {"model": self.model, "view": self.view, "heat": self.heat}

    def asked(self, others: Sequence[str] = ()) -> list[str]:
        """All that the answers depend on: the view and the models; equal lists are answered alike."""
        return [self.view, self.model, *(other for other in others if other != self.model)]
