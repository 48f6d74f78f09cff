"""What a map can be asked about, and how classes are named."""

from __future__ import annotations

import pytest
import torch

from resnet_demo.explain.targets import best, class_named, difference, fixed, named, probability
from resnet_demo.models.pretrained import imagenet_labels
from resnet_demo.texts import AppError

LOGITS = torch.tensor([[1.0, 3.0, 2.0], [5.0, 0.0, 4.0]])


def test_each_photo_is_asked_about_its_own_classes() -> None:
    assert best()(LOGITS).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert best(2)(LOGITS).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert named(2)(LOGITS).tolist() == [[0, 0, 1], [0, 0, 1]]
    assert difference(best(), named(2))(LOGITS).tolist() == [[0, 1, -1], [1, 0, -1]]
    assert fixed(torch.tensor([0.0, 1.0, -1.0]))(LOGITS).tolist() == [[0, 1, -1], [0, 1, -1]]


def test_the_probability_is_softmax_and_of_two_classes_the_one_rather_than_the_other() -> None:
    assert torch.equal(probability(LOGITS, named(1)(LOGITS)), LOGITS.softmax(dim=1)[:, 1])
    either = probability(LOGITS, difference(named(0), named(2))(LOGITS))
    torch.testing.assert_close(either, torch.sigmoid(LOGITS[:, 0] - LOGITS[:, 2]))
    unlikely = torch.tensor([[0.0, -200.0, -201.0]])  # both underflow in the softmax
    torch.testing.assert_close(probability(unlikely, torch.tensor([[0.0, 1.0, -1.0]])), torch.tensor([1.0]).sigmoid())


def test_classes_go_by_their_names() -> None:
    labels = ("daisy", "郁金香 <b>", "Rose")
    assert [class_named(labels, name) for name in ("DAISY", " rose ", "郁金香 <b>")] == [0, 2, 1]
    with pytest.raises(AppError, match=r'no class "tulip".*daisy, 郁金香 <b>, Rose'):
        class_named(labels, "tulip")


def test_known_classes_go_by_their_translated_names_too() -> None:
    labels = imagenet_labels()
    for name in ("鬣狗", "hyena", "鬣狗（hyena）", " Hyena"):
        assert labels[class_named(labels, name, "zh-CN")] == "hyena"
    assert labels[class_named(labels, "鹤", "zh-CN")] == "crane bird"
    with pytest.raises(AppError, match="鬣狗"):
        class_named(labels, "鬣狗")  # not where English is read
    with pytest.raises(AppError, match="虎鲸（killer whale）"):
        class_named(labels, "虎鲸鱼", "zh-CN")
    with pytest.raises(AppError, match="daisy, rose"):
        class_named(("daisy", "rose"), "玫瑰", "zh-CN")


def test_of_many_classes_those_spelt_alike_are_offered() -> None:
    labels = [f"class {number}" for number in range(997)] + ["hyena", "keeshond", "tabby cat"]
    with pytest.raises(AppError, match=r"among its 1000.*: hyena, ") as caught:
        class_named(labels, "hyenna")
    assert len(caught.value.say().split(", ")) == 12


def test_classes_by_index_and_by_wordnet_id() -> None:
    labels = imagenet_labels()
    assert [class_named(labels, name) for name in ("0", " 999 ", "n01440764", "N01443537", "goldfish")] == [
        0,
        999,
        0,
        1,
        1,
    ]
    some = ("n01443537", "n01440764", "mine")
    assert [class_named(some, name) for name in ("tench", "goldfish", "n01440764", "mine", "2")] == [1, 0, 1, 2, 2]
    assert class_named(("goldfish", "tench"), "n01440764") == 1


def test_a_class_that_is_called_by_a_number_counts_before_an_index() -> None:
    labels = [str(digit) for digit in range(9, -1, -1)]
    assert class_named(labels, "3") == 6
    for name in ("10", "-1", "1.5", "²"):
        with pytest.raises(AppError):
            class_named(labels, name)
