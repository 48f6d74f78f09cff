"""Names matched with labels: ImageNet's, in the spellings that folders have; what is not clear is matched with none."""

from __future__ import annotations

import pytest

from resnet_demo.models.label_matching import match_labels
from resnet_demo.models.pretrained import imagenet_ids, imagenet_labels

LABELS = imagenet_labels()


@pytest.mark.parametrize(
    "spelled",
    [
        str,
        str.upper,
        lambda name: name.replace(" ", "_").replace("-", "_"),
        lambda name: f" {name.title()} ",
        lambda name: name.replace(" ", "\u3000"),
    ],
)
def test_no_two_of_a_thousand_labels_collide(spelled: type[str]) -> None:
    names = [spelled(label) for label in LABELS]
    found = match_labels(names, LABELS)
    assert [found.index[name] for name in names] == list(range(1000))
    assert not found.ambiguous
    assert found.respelled == {name: label for name, label in zip(names, LABELS, strict=True) if name != label}


@pytest.mark.parametrize("behind", ["", "-Chihuahua", "_some name"])
def test_wordnet_ids(behind: str) -> None:
    names = [f"{wordnet_id}{behind}" for wordnet_id in imagenet_ids()]
    assert list(match_labels(names, LABELS).index.values()) == list(range(1000))


def test_labels_may_be_the_wordnet_ids() -> None:
    assert list(match_labels(LABELS, imagenet_ids()).index.values()) == list(range(1000))
    assert match_labels(["n99999999", "no such thing"], imagenet_ids()).index == {}


def test_a_few_classes_by_id() -> None:
    labels = ("Koala", "box_turtle", "my cat")
    found = match_labels(["n01669191", "n01882714", "My-Cat", "cat"], labels)
    assert found.index == {"n01669191": 1, "n01882714": 0, "My-Cat": 2}
    assert found.respelled == {"n01669191": "box_turtle", "n01882714": "Koala", "My-Cat": "my cat"}
    assert not found.ambiguous


@pytest.mark.parametrize(("name", "label"), [("koala", "koala, koala bear"), ("Koala, koala bear", "koala")])
def test_the_first_synonym(name: str, label: str) -> None:
    assert match_labels([name], ("tench, Tinca tinca", label)).index == {name: 1}


def test_what_could_mean_several_is_matched_with_none() -> None:
    labels = ("crane, bird", "crane, machine", "maillot", "maillot (2)", "A b", "a_b")
    found = match_labels(["Crane", "maillot", "A-B", "A b"], labels)
    assert found.ambiguous == {
        "Crane": ("crane, bird", "crane, machine"),
        "maillot": ("maillot", "maillot (2)"),
        "A-B": ("A b", "a_b"),
    }
    assert found.index == {"A b": 4}


@pytest.mark.parametrize("name", ["", " ", "_", ","])
def test_a_name_of_nothing_means_nothing(name: str) -> None:
    assert match_labels([name], ("_ _", "rose", " , x")).index == {}
