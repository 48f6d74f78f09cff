"""No cell of a table is a formula to a spreadsheet, every true name can be had back, and JSON holds nothing to obey."""

from __future__ import annotations

import csv
import io
import json
import random
import re

import pytest

from resnet_demo.data.images import Problem
from resnet_demo.inference import Guess, Prediction
from resnet_demo.models.class_names import class_names
from resnet_demo.tables import CsvTable, JsonArray, as_json, bars, escape_formula, summary_line, unescape_formula
from resnet_demo.terminal import columns

SIGNS = "=+-@|%＝＋－＠﹦﹢﹣﹫\u2212"
BEFORE = (
    "",
    " ",
    "  ",
    "\t",
    "\r",
    "\n",
    "\xa0",
    "\u3000",
    "\u2003",
    "\u200b",
    "\ufeff",
    "\x00",
    "\x1c",
    "\u202e",
    '"',
)

NAMES = [f"{before}{sign}1+1.jpg" for before in BEFORE for sign in SIGNS]


@pytest.mark.parametrize("name", ["  =1+1.jpg", "＝1+1.jpg", "\ufeff\u3000@SUM(A1).jpg", "=cmd|' /C calc'!A0", *NAMES])
def test_no_cell_begins_as_a_formula(name: str) -> None:
    assert escape_formula(name) == f"'{name}".replace("\t", "\t'").replace("\r", "\r'").replace("\n", "\n'")


@pytest.mark.parametrize("separator", ";\t\r\n")
def test_where_another_separator_would_begin_a_cell(separator: str) -> None:
    """German Excel splits at semicolons, a paste at tabs."""
    assert escape_formula(f"a{separator} =1+1") == f"a{separator}' =1+1"


@pytest.mark.parametrize(
    "name", ["photo.jpg", "a=b.jpg", "tulips/-1.jpg", "a - b.jpg", "郁金香 100%.jpg", "'quoted'", "", ";"]
)
def test_what_is_no_formula_stays(name: str) -> None:
    assert escape_formula(name) == unescape_formula(name) == name


def test_a_cell_that_begins_with_a_tab_or_a_line_break_is_marked() -> None:
    """OWASP names them, whatever follows."""
    assert [escape_formula(f"{letter}a") for letter in "\t\r\n"] == ["'\ta", "'\ra", "'\na"]


def test_every_true_name_can_be_had_back() -> None:
    """Of all that could be taken for our own mark, too."""
    chosen = random.Random(0)
    alphabet = "'= \t\r\n;a\u200b＝-"
    names = {"".join(chosen.choices(alphabet, k=chosen.randrange(12))) for _ in range(30_000)}
    marked = {escape_formula(name) for name in names}
    assert len(marked) == len(names)
    assert {unescape_formula(cell) for cell in marked} == names
    assert all(unescape_formula(escape_formula(name)) == name for name in names)
    # As a spreadsheet reads it, whatever it splits at: its first sign that can be seen begins no formula.
    parts = (part for cell in marked for part in re.split("[;\t\r\n]", cell))
    assert not [part for part in parts if part.strip(" \u200b").startswith(("=", "＝", "-"))]


def test_every_column_is_looked_at() -> None:
    """File names and classes come from anybody, and a problem may repeat them."""
    rows = (
        Prediction("=f.jpg", (Guess(" =c", 0, 0.5), Guess("＋d", 1, 0.25)), None),
        Prediction("@f.jpg", (), Problem("@f.jpg", "text")),
    )
    file = io.StringIO()
    table = CsvTable(file, 2, "en")
    for row in rows:
        table.write(row)
    cells = [cell for row in csv.reader(io.StringIO(file.getvalue())) for cell in row]
    assert {"'=f.jpg", "' =c", "'＋d", "'@f.jpg"} <= set(cells)
    assert {unescape_formula(cell) for cell in cells} >= {"=f.jpg", " =c", "＋d", "@f.jpg"}
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "@", "＋"))]


FLOWERS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")


def test_lines_for_people_are_in_their_language_and_tables_the_same_in_each() -> None:
    photo = Prediction("a.jpg", (Guess("roses", 2, 0.75), Guess("sunflowers", 3, 0.25)))
    chinese, english = (class_names(FLOWERS, language) for language in ("zh-CN", "en"))
    assert summary_line(photo, chinese, "zh-CN") == "a.jpg：玫瑰（roses） 75.0 %"
    assert summary_line(photo, english, "en") == "a.jpg: roses 75.0 %"
    lines = bars(photo, chinese, "zh-CN")[1:]
    assert [line.split()[0] for line in lines] == ["玫瑰（roses）", "向日葵（sunflowers）"]
    assert len({columns(line.partition(" %")[0]) for line in lines}) == 1  # the figures stand below each other
    tables = []
    for language in ("zh-CN", "en"):
        csv_file, json_file = io.StringIO(), io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
        CsvTable(csv_file, 2, language).write(photo)
        JsonArray(json_file, language).write(photo)
        json_file.seek(0)
        tables.append((csv_file.getvalue(), json_file.read()))
    assert tables[0] == tables[1]


UNSEEN = "".join(
    map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_json_holds_nothing_that_a_terminal_obeys(encoding: str) -> None:
    name = f"郁{UNSEEN}.jpg"
    said = as_json({"file": name}, encoding)
    assert not set(said) & set(UNSEEN)
    assert json.loads(said) == {"file": name}
    assert as_json([name], encoding, indent=2).count("\n") == 2


def test_json_lines_hold_true_names() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    array = JsonArray(file, "en")
    array.write(Prediction(f"{UNSEEN}.jpg", (Guess(f"c{UNSEEN}", 0, 0.5),), None))
    array.close()
    file.seek(0)
    said = file.read()
    assert not set(said) & (set(UNSEEN) - {"\n"})
    [row] = json.loads(said)
    assert (row["file"], row["guesses"][0]["label"]) == (f"{UNSEEN}.jpg", f"c{UNSEEN}")
