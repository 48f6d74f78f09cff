"""What is worth knowing of a data set is counted, and said in words."""

from __future__ import annotations

from pathlib import Path

from resnet_demo.data.dataset_facts import ClassCount, DatasetFacts, dataset_facts
from resnet_demo.data.duplicates import find_duplicates
from resnet_demo.data.folder_labels import Reading
from resnet_demo.data.image_folder import AS_IT_SEEMS, open_dataset
from resnet_demo.texts import LANGUAGES
from tests.data.drawn import draw, encoded, flowers, jpeg, write


def told(tmp_path: Path, files: dict[str, bytes], reading: Reading = AS_IT_SEEMS) -> DatasetFacts:
    home = tmp_path / "home"
    dataset = open_dataset(write(tmp_path / "photos", files), home, reading=reading)
    return dataset_facts(dataset, find_duplicates(dataset, home))


def keys(found: DatasetFacts) -> list[str]:
    assert all(message.say(language) for message in found.findings for language in LANGUAGES)
    return [message.key.removeprefix("dataset_facts.") for message in found.findings]


def test_nothing_stands_out(tmp_path: Path) -> None:
    found = told(tmp_path, flowers(4))
    assert keys(found) == ["fine"]
    assert found.classes == (ClassCount("daisy", 4, {}), ClassCount("tulips", 4, {}))
    assert (found.photos, found.formats, found.sizes) == (8, {"JPEG": 8}, ((64, 48), (64, 48), (64, 48)))


def test_sizes_and_formats(tmp_path: Path) -> None:
    odd = {"daisy/long.png": encoded(draw(90, (400, 90)), "PNG"), "tulips/small.jpg": jpeg(91, (31, 40))}
    found = told(tmp_path, {**flowers(4), **odd})
    assert keys(found) == ["tiny", "extreme"]
    assert (found.tiny, found.extreme) == ((9,), (4,))
    assert found.formats == {"JPEG": 9, "PNG": 1}
    assert found.sizes == ((31, 40), (64, 48), (400, 90))


def test_classes(tmp_path: Path) -> None:
    few = {"roses/1.jpg": jpeg(80), "roses/2.jpg": jpeg(80), "roses/3.jpg": jpeg(81), "Daisy/1.jpg": jpeg(82)}
    found = told(tmp_path, {**flowers(7), **few})
    assert keys(found) == ["too_few", "exact"]
    assert found.findings[0].fields["names"] == "roses"
    apart = told(tmp_path, {}, Reading(separate_names=True))
    assert keys(apart) == ["too_few", "alike_names", "imbalance", "exact"]
    assert apart.findings[0].fields["names"] == "Daisy, roses"
    assert apart.findings[1].fields["names"] == "Daisy, daisy"
    assert apart.findings[2].fields == {"largest": "daisy", "most": 7, "smallest": "Daisy", "fewest": 1}
    assert keys(told(tmp_path / "one", {"cats/1.jpg": jpeg(1), "cats/2.jpg": jpeg(2), "cats/3.jpg": jpeg(3)})) == [
        "one_class"
    ]


def test_many_names_are_cut_short(tmp_path: Path) -> None:
    found = told(tmp_path, flowers(1, tuple("abcdefg")))
    assert found.findings[0].fields["names"] == "a, b, c, d, e …"


def test_leaks_and_photos_in_two_classes(tmp_path: Path) -> None:
    photo, near = jpeg(50, (128, 96)), jpeg(50, (128, 96), quality=30)
    extra = {
        "train/daisy/same.jpg": photo,
        "test/daisy/same.jpg": photo,
        "train/tulips/near.jpg": near,
        "val/iris/only.jpg": jpeg(51),
    }
    found = told(tmp_path, {**flowers(4, ("train/daisy", "train/tulips", "val/daisy", "test/tulips")), **extra})
    assert keys(found) == ["not_learned", "imbalance", "leaks", "two_classes", "exact", "near"]
    assert (len(found.exact), len(found.near), len(found.leaks), len(found.two_classes)) == (1, 1, 1, 1)
    assert found.leaks == found.two_classes == found.near
    assert found.classes[0].splits == {"train": 5, "val": 4, "test": 1}


def test_what_cannot_be_read(tmp_path: Path) -> None:
    found = told(tmp_path, {**flowers(4), "daisy/broken.jpg": jpeg(1)[:200], "alone.jpg": jpeg(70)})
    assert keys(found) == ["unreadable", "unlabelled"]
    assert [message.fields for message in found.findings] == [{"count": 1}, {"count": 1}]


def test_a_photo_that_only_decoding_shows_to_be_damaged_is_counted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    dataset = open_dataset(write(tmp_path / "photos", flowers(4)), home)
    duplicates = find_duplicates(dataset, home)
    (tmp_path / "photos" / "daisy" / "0.jpg").write_bytes(b"gone")
    late = find_duplicates(dataset, tmp_path / "other home")
    assert (keys(dataset_facts(dataset, duplicates)), keys(dataset_facts(dataset, late))) == (["fine"], ["unreadable"])
