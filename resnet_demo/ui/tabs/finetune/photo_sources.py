"""The register of sources of photos: what each lays out in its panel, and the function that imports its photos."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.settings import Settings
from resnet_demo.ui.components.drop_zone import photo_drop
from resnet_demo.ui.events import Events
from resnet_demo.ui.tabs.finetune import class_boxes, uploads
from resnet_demo.ui.tabs.finetune.class_boxes import Box, boxes_input
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import say


@dataclass(frozen=True)
class SourcePanel:
    """A panel: the event upon which photos are imported (as Gradio's `button.click`), and its inputs."""

    event: Callable[..., Any]
    inputs: tuple[Any, ...] = ()


@dataclass(frozen=True)
class PhotoSource:
    """One source of photos.

    `lay_out` fills the panel that is open. `importer` is given the settings, the progress of each stage by its name,
    and the panel's inputs, as in `uploads`. `local_only`: it is for visitors of this machine alone.
    """

    lay_out: Callable[[Translations, Events, Settings], SourcePanel]
    importer: Callable[..., ImportedFolder]
    local_only: bool = False


def sources_for(settings: Settings) -> dict[str, PhotoSource]:
    """The sources that visitors of a page with these settings have."""
    return {name: source for name, source in SOURCES.items() if settings.local_paths_allowed or not source.local_only}


def style_of_panels(names: Iterable[str]) -> str:
    """A rule that shows the panel of the source that is selected; Gradio itself takes apart what it is told to hide."""
    panels = (f'#content:has(#photos-source [value="{name}"]:checked) #photos-by-{name}' for name in names)
    return "<style>" + ", ".join(panels) + " { display: flex; }" + "</style>"


def paragraph(translations: Translations, key: str) -> None:
    """A translated sentence."""
    translations.create(gr.HTML, {"value": lambda: f"<p>{escape(say(key))}</p>"})


def _button(translations: Translations, key: str, elem_id: str) -> Any:
    return translations.create(
        gr.Button, {"value": key}, variant="primary", elem_id=elem_id, elem_classes="photos-button"
    )


def _drop(translations: Translations, events: Events, settings: Settings) -> SourcePanel:  # noqa: ARG001
    drop = photo_drop(translations, settings, archives=True, elem_id="photos-drop")
    return SourcePanel(drop.upload, (drop,))


def _boxes(translations: Translations, events: Events, settings: Settings) -> SourcePanel:
    boxes = gr.State((), time_to_live=settings.keep_seconds)
    page_boxes = boxes_input(translations, settings, elem_id="photos-boxes")

    def sort(held: tuple[Box, ...], action: object) -> dict[Any, Any]:
        """The boxes after an action on them."""
        left = class_boxes.apply_action(held or class_boxes.FIRST, action, settings)
        return {boxes: left, page_boxes: gr.update(boxes=[box.for_page() for box in left])}

    sorting = events.handler(
        sort,
        [boxes, page_boxes],
        [boxes, page_boxes],
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="multiple",
        # One after the other, in their order: each goes on from what the one before it has left.
        concurrency_id="boxes",
        concurrency_limit=1,
    )
    page_boxes.input(**sorting)
    return SourcePanel(page_boxes.submit(**sorting).success, (boxes,))


def _folder(translations: Translations, events: Events, settings: Settings) -> SourcePanel:
    folder = translations.create(
        gr.Dropdown,
        {"label": "photos.folder", "info": "photos.folder.hint"},
        allow_custom_value=True,
        value=None,
        choices=[],
        elem_id="photos-folder",
    )

    def list_folders() -> Any:
        """The folders that were imported earlier."""
        return gr.update(choices=[str(earlier) for earlier in uploads.earlier_folders(settings.home)])

    listing = events.handler(list_folders, None, folder, show_progress="hidden", queue=False, api_visibility="private")
    folder.focus(**listing)
    return SourcePanel(_button(translations, "photos.folder.open", "photos-open").click, (folder,))


def _hub(translations: Translations, events: Events, settings: Settings) -> SourcePanel:  # noqa: ARG001
    name = translations.create(
        gr.Textbox,
        {"label": "photos.hub", "info": "photos.hub.hint", "placeholder": "photos.hub.example"},
        max_lines=1,
        elem_id="photos-hub",
    )
    fetch = _button(translations, "photos.hub.fetch", "photos-fetch")
    return SourcePanel(partial(gr.on, [name.submit, fetch.click]), (name,))


def _flowers(translations: Translations, events: Events, settings: Settings) -> SourcePanel:  # noqa: ARG001
    paragraph(translations, "photos.flowers.about")
    return SourcePanel(_button(translations, "photos.flowers.use", "photos-flowers").click)


def _drawn(translations: Translations, events: Events, settings: Settings) -> SourcePanel:  # noqa: ARG001
    paragraph(translations, "photos.drawn.about")
    return SourcePanel(_button(translations, "photos.drawn.use", "photos-drawn").click)


SOURCES = {
    "drop": PhotoSource(_drop, uploads.from_drop),
    "boxes": PhotoSource(_boxes, uploads.from_sorted),
    "folder": PhotoSource(_folder, uploads.from_path, local_only=True),
    "hub": PhotoSource(_hub, uploads.from_hub_id),
    "drawn": PhotoSource(_drawn, uploads.from_drawn_sample),
    "flowers": PhotoSource(_flowers, uploads.from_sample),
}
"""Every source by its name, in the page's order. Its name on the page is the text `photos.source.<name>`."""
