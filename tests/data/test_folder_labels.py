"""What folders say of the photos in them."""

from __future__ import annotations

import random

import pytest

from resnet_demo.data.class_level import ClassLevel
from resnet_demo.data.folder_labels import Reading, read_folders

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


WORDS = (
    *(
        "train",
        "test",
        "val",
        "dev",
        "holdout",
        "seg_train",
        "seg_test",
        "训练集",
        "images",
        "masks",
        "batch1",
        "1",
        "2",
    ),
    *("cat", "Cat", "dog ", "rose", "monday", "tuesday", "results", "train_cat", "test_cat", "Thumbs", " ", "a*b"),
)


@pytest.mark.parametrize("level", ["auto", "first", "last"])
def test_every_photo_of_any_tree_is_accounted_for(level: ClassLevel) -> None:
    """Each photo has a class, or lies in a folder that is named as passed over, or above all classes."""
    dice = random.Random(0)
    reading = Reading(class_level=level)
    for _ in range(500):
        paths = {"/".join(dice.choices(WORDS, k=dice.randint(0, 4))) for _ in range(dice.randint(1, 12))}
        counts = {path: dice.randint(1, 9) for path in sorted(paths)}
        read = read_folders(counts, reading)
        assert read.labels.keys() == counts.keys()
        left = {path for path, label in read.labels.items() if label is None}
        passed = {path for path in left if any(f"{path}/".startswith(f"{one.path}/") for one in read.layout.skipped)}
        assert sum(one.count for one in read.layout.skipped) == sum(counts[path] for path in passed), counts
        inner = {*(counts.keys() - left), *(folder for _, folder in read.layout.parts)}
        for path in left - passed:
            above = not path or any(folder.startswith(f"{path}/") for folder in inner)
            assert above or not read.layout.parts, counts
        assert read_folders(dict(reversed(list(counts.items()))), reading).labels == read.labels
