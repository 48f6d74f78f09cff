"""`explain` as a person types it: real processes, a small saved model, pictures drawn by code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_demo.explain import targets
from resnet_demo.explain.explainer import Explainer, Explanation
from resnet_demo.explain.methods import METHODS
from resnet_demo.inference import Classifier, open_model
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from tests.conftest import ROOT
from tests.test_cli import said_in_process
from tests.tiny import LABELS, photos, saved_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def explain(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "resnet_demo", "explain", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_overlay_and_a_map_for_each_photo_and_method(model: Path, tmp_path: Path) -> None:
    (wide,), (tall,) = photos(tmp_path / "in", 1, (90, 40)), photos(tmp_path / "in" / "more", 1, (40, 90))
    assert wide.name == tall.name
    (tmp_path / "in" / "broken.png").write_text("no picture")
    long = wide.with_name(f"{'花' * 80}.x.jpg")
    long.write_bytes(wide.read_bytes())
    out = tmp_path / "out" / "maps"
    methods = ("gradcam", "gradcam++", "eigencam")
    flags = [word for method in methods for word in ("--method", method)]
    done = explain(tmp_path / "in", wide, "--model", model, "--layer", "stage2", *flags, "--out", out)
    assert done.returncode == 0, done.stderr
    (shortened,) = {path.name.rpartition("-")[0] for path in out.iterdir() if path.name.startswith("花")}
    sizes = {"0000": (90, 40), "0000-2": (40, 90), shortened: (90, 40)}
    assert {path.name for path in out.iterdir()} == {
        f"{name}-{method}.{kind}" for name in sizes for method in methods for kind in ("png", "npy")
    }
    for name, (width, height) in sizes.items():
        for method in methods:
            heat = np.load(out / f"{name}-{method}.npy")
            assert (heat.shape, heat.dtype) == ((height, width), np.float32)
            assert heat.min() >= 0
            assert heat.max() in {0, 1}
            with Image.open(out / f"{name}-{method}.png") as overlay:
                assert overlay.size == (width, height)
                assert overlay.mode == "RGB"
    assert "broken.png: The file is not a picture" in done.stdout
    assert "4 files: 3 explained, 1 with a problem" in done.stderr


@pytest.mark.slow
def test_of_one_class_and_why_not_another(model: Path, tmp_path: Path) -> None:
    (photo,) = photos(tmp_path, 1)
    daisy, tulip = LABELS.index("daisy"), LABELS.index("tulip")
    explainer = Explainer(Classifier(open_model(str(model), Settings(home=tmp_path)), Settings(home=tmp_path)))
    maps = {}
    for name, flags, said, target in (
        ("daisy", ["--class", "DAISY"], ": daisy ", targets.named(daisy)),
        ("tulip", ["--class", "tulip"], ": tulip ", targets.named(tulip)),
        (
            "rather",
            ["--class", "daisy", "--not", "tulip"],
            f": {text('cli.explain.rather', label='daisy', other='tulip')} ",
            targets.difference(targets.named(daisy), targets.named(tulip)),
        ),
    ):
        done = explain(photo, "--model", model, *flags, "--method", "hirescam", "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        maps[name] = np.load(tmp_path / name / "0000-hirescam.npy")
        [expected] = explainer.explain([photo], [METHODS["hirescam"]], targets=[target])
        assert isinstance(expected, Explanation)
        np.testing.assert_allclose(maps[name], expected.on_photo(), atol=1e-4)
    assert len({heat.tobytes() for heat in maps.values()}) == 3


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--method", "gradCAM"], 'There is no method "gradCAM". Choose one of these: gradcam, gradcam++, '),
        (["--layer", "stage9"], 'no stage or block called "stage9". It has stage1 (stage1.0 … .2)'),
        (["--class", "rosé"], 'no class "rosé". Choose one of these: daisy, rose, tulip'),
        (["--class", "rose", "--not", "x"], 'no class "x". Choose'),
        (["--model", "nothing"], "There is no network called"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(
    flags: list[str],
    said: str,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (photo,) = photos(tmp_path, 1)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    code, complaint = said_in_process(capsys, "explain", photo, "--model", model, *flags, "--out", tmp_path / "out")
    assert code == 2
    assert said in complaint
    assert len(complaint.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_nothing_that_can_be_read(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    done = explain(tmp_path / "a.jpg", tmp_path / "absent.jpg", "--model", model, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == [
        str(tmp_path / name) for name in ("a.jpg", "absent.jpg")
    ]
    (tmp_path / "empty").mkdir()
    done = explain(tmp_path / "empty", "--model", model, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "There are no files to read" in done.stderr


@pytest.mark.slow
def test_a_place_that_cannot_be_written_to(model: Path, tmp_path: Path) -> None:
    (photo,) = photos(tmp_path, 1)
    done = explain(photo, "--model", model, "--out", photo)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_help_names_every_method() -> None:
    shown = explain("--help").stdout.replace("\n", " ")
    assert all(name in shown for name in METHODS)
