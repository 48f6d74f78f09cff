"""What people read on a terminal or in a log has nothing in it that the terminal obeys, whatever things are called."""

from __future__ import annotations

import ast
import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_demo.models import saved
from resnet_demo.terminal import LogFormat
from resnet_demo.texts import visible
from resnet_demo.training.listed_runs import all_runs
from tests.conftest import ROOT
from tests.tiny import photos, tiny_model
from tests.training.small_runs import draw_photos

OBEYED = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
EVIL = "\x1b]0;own\x07\x1b[2J\x9b1A\u202egpj\u2066\u2028\r\n\x7fz"
"""Sets the title, empties the screen, goes a line up, turns the direction of writing, begins a line."""

SHOWN = r"\x1b]0;own\x07\x1b[2J\x9b1A\u202egpj\u2066\u2028\r\n\x7fz"
BIDI = "rose\u202egpj\u2069"
SMALL = ("--variant", "cifar_resnet20", "--scratch", "--image-size", 32, "--first-size", 32, "--batch-size", 8)

posix_names = pytest.mark.skipif(os.name == "nt", reason="no file of Windows can be called so")


def test_what_is_obeyed_is_spelt_out() -> None:
    assert visible(EVIL) == SHOWN == visible(SHOWN)
    for number in range(0x3000):
        assert (visible(chr(number)) == chr(number)) == (number not in OBEYED), hex(number)
    assert visible("\udce9") == r"\udce9"
    assert visible("郁金香 👩‍🔬 <b>") == "郁金香 👩‍🔬 <b>"


def test_the_log_keeps_its_lines_and_nothing_else() -> None:
    try:
        raise ValueError(EVIL)
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, __file__, 1, "Error %s", (EVIL,), sys.exc_info())
    lines = LogFormat().format(record).split("\n")
    assert lines[0] == f"Error {SHOWN}"
    assert "Traceback" in lines[1]
    assert not [line for line in lines if set(map(ord, line)) & set(OBEYED)]


def run(*arguments: object, home: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "resnet_demo", "--home", str(home), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        capture_output=True,
        check=False,
    )


def is_harmless(done: subprocess.CompletedProcess[bytes]) -> str:
    """What was printed, both streams, if there are but lines of it that a terminal shows as they are."""
    said = (done.stdout + done.stderr).decode()
    assert not set(map(ord, said.replace("\n", ""))) & set(OBEYED), said.encode()
    return said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos whose names a terminal would obey, one of which cannot be read."""
    folder = tmp_path_factory.mktemp("photos") / EVIL
    good, bad = photos(folder, 2)
    good.rename(folder / f"good {EVIL}.jpg")
    bad.write_text("no picture")
    bad.rename(folder / f"bad {EVIL}.jpg")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A foreign model, in a folder and with a class called so."""
    folder = tmp_path_factory.mktemp("model") / EVIL
    saved.write(
        replace(tiny_model(), labels=tuple(f"{BIDI}{number}" for number in range(5))), folder, card="For tests."
    )
    return folder


@posix_names
@pytest.mark.slow
def test_classify(model: Path, folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = run("classify", folder, "--model", model, home=home)
    said = is_harmless(done)
    assert done.returncode == 0, said
    assert f"bad {SHOWN}.jpg: " in said
    assert len(done.stdout.splitlines()) == 2  # one for each photo
    one = is_harmless(run("classify", folder / f"good {EVIL}.jpg", "--model", model, home=home))
    assert "\n  " + visible(BIDI) in one
    assert len({line.index(" %") for line in one.splitlines() if " %" in line}) == 1  # columns stand below each other
    written = tmp_path / "out.csv"
    assert f"bad {SHOWN}.jpg: " in is_harmless(run("classify", folder, "--model", model, "--csv", written, home=home))
    assert f"good {EVIL}.jpg" in written.read_bytes().decode("utf-8-sig")  # the true name
    as_json = run("classify", folder, "--model", model, "--json", home=home)
    is_harmless(as_json)
    assert {Path(row["file"]).name for row in json.loads(as_json.stdout)} == {p.name for p in folder.iterdir()}


@posix_names
@pytest.mark.slow
def test_explain(model: Path, folder: Path, tmp_path: Path) -> None:
    done = run("explain", folder, "--model", model, "--out", tmp_path / EVIL, home=tmp_path / "home")
    said = is_harmless(done)
    assert done.returncode == 0, said
    assert f"bad {SHOWN}.jpg: " in said
    assert visible(BIDI) in said


@posix_names
@pytest.mark.slow
def test_train_evaluate_and_lists(tmp_path: Path) -> None:
    """Classes, photos, the data home: all are called so, as far as a folder of photos allows."""
    home = tmp_path / f"home {EVIL}"
    photos = draw_photos(tmp_path / EVIL, per_class=12)
    (photos / "red").rename(photos / BIDI)
    (photos / BIDI / "000.png").rename(photos / BIDI / f"a{EVIL}.png")
    (photos / BIDI / f"torn {EVIL}.png").write_text("no picture")
    trained = is_harmless(run("train", photos, *SMALL, "--epochs", 1, home=home))
    assert SHOWN in trained
    (made,) = all_runs(home)
    log = made.log.path.read_text(encoding="utf-8")
    assert not set(map(ord, log.replace("\n", ""))) & set(OBEYED)
    shown = is_harmless(run("runs", "show", made.name, home=home))
    assert f"home {SHOWN}" in shown
    assert is_harmless(run("runs", home=home))
    assert is_harmless(run("models", home=home))
    judged = run("evaluate", made.folder, photos, home=home)
    said = is_harmless(judged)
    assert judged.returncode == 0, said
    assert visible(BIDI) in said
    as_json = run("evaluate", made.folder, photos, "--json", home=home)
    is_harmless(as_json)
    assert BIDI in [one["name"] for one in json.loads(as_json.stdout)["classes"]]


@pytest.mark.parametrize(
    "arguments",
    [
        ("classify", "/absent", "--model", f"./{EVIL}"),
        ("classify", "a.jpg", "--model", EVIL),
        ("classify", "a.jpg", "--top", EVIL),
        ("classify", "a.jpg", f"--{EVIL}"),
        ("summary", EVIL),
        ("evaluate", EVIL, EVIL),
        ("train", f"/absent/{EVIL}"),
        ("runs", "show", EVIL),
        ("runs", EVIL),
        ("runs", "delete", EVIL),
    ],
)
@pytest.mark.slow
def test_what_cannot_be_met_is_said_so(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, home=tmp_path)
    said = is_harmless(done)
    assert done.returncode in {1, 2}
    assert "Traceback" not in said


def test_an_events_name_of_another_version_is_no_order(tmp_path: Path) -> None:
    """A run's folder may come from elsewhere, and what it says goes to the log and the terminal."""
    from tests.training.small_runs import make_run

    made = make_run(tmp_path)
    made.events.append("said", key=f"unknown {EVIL}")
    made.events.append("failed", key="run.problem.no_folder", fields={"folder": EVIL})
    log = made.log.path.read_text(encoding="utf-8")
    assert f"unknown {SHOWN}\n" in log
    assert not set(map(ord, log.replace("\n", ""))) & set(OBEYED)


def test_nothing_is_printed_in_any_other_way() -> None:
    """Every `print` of the command line is in this one place, but for JSON, which escapes in its own way."""
    printing = []
    for path in (*ROOT.glob("resnet_demo/**/*.py"),):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="print"), args=[ast.Call(func=ast.Attribute(attr="as_json")), *_]):
                    pass
                case (
                    ast.Call(func=ast.Name(id="print"))
                    | ast.Call(func=ast.Attribute(attr="write", value=ast.Name(id="tqdm")))
                ):
                    printing.append(path.name)
    assert printing == ["terminal.py"]
