"""What people call a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resnet_demo.texts import AppError
from resnet_demo.training.run_title import MOST_CHARACTERS, TITLE, read_title, write_title


@pytest.mark.parametrize(
    ("preferred", "title"),
    [
        ("Blumen", "Blumen"),
        ("  two \n lines\t", "two lines"),
        ("郁金香 <b>", "郁金香 <b>"),
        ("x" * 500, "x" * MOST_CHARACTERS),
        ("花" * 500, "花" * MOST_CHARACTERS),
    ],
)
def test_a_title_is_one_line_that_is_kept(tmp_path: Path, preferred: str, title: str) -> None:
    write_title(tmp_path, preferred)
    assert read_title(tmp_path) == title


@pytest.mark.parametrize("preferred", ["", "  ", "\n\t"])
def test_an_empty_one_takes_it_away(tmp_path: Path, preferred: str) -> None:
    write_title(tmp_path, "a name")
    write_title(tmp_path, preferred)
    assert read_title(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("hidden", ["\x1b[2J", "\u202e", "\x00", "\u2028"])
def test_nothing_in_it_acts_on_a_terminal_or_turns_the_text_round(tmp_path: Path, hidden: str) -> None:
    write_title(tmp_path, f"a{hidden}b")
    assert hidden not in (read_title(tmp_path) or "")
    (tmp_path / TITLE).write_text(f"a{hidden}b", encoding="utf-8")  # by somebody else
    assert hidden not in (read_title(tmp_path) or "")


@pytest.mark.parametrize("damage", ["folder", "pipe", "link to nowhere"])
def test_a_title_that_cannot_be_read_is_none(tmp_path: Path, damage: str) -> None:
    path = tmp_path / TITLE
    if damage == "folder":
        path.mkdir()
    elif damage == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "nowhere")
    assert read_title(tmp_path) is None


def test_where_it_cannot_be_written_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        write_title(tmp_path / "gone", "a name")
    assert caught.value.message.key == "run.problem.not_renamed"
