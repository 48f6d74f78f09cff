"""What an event of a section is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from resnet_demo.ui.tabs.look_inside.inspection import InspectedPhoto, Inspection
from resnet_demo.ui.tabs.look_inside.selection import SECTIONS, CurrentSelection, Selection

READABLE_SIDE = 14
"""Pixels a side of feature maps in which something can be made out."""

Share = Callable[[float], None]
"""Told how much of the work is done, 0 to 1."""
Updates = dict[Any, Any]
"""By component; those that are not named stay as they are."""


def no_updates() -> Updates:
    """Updates after which everything is as it was; new ones, since Gradio takes them apart."""
    return dict(gr.skip())


class SupersededError(Exception):
    """Nobody waits for this any more: something newer was asked for."""


@dataclass(frozen=True, eq=False)
class EventContext:
    """What an event of a section is given.

    `selection` is as it was when the work began, `current` as it is now; `sent` is what was clicked, as the browser
    sent it; `section` is the one that the event is inside of, or the open one.
    """

    inspection: Inspection
    selection: Selection
    current: CurrentSelection
    share: Share
    sent: object = None
    section: str = SECTIONS[0]

    @property
    def inspected(self) -> InspectedPhoto:
        """What is known of the photo that is looked into."""
        assert self.selection.inspected is not None  # or there would be no inspection
        return self.selection.inspected

    @property
    def part(self) -> str:
        """The selected part, or the one that the section shows as long as none is."""
        return shown_part(self.inspection, self.selection, self.section)

    def with_selection(self, **fields: Any) -> EventContext:
        """The same with other fields of the selection, which the visitor's own does not get."""
        return replace(self, selection=replace(self.selection, **fields))

    def change(self, **fields: Any) -> EventContext:
        """Change these fields of the visitor's selection; returns the context with what is selected now.

        Raises:
            SupersededError: another photo is inspected by now, perhaps in a network that has other parts.
        """

        def changed(now: Selection) -> Selection:
            if now.inspected is not self.selection.inspected:
                raise SupersededError
            return replace(now, **fields)

        return replace(self, selection=self.current.change(changed))


def shown_part(inspection: Inspection, selection: Selection, section: str) -> str:
    """The selected part; while there is none, the last stage, of feature maps one whose maps can be made out."""
    return selection.part or inspection.last_stage(READABLE_SIDE if section == "maps" else 0)
