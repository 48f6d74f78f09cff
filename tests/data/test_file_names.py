"""Names from elsewhere: safe, storable, shown as they were meant, and sorted as people count."""

from __future__ import annotations

import pytest

from resnet_demo.data.file_names import MAX_SHOWN, TakenPaths, display_name, natural_order, one_part, parts_of
from resnet_demo.texts import AppError


def test_natural_order() -> None:
    names = ["class 10", "Class 2", "class 1", "10", "9", "b", "A", "Äpfel", ""]
    assert sorted(names, key=natural_order) == ["", "9", "10", "A", "b", "class 1", "Class 2", "class 10", "Äpfel"]
    assert sorted(["a", "A"], key=natural_order) == sorted(["A", "a"], key=natural_order)


def test_parts_are_normalised() -> None:
    assert parts_of("a/./b//cafe\u0301.jpg") == ("a", "b", "caf\u00e9.jpg")
    assert parts_of("tulips\\<b>x</b> & 花.jpg") == ("tulips", "<b>x<", "b> & 花.jpg")


def test_a_name_of_nothing_is_refused() -> None:
    for name in ("", "/", ".", "./"):
        with pytest.raises(AppError):
            parts_of(name)


@pytest.mark.parametrize(
    ("preferred", "name"),
    [
        ("tulips", "tulips"),
        (" a/b\\c:d ", "a-b-c-d"),
        ("..", ""),
        (".hidden", "hidden"),
        ("\x00\x1b", ""),
        ("<script>alert(1)</script>", "<script>alert(1)<-script>"),
        ("郁" * 100, "郁" * 42),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_one_part(preferred: str, name: str) -> None:
    assert one_part(preferred) == name


def test_shown_names_can_be_stored_as_labels() -> None:
    assert display_name("a\x1b[31m\n") == "a\ufffd[31m\ufffd"
    assert display_name("郁金香".encode("gbk").decode("utf-8", "surrogateescape")) == "郁金香"
    assert display_name("x\ud800y") == "x\ufffdy"
    assert display_name("cafe\u0301") == "caf\u00e9"
    assert len(display_name("n" * 999)) == MAX_SHOWN


def test_places_are_settled_beside_what_is_there() -> None:
    places = TakenPaths()
    settled = [
        "/".join(places.claim_free(tuple(name.split("/"))))
        for name in ("Tulips/a.jpg", "tulips/A.jpg", "tulips/a.jpg", "b", "B", "tulips", ".jpg", ".jpg")
    ]
    assert settled == ["Tulips/a.jpg", "Tulips/A-2.jpg", "Tulips/a-3.jpg", "b", "B-2", "tulips-2", ".jpg", ".jpg-2"]
