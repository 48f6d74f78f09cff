"""Handlers of the page, called as an event calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resnet_demo.ui.events import in_context


def call(handler: Callable[..., Any], *given: object, language: str = "en", visitor: object = None) -> Any:
    """What a handler returns to this visitor, whose token and language the browser sends."""
    return in_context(handler)(language, visitor, *given)


def by_name(updates: dict[Any, Any]) -> dict[str, Any]:
    """Updates that a handler returns, by the `elem_id` of their components; those without one are left out."""
    return {component.elem_id: update for component, update in updates.items() if component.elem_id}
