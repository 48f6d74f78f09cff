"""The command line as a person runs it: a real process, real files, a saved model."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resnet_demo.cli import build_parser, main, run_classify
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from tests.conftest import ROOT
from tests.shelf import run_with_model, ship
from tests.tiny import LABELS, photos, saved_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "resnet_demo", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8", **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def said_in_process(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and complaints of a command that is refused: no second process has to start for it."""
    try:
        code: object = main([*map(str, arguments)])
    except SystemExit as ended:
        code = ended.code
    assert isinstance(code, int)
    return code, capsys.readouterr().err


def test_csv_accounts_for_every_file(model: Path, tmp_path: Path) -> None:
    good = photos(tmp_path / "photos" / "郁金香", 37)
    (tmp_path / "photos" / "text.jpg").write_text("no picture")
    (tmp_path / "photos" / "=1+1.jpg").write_bytes(good[0].read_bytes())
    done = run("classify", tmp_path / "photos", "--model", model, "--top", 2, "--csv", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "top1", "p1", "top2", "p2", "problem"]
    assert len(rows) == 39
    assert {row["file"] for row in rows if not row["problem"]} >= {str(path) for path in good}
    (bad,) = (row for row in rows if row["problem"])
    assert bad["file"].endswith("text.jpg")
    assert bad["top1"] == ""
    for row in rows:
        if not row["problem"]:
            assert row["top1"] in LABELS
            assert 0 <= float(row["p2"]) <= float(row["p1"]) <= 1
    assert "39" in done.stderr
    assert bad["problem"] in next(line for line in done.stderr.splitlines() if "text.jpg" in line)


@pytest.mark.slow
def test_a_cell_cannot_become_a_formula(model: Path, tmp_path: Path) -> None:
    photo = photos(tmp_path, 1)[0].rename(tmp_path / "=cmd.jpg")
    done = subprocess.run(
        [sys.executable, "-m", "resnet_demo", "classify", photo.name, "--model", model, "--csv", "out.csv"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()[1].startswith("'=cmd.jpg,")


def test_json_is_one_array(model: Path, tmp_path: Path) -> None:
    photos(tmp_path / "photos", 3)
    (tmp_path / "photos" / "empty.jpg").touch()
    done = run("classify", tmp_path / "photos", "--model", model, "--top", 99, "--json")
    rows = json.loads(done.stdout)
    assert len(rows) == 4
    assert sorted(guess["label"] for guess in rows[0]["guesses"]) == sorted(LABELS)
    assert rows[3]["problem"]["kind"] == "empty"
    assert rows[3]["guesses"] == []


@pytest.mark.slow
def test_one_photo_is_shown_with_bars(model: Path, tmp_path: Path) -> None:
    done = run("classify", photos(tmp_path, 1)[0], "--model", model)
    assert len(done.stdout.splitlines()) == 1 + len(LABELS)
    assert "█" in done.stdout


@pytest.mark.slow
def test_nothing_readable_is_exit_code_1(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("x")
    assert run("classify", tmp_path, "--model", model).returncode == 1
    assert run("classify", tmp_path / "absent.jpg", "--model", model).returncode == 1
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("classify", empty, "--model", model).returncode == 1


def test_a_wrong_model_is_one_sentence_in_the_readers_language(tmp_path: Path) -> None:
    path = photos(tmp_path, 1)[0]
    english = run("classify", path, "--model", "resnet51")
    chinese = run("classify", path, "--model", "resnet51", LC_ALL="zh_CN.UTF-8")
    assert english.returncode == chinese.returncode == 2
    assert "resnet50" in english.stderr
    assert len(english.stderr.strip().splitlines()) == 1
    assert "。" in chinese.stderr


@pytest.mark.slow
def test_a_table_that_cannot_be_written_is_said(model: Path, tmp_path: Path) -> None:
    done = run("classify", photos(tmp_path, 1)[0], "--model", model, "--csv", tmp_path / "absent" / "out.csv")
    assert done.returncode == 2
    assert "--csv" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.slow
def test_a_full_disk_is_said(model: Path, tmp_path: Path) -> None:
    done = run("classify", photos(tmp_path, 1)[0], "--model", model, "--csv", "/dev/full")
    assert done.returncode == 2
    assert "/dev/full" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.slow
@pytest.mark.parametrize("command", ["models", "summary resnet18"])
def test_a_full_disk_behind_the_output_is_said(command: str) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123  no file to be made
        done = subprocess.run(
            [sys.executable, "-m", "resnet_demo", *command.split()],
            cwd=ROOT,
            env={**os.environ, "LANG": "C.UTF-8"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, text("cli.problem.full") + "\n")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is Unicode")
def test_names_that_are_in_no_encoding(model: Path, tmp_path: Path) -> None:
    photo = photos(tmp_path, 1)[0].rename(tmp_path / os.fsdecode(b"caf\xe9.jpg"))
    for encoding, arguments in (
        ("utf-8", ()),
        ("latin-1", ()),
        ("latin-1", ("--json",)),
        ("latin-1", ("--csv", tmp_path / "out.csv")),
    ):
        done = run("classify", tmp_path / ".", "--model", model, *arguments, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        if arguments == ("--json",):
            assert json.loads(done.stdout)[0]["file"] == str(photo)
    assert "caf\\udce9.jpg" in (tmp_path / "out.csv").read_text(encoding="utf-8-sig")


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.slow
def test_ctrl_c_ends_the_array_and_says_nothing(model: Path, tmp_path: Path) -> None:
    path = str(photos(tmp_path, 1)[0])
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "resnet_demo", "classify", *[path] * 5000, "--model", str(model), "--json"]
    with (
        out.open("wb") as file,
        subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.PIPE, text=True) as running,
    ):
        while running.poll() is None and not out.stat().st_size:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (130, "")
    assert 1 <= len(json.loads(out.read_text(encoding="utf-8"))) < 5000


@pytest.mark.parametrize(("flag", "value"), [("--top", "abc"), ("--top", "0"), ("--top", "9" * 5000)])
@pytest.mark.parametrize(
    ("language", "said"), [("C.UTF-8", "is not a whole number above zero"), ("zh_CN.UTF-8", "不是大于零的整数")]
)
def test_numbers_are_asked_for_in_words(
    flag: str, value: str, language: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    code, complaint = said_in_process(capsys, "classify", "a.jpg", flag, value)
    assert code == 2
    assert said in complaint


def test_no_files_are_told_before_a_model_is_opened(tmp_path: Path) -> None:
    (tmp_path / ".hidden").touch()
    done = run("classify", tmp_path, "--model", "resnet51")
    assert done.returncode == 1
    assert "no files" in done.stderr
    assert "1 hidden or system files" in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "The model's name is empty"),
        ("./absent", "There is no folder ./absent"),
        ("~nosuchuser/model", "There is no folder ~nosuchuser/model"),
        ("models/absent", "There is no folder models/absent"),
        ("n" * 5000, "There is no network called"),
        ("plain18", "no published weights for plain18"),
    ],
)
def test_models_that_are_not_there(
    name: str,
    said: str,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "plain18").symlink_to(model)  # a variant's name means the variant
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    code, complaint = said_in_process(capsys, "classify", "n" * 5000, "--model", name)
    assert code == 2
    assert said in complaint
    assert len(complaint.splitlines()) == 1


def test_settings_that_do_not_fit_are_said_by_this_program() -> None:
    done = run("models", RESNET_DEMO_PORT="http")
    assert done.returncode == 2
    assert done.stderr.startswith("python -m resnet_demo: error: RESNET_DEMO_PORT")


@pytest.mark.slow
def test_summary_prints_a_table() -> None:
    summary = run("summary", "resnet18")
    assert summary.returncode == 0, summary.stderr
    assert "11,689,512" in summary.stdout  # torchvision's own count


@pytest.mark.slow
def test_models_are_listed_by_the_names_that_open_them(tmp_path: Path) -> None:
    kept = run_with_model(Settings(home=tmp_path / "home"))
    models = run("--home", tmp_path / "home", "models")
    assert models.returncode == 0, models.stderr
    lines = {line.split()[0]: line for line in models.stdout.splitlines()}
    assert "MB to download" in lines["resnet50:v2"]
    assert "My flowers" in lines[kept.name]
    done = run("--home", tmp_path / "home", "classify", *photos(tmp_path, 1), "--model", kept.name)
    assert done.returncode == 0, done.stderr
    assert any(label in done.stdout for label in LABELS)


def test_without_a_model_named_the_shipped_one_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No weights, no net, nothing but what comes with the app."""
    ship(tmp_path / "built_in")
    given = build_parser("en").parse_args(["classify", *map(str, photos(tmp_path / "photos", 2)), "--json"])
    settings = Settings(home=tmp_path / "home", built_in_models=tmp_path / "built_in")
    assert run_classify(given, settings, "en") == 0
    assert [len(row["guesses"]) for row in json.loads(capsys.readouterr().out)] == [5, 5]


@pytest.mark.shared
def test_the_model_that_ships_needs_nothing_else(shared: Path, tmp_path: Path) -> None:
    nowhere = {"RESNET_DEMO_MIRROR": "http://127.0.0.1:9", "HF_ENDPOINT": "http://127.0.0.1:9"}
    tulips = shared / "data" / "flower_photos" / "tulips"
    done = run("--home", tmp_path / "home", "classify", tulips, "--csv", tmp_path / "out.csv", **nowhere)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(list(tulips.iterdir()))
    assert sum(row["top1"] == "tulips" for row in rows) > 0.75 * len(rows)


@pytest.mark.shared
def test_names_real_photos(shared: Path, tmp_path: Path) -> None:
    from resnet_demo.models.pretrained import imagenet_ids, imagenet_labels

    done = run(
        *(
            "classify",
            shared / "data" / "imagenet_samples",
            "--model",
            "resnet18",
            "--csv",
            tmp_path / "out.csv",
        ),
        RESNET_DEMO_WEIGHTS=str(shared / "weights"),
    )
    assert done.returncode == 0, done.stderr
    label_of = dict(zip(imagenet_ids(), imagenet_labels(), strict=True))
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    right = sum(row["top1"] == label_of[Path(row["file"]).name.split("_")[0]] for row in rows)
    assert right >= 48
