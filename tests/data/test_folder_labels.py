"""What folders say of the photos in them."""

from __future__ import annotations

import pytest

from resnet_demo.data.folder_labels import read_folders

LAYOUTS: dict[str, dict[str, str | None]] = {
    "class folders": {"cats": "cats", "dogs": "dogs"},
    "one class": {"cats": "cats"},
    "one class, deep": {"a/b/cats": "cats"},
    "photos beside class folders": {"": None, "cats": "cats", "dogs": "dogs"},
    "no folders": {"": None},
    "wrapped": {"data/cats": "cats", "data/dogs": "dogs"},
    "wrapped, a photo in the wrapping": {"data": None, "data/cats": "cats", "data/dogs": "dogs"},
    "nested": {"animals/cats": "animals", "animals/pets/dogs": "animals", "plants/tulips": "plants"},
    "photos at two levels": {"dogs": "dogs", "dogs/puppies": "dogs", "cats": "cats"},
    "the same name in two places": {"monday/cats": "cats", "tuesday/cats": "cats", "tuesday/dogs": "dogs"},
    "the same name on two levels": {"cats/cats": "cats", "cats": "cats", "dogs": "dogs"},
    "split": {"train/cats": "cats train", "train/dogs": "dogs train", "val/cats": "cats val", "test/cats": "cats test"},
    "other words, other case": {
        "Training/a": "a train",
        "valid/a": "a val",
        "VALIDATION/b": "b val",
        "testing/b": "b test",
    },
    "split, wrapped": {"set/train/cats": "cats train", "set/test/cats": "cats test"},
    "split, classes nested": {"train/pets/cats": "cats train", "val/pets/cats": "cats val"},
    "split within the classes": {"cats/train": "cats train", "cats/test": "cats test", "dogs/train": "dogs train"},
    "split, test without classes": {"train/cats": "cats train", "train/dogs": "dogs train", "test": None},
    "split without classes": {"train": None, "test": None},
    "only train, without classes": {"train": None},
    "some outside of the split": {"train/cats": "cats train", "test/cats": "cats test", "more/cats": None},
    "a class called train": {"train": "train", "bus": "bus"},
    "a class called train, split": {"train/train": "train train", "test/train": "train test", "train/bus": "bus train"},
    "only one part": {"train/cats": "cats train", "train/dogs": "dogs train"},
    "nothing": {},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str) -> None:
    told = {
        folder: place and " ".join(filter(None, (place.label, place.split)))
        for folder, place in read_folders(dict.fromkeys(LAYOUTS[layout], 5)).labels.items()
    }
    assert told == LAYOUTS[layout]
