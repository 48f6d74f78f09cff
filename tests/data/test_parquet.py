"""Photos of Parquet tables, written as the Hub's are: where they land, what is passed over, and what is refused."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow.parquet import write_table

from resnet_demo.data import parquet
from resnet_demo.data.disk_usage import BLOCK, disk_bytes
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.texts import AppError
from tests.damage import hurt_bytes
from tests.data.drawn import contents, draw, encoded, jpeg

CLASSES = ["tulips", "train", "郁金香"]
IMAGE = {"_type": "Image"}


def label(names: Sequence[str] = CLASSES) -> dict[str, Any]:
    return {"_type": "ClassLabel", "names": list(names)}


def picture(number: int, path: str | None = None) -> dict[str, Any]:
    return {"bytes": jpeg(number), "path": path}


def packed(columns: Mapping[str, Any], features: Mapping[str, Any] | None = None, group: int = 2) -> bytes:
    """A table as the datasets library writes it, with the columns' meaning in its metadata."""
    table = pa.table(dict(columns))
    if features is not None:
        about = json.dumps({"info": {"features": dict(features)}})
        table = table.replace_schema_metadata({"huggingface": about})
    buffer = io.BytesIO()
    write_table(table, buffer, row_group_size=group)
    return buffer.getvalue()


def unpack(folder: Path, files: Mapping[str, bytes], max_bytes: int = 10**9) -> int:
    """How many rows of these tables were passed over."""
    unpacking = parquet.Unpacking(folder / "photos", max_bytes)
    passed_over = 0
    for name in parquet.choose(files):
        path = folder / "table"
        path.write_bytes(files[name])
        passed_over += unpacking.add(path, parquet.split_of(name))
    return passed_over


def test_photos_land_in_folders_of_their_part_and_class(tmp_path: Path) -> None:
    features = {"image": IMAGE, "label": label()}
    first = {"image": [picture(1, "a.jpg"), picture(2, "a.jpg"), None], "label": [0, 1, 2]}
    second = {"image": [picture(3, "x/a.jpg"), picture(4)], "label": [0, -1]}
    test = {"image": [picture(5), {"bytes": None, "path": "far.jpg"}], "label": [2, 2]}
    png = encoded(draw(7), "PNG")
    files = {
        "data/train-00000-of-00002.parquet": packed(first, features),
        "data/train-00001-of-00002.parquet": packed(second, features),
        "data/test-00000-of-00001.parquet": packed(test, features),
        "data/unsupervised-00000-of-00001.parquet": b"not read",
        "data/validation-0.parquet": packed({"image": [{"bytes": png, "path": "b.txt"}], "label": [1]}, features),
    }
    assert unpack(tmp_path, files) == 3
    assert contents(tmp_path / "photos") == {
        "train/tulips/a.jpg": jpeg(1),
        "train/train/a.jpg": jpeg(2),
        "train/tulips/a-2.jpg": jpeg(3),
        "test/郁金香/photo.jpg": jpeg(5),
        "val/train/photo.png": png,
    }
    dataset = open_dataset(tmp_path / "photos", tmp_path / "home")
    assert sorted(dataset.classes) == sorted(CLASSES)


@pytest.mark.parametrize(
    ("column", "folders"),
    [
        (["red", "blue", None], {"red", "blue"}),
        (pa.array(["red", "blue", None], pa.large_string()), {"red", "blue"}),
        (pa.array(["red", "blue", None]).dictionary_encode(), {"red", "blue"}),
        ([3, 10, None], {"3", "10"}),
        ([True, False, None], {"True", "False"}),
        (["a/b", "A-B", "../a"], {"a-b", "A-B-2", "-a"}),
    ],
)
def test_labels_of_other_kinds(tmp_path: Path, column: Any, folders: set[str]) -> None:
    unpack(tmp_path, {"flowers.parquet": packed({"photo": [jpeg(1), jpeg(2), jpeg(3)], "Category": column})})
    assert {path.name for path in (tmp_path / "photos").iterdir()} == folders


def test_one_of_several_labels_is_the_class(tmp_path: Path) -> None:
    """As in CIFAR-100, which has coarse and fine ones; a usual name goes before the first place."""
    columns = {"img": [picture(1)], "fine": [0], "coarse": [1], "label": ["text"]}
    features = {"img": IMAGE, "fine": label(["dog", "cat"]), "coarse": label(["plant", "animal"])}
    unpack(tmp_path, {"a.parquet": packed(columns, features)})
    unpack(tmp_path, {"b.parquet": packed(columns, features | {"label": label(["x"])} | {"target": label(["y"])})})
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["dog"]


def test_one_way_of_packing_is_taken() -> None:
    choose = parquet.choose
    assert choose(["full/train-0.parquet", "small/train-0.parquet", "data/train-0.parquet"]) == ["data/train-0.parquet"]
    assert choose(["b/test/0.parquet", "a/test/0.parquet", "a/train/0.parquet"]) == [
        "a/test/0.parquet",
        "a/train/0.parquet",
    ]
    assert choose(["y.parquet", "x.parquet"]) == ["x.parquet", "y.parquet"]
    assert choose([]) == []


WHOLE = packed({"image": [picture(number) for number in range(9)], "label": [0] * 9}, {"label": label()})

REFUSED: dict[str, tuple[bytes, str]] = {
    "no table": (b"PAR1 but no more PAR1", "damaged"),
    "its end lost": (WHOLE[:-900], "damaged"),
    "its middle lost": (WHOLE[:200] + bytes(2_000) + WHOLE[2_200:], "damaged"),
    "other metadata": (packed({"image": [picture(1)], "label": [0]}, {"label": {"_type": "ClassLabel"}}), "damaged"),
    "no photos": (packed({"text": ["a"], "label": [1]}), "no_photos"),
    "no labels": (packed({"image": [picture(1)], "caption": ["a cat"]}), "no_labels"),
    "labels of several classes": (packed({"image": [picture(1)], "label": [[1, 2]]}), "no_labels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(tmp_path: Path, case: str) -> None:
    data, key = REFUSED[case]
    with pytest.raises(AppError) as caught:
        unpack(tmp_path, {"data/train-0.parquet": data})
    assert caught.value.message.key == f"parquet.problem.{key}"


def test_no_more_comes_out_than_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty times the same photo is stored once, and comes out thirty times."""
    same = {"data/train-0.parquet": packed({"image": [picture(1)] * 30, "label": [1] * 30}, group=30)}
    size = len(jpeg(1))
    assert len(same["data/train-0.parquet"]) < 10 * size
    whole = 30 * disk_bytes(size) + 2 * BLOCK  # in a folder of their class, in that of their part
    for folder, most in (("declared", size // 2), ("counted", whole - 1)):
        (tmp_path / folder).mkdir()
        with pytest.raises(AppError, match="hold more"):
            unpack(tmp_path / folder, same, most)
    assert not (tmp_path / "declared" / "photos").exists()
    assert unpack(tmp_path, same, whole) == 0
    monkeypatch.setattr(parquet, "MAX_ENTRIES", 29)
    nothing = {"data/train-0.parquet": packed({"image": [None, *[picture(1)] * 29], "label": [None] * 30})}
    twenty = packed({"image": [picture(1)] * 20, "label": [1] * 20})
    for tables in (same, nothing, {"a.parquet": twenty, "b.parquet": twenty}):
        with pytest.raises(AppError, match="29 photos"):
            unpack(tmp_path, tables)


def test_as_many_classes_as_photos_take_no_longer_for_each(tmp_path: Path) -> None:
    """A column of captions, say, that is called label.

    From inside: by `add`, tens of thousands of files would have to be written before the cost of each shows.
    """
    unpacking = parquet.Unpacking(tmp_path, 10**9)
    labels = [f"{'ABab'[number % 4]}/{number // 4}" for number in range(20_000)]
    folders = [unpacking._folder_of(label) for label in labels]
    assert len({folder.casefold() for folder in folders}) == len(labels)
    assert [unpacking._folder_of(label) for label in labels] == folders
    counted = unpacking._numbers.values()
    assert sum(counted) <= len(labels)


def test_damaged_tables_end_in_a_sentence(tmp_path: Path) -> None:
    refused = 0
    for seed in range(150):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            unpack(folder, {"data/train-0.parquet": hurt_bytes(WHOLE, random.Random(seed))})
        except AppError as error:
            refused += error.message.key.startswith("parquet.problem.")
        assert {path.name for path in folder.iterdir()} <= {"photos", "table"}
    assert refused > 50
