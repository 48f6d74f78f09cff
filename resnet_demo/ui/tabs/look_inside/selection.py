"""What one visitor has selected in the Look inside tab: photo, part, blocks switched off, classes, open section."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resnet_demo.ui.tabs.look_inside.inspection import InspectedPhoto, PhotoSelection

SECTIONS = ("saliency", "maps", "residual", "flow")
ALWAYS_SHOWN = "saliency"
"""The section whose picture stands beside the photo, whatever is open."""


@dataclass(frozen=True, eq=False)
class Selection:
    """All that a section needs to know.

    `photos` are those that the visitor gave, `inspected` is what is known of the one that is looked into. `part`, empty
    as long as none was chosen, and the `removed` blocks are the network's. The classes are as the browser sent them:
    `Inspection.knows` tells whether there is one of this number.
    """

    photos: PhotoSelection | None = None
    inspected: InspectedPhoto | None = None
    part: str = ""
    removed: tuple[str, ...] = ()
    target_class: int | None = None
    contrast_class: int | None = None
    open_section: str = SECTIONS[0]

    def shown(self) -> tuple[object, ...]:
        """All that a section shows something of, whichever is open: equal where it is the same of the same photo."""
        return self.inspected, self.part, self.removed, self.target_class, self.contrast_class


class CurrentSelection:
    """One visitor's selection as it is now: the value of the tab's one gr.State.

    Events of a visitor overlap, and Gradio writes a state only when an event ends: of two that changed different fields
    of one record, the second to end would undo what the first has changed. So this object stays the same, all events
    are given it, and each changes nothing but its own fields, by a pure function, under a lock.

    There is a version of each kind of work, a section's or any other: it grows when such work has become useless.
    """

    def __init__(self, selection: Selection | None = None) -> None:
        self._lock = threading.Lock()
        self._versions: Counter[str] = Counter()
        self._begun: dict[str, object] = {}
        self.selection = selection or Selection()

    def __deepcopy__(self, memo: dict[int, Any]) -> CurrentSelection:
        """Another one; Gradio makes each visitor's in this way."""
        return CurrentSelection(self.selection)

    def change(self, changed: Callable[[Selection], Selection]) -> Selection:
        """Replace the selection by what `changed` makes of it; returns the new one."""
        with self._lock:
            self.selection = changed(self.selection)
            return self.selection

    def version(self, kind: str) -> int:
        """The version of a kind of work."""
        with self._lock:
            return self._versions[kind]

    def supersede(self, *kinds: str) -> None:
        """Have all work of these kinds that is still under way end."""
        with self._lock:
            self._versions.update(kinds)

    def begin(self, kind: str, what: object) -> None:
        """Have work of this kind end unless it is of the same: what it makes is still of use then."""
        with self._lock:
            if self._begun.get(kind) != what:
                self._begun[kind] = what
                self._versions.update([kind])
