"""How a folder of photos is to be read, where not as it seems: components below the report, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import gradio as gr

from resnet_demo.data.folder_labels import Reading
from resnet_demo.data.image_folder import Dataset
from resnet_demo.training.config import READING_SETTINGS
from resnet_demo.ui.tabs.finetune import setting_controls
from resnet_demo.ui.translations import Translations

FOLDERS = ("train_folder", "val_folder", "test_folder")
MOST_FOLDERS = 200
MOST_DEEP = 3


def create(translations: Translations) -> dict[str, Any]:
    """A component for each setting, by its name."""
    return {name: _create(translations, name) for name in READING_SETTINGS}


def _create(translations: Translations, name: str) -> Any:
    spec = READING_SETTINGS[name]
    if name not in FOLDERS:
        return setting_controls.create(translations, name, elem_id=f"photos-{name}")
    said = {"label": spec.label.key, "info": spec.hint.key}
    options: dict[str, Any] = {"choices": [], "value": None, "allow_custom_value": True, "elem_id": f"photos-{name}"}
    return translations.create(gr.Dropdown, said, interactive=True, **options)


def read(held: Sequence[object]) -> Reading:
    """What the components hold.

    Raises:
        AppError: one of the values makes no sense.
    """
    given = dict(zip(READING_SETTINGS, held, strict=True))
    checked = {
        name: spec.check(given[name] or None if spec.optional else given[name])
        for name, spec in READING_SETTINGS.items()
    }
    return Reading(**checked)


def updates(dataset: Dataset, reading: Reading) -> dict[str, Any]:
    """What the components show for a data set that was read so."""
    folders = _folders(dataset)
    shown: dict[str, Any] = {}
    for name in READING_SETTINGS:
        value = getattr(reading, name)
        shown[name] = gr.update(value=value, choices=folders) if name in FOLDERS else value
    return shown


def _folders(dataset: Dataset) -> list[str]:
    """Folders that may be parts: those with photos, and those that were passed over."""
    paths = {photo.path.rpartition("/")[0] for photo in dataset.photos} | {one.path for one in dataset.layout.skipped}
    found = {above for path in paths if path for above in [*accumulate(path.split("/"), "{}/{}".format)][:MOST_DEEP]}
    return sorted(found, key=lambda path: (path.count("/"), path))[:MOST_FOLDERS]
