"""Settings: every one is checked, goes to JSON and the command line and back, and presets fill only what is open."""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import fields
from typing import Any

import pytest

from resnet_demo import cli
from resnet_demo.texts import LANGUAGES, AppError
from resnet_demo.training.config import TRAIN_SETTINGS, ResolvedConfig, TrainConfig
from resnet_demo.training.presets import PRESETS, Start
from resnet_demo.training.setting_specs import SettingSpec

ODD = TrainConfig(
    "my photos/花",
    train_folder="learn",
    val_folder="choose",
    test_folder="judge",
    class_level="last",
    separate_names=True,
    label_source="names",
    variant="resnet50:v2",
    preset="best",
    train_depth=3,
    epochs=7,
    batch_size=12,
    image_size=96,
    first_size=64,
    views=0,
    optimiser="sgd",
    learning_rate=3e-4,
    range_test=True,
    depth_factor=0.65,
    warmup=0.05,
    weight_decay=0.0,
    label_smoothing=0.0,
    class_weights=False,
    framing="whole",
    augment=0.25,
    mirror=False,
    mixup=0.4,
    cutmix=1.0,
    ema=0.99,
    early_stop=5,
    precision="float32",
    val_share=0.1,
    test_share=0.2,
    seed=11,
)


def resolve(config: TrainConfig, photos: int = 1750, device: str = "cpu", **start: Any) -> ResolvedConfig:
    given = Start(scratch=config.scratch, **start)
    return config.resolved(photos=photos, per_class={"a": photos // 2, "b": photos // 2}, device=device, start=given)


def parse(words: list[str]) -> TrainConfig:
    parser = argparse.ArgumentParser()
    TrainConfig.add_flags(parser, "en")
    return TrainConfig.from_arguments(parser.parse_args(words))


def test_no_setting_is_forgotten_in_the_example() -> None:
    plain = TrainConfig("x")
    same = {"parent", "labels", "scratch", "views", "train_depth"}
    assert all(
        getattr(ODD, field.name) != getattr(plain, field.name) for field in fields(ODD) if field.name not in same
    )


@pytest.mark.parametrize(
    "config", [ODD, TrainConfig("x"), TrainConfig("x", scratch=True), TrainConfig("x", parent="m")]
)
def test_json_both_ways(config: TrainConfig) -> None:
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    "config", [ODD, TrainConfig("x"), TrainConfig("x", scratch=True), resolve(ODD), resolve(TrainConfig("x"))]
)
def test_command_line_both_ways(config: TrainConfig) -> None:
    assert parse(config.arguments()).to_json() == config.to_json()


def test_flags() -> None:
    given = parse(["photos", "--from", "model", "--train-depth", "3", "--no-class-weights", "--learning-rate", "1e-3"])
    assert (given.data, given.parent, given.train_depth) == ("photos", "model", 3)
    assert (given.class_weights, given.learning_rate, given.epochs) == (False, 0.001, None)
    assert parse(["photos", "--train-depth", "head"]).train_depth == "head"


@pytest.mark.parametrize(
    "words",
    [
        ["--epochs", "0"],
        ["--epochs", "2.5"],
        ["--epochs", "many"],
        ["--learning-rate", "nan"],
        ["--train-depth", "5"],
        ["--preset", "fast"],
        ["--warmup", "inf"],
    ],
)
def test_flags_are_checked(words: list[str]) -> None:
    with pytest.raises(AppError) as caught:
        parse(["photos", *words])
    assert all(word in caught.value.say(language) for word in words for language in LANGUAGES)


NUMBERS = [spec for spec in TRAIN_SETTINGS.values() if spec.kind in {"whole", "number"}]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("spec", NUMBERS, ids=lambda spec: spec.name)
def test_a_number_that_cannot_be_is_refused_in_a_sentence_without_the_usage(
    spec: SettingSpec, language: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the command line, in its language: which flag, what was given, and what would do."""
    monkeypatch.setenv("LC_ALL", {"en": "C.UTF-8", "zh-CN": "zh_CN.UTF-8"}[language])
    step = 1 if spec.kind == "whole" else 0.5
    for value in (f"{spec.low - step:g}", f"{spec.high * 2 + 1:g}", "many", "-1", "", "nan"):
        assert cli.main(["train", "photos", f"{spec.flag}={value}"]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert all(word in said for word in (str(spec.flag), value, f"{spec.low:g}", f"{spec.high:g}"))


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["--preset", "fast"], "quick, balanced, best"),
        (["--variant", "resnet51"], "resnet50"),
        (["--train-depth", "9"], "head, 1, 2, 3, 4, all"),
        (["--batch-size", "0"], "from 1 to 4096"),
    ],
)
def test_a_wrong_choice_is_refused_in_a_sentence_without_the_usage(
    words: list[str], offered: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["train", "photos", *words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert words[1] in said
    assert offered in said


def test_runs_of_earlier_versions_left_the_batch_size_open_with_a_zero() -> None:
    assert TrainConfig.from_json({"data": "x", "batch_size": 0}) == TrainConfig("x")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"data": "x", "epochs": 0}, "--epochs takes a whole number from 1 to 1000, not 0."),
        ({"data": "x", "epochs": 3.5}, "3.5"),
        ({"data": "x", "epochs": "3"}, "--epochs"),
        ({"data": "x", "epochs": True}, "True"),
        ({"data": "x", "epochs": 10**400}, "--epochs"),
        ({"data": "x", "learning_rate": float("nan")}, "nan"),
        ({"data": "x", "learning_rate": float("inf")}, "inf"),
        ({"data": "x", "label_smoothing": 0.6}, "0.5"),
        ({"data": "x", "optimiser": "lion"}, "sgd, adam, adamw"),
        ({"data": "x", "train_depth": True}, "--train-depth"),
        ({"data": "x", "train_depth": [3]}, "--train-depth"),
        ({"data": "x", "scratch": 1}, "--scratch"),
        ({"data": ""}, "data"),
        ({"data": None}, "data"),
        ({"data": "x" * 5000}, "data"),
        ({}, "data"),
        ({"data": "x", "epoch": 3}, "epochs"),
        ({"data": "x", "__class__": 3}, "__class__"),
        ({"data": "x", 5: 3}, "5"),
        ({"data": "x", "variant": "resnet19"}, "resnet18"),
        ({"data": "x", "variant": "resnet18", "parent": "m"}, "one starting point"),
        ({"data": "x", "scratch": True, "parent": "m"}, "one starting point"),
        ({"data": "x", "scratch": True, "train_depth": 2}, "from scratch"),
        ({"data": "x", "first_size": 128, "image_size": 96}, "128"),
        ({"data": "x", "views": 2, "mixup": 0.2}, "fixed views"),
        ({"data": "x", "views": 2, "first_size": 64, "image_size": 96, "train_depth": 1}, "fixed views"),
        ([], "names and values"),
        (None, "names and values"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(entries: object, said: str) -> None:
    with pytest.raises(AppError) as caught:
        TrainConfig.from_json(entries)
    assert said in str(caught.value)
    assert all(caught.value.say(language) for language in LANGUAGES)


def test_no_settings_file_makes_it_stumble() -> None:
    """Whatever stands in a file, the answer is settings or a sentence."""
    draw = random.Random(0)
    values = [None, True, -1, 0, 3, 1e300, float("nan"), "", "head", "all", "x" * 9000, [], {}, {"a": 1}, "\0", "花"]
    refused = 0
    for _ in range(2000):
        names = draw.sample([*TRAIN_SETTINGS, "more", "seed "], draw.randint(0, 6))
        try:
            TrainConfig.from_json({"data": "x", **{name: draw.choice(values) for name in names}})
        except AppError:
            refused += 1
    assert 1000 < refused < 2000


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("scratch", [False, True])
def test_presets_leave_nothing_open(preset: Any, scratch: bool) -> None:
    for photos in (2, 3, 60, 1750, 100_000):
        for device in ("cpu", "cuda"):
            resolved = resolve(TrainConfig("x", preset=preset, scratch=scratch), photos, device)
            assert resolved.batch_size > 0
            assert resolved.first_size <= resolved.image_size
            assert resolved.epochs * photos >= 100 or resolved.epochs >= 10
            assert ResolvedConfig.from_json(resolved.to_json()) == resolved
            assert not scratch or resolved.train_depth == "all"


def test_presets_fill_only_what_was_not_given() -> None:
    resolved = resolve(ODD)
    assert resolved.to_json() == ODD.to_json()
    one = resolve(TrainConfig("x", preset="best", epochs=2, batch_size=5, views=1))
    assert (one.epochs, one.batch_size, one.views) == (2, 5, 1)
    assert (one.train_depth, one.image_size, one.mixup) == ("all", 224, 0.0)  # no mixing where views are fixed


def test_resolving_twice_changes_nothing() -> None:
    once = resolve(TrainConfig("x"))
    assert resolve(once, photos=9, device="cuda") == once


@pytest.mark.parametrize("scratch", [False, True])
def test_presets_take_more_work_in_their_order(scratch: bool) -> None:
    """Counted in forward passes at 224 pixels: each stage has about a quarter of one, and backward takes twice that."""

    def work(preset: str, photos: int) -> float:
        resolved = resolve(TrainConfig("x", preset=preset, scratch=scratch), photos)
        depth = resolved.train_depth
        learning = depth / 4 if isinstance(depth, int) else float(depth == "all")
        forwards = resolved.views if resolved.views and learning < 1 else resolved.epochs
        area = (resolved.image_size**2 + resolved.first_size**2) / 2 / 224**2
        return photos * area * (forwards + 2 * learning * resolved.epochs)

    for photos in (20, 200, 2_000, 20_000):
        quick, balanced, best = (work(preset, photos) for preset in PRESETS)
        assert 1.5 * quick < balanced
        assert 1.5 * balanced < best


def test_the_quick_preset_trains_the_head_of_what_is_there() -> None:
    quick = resolve(TrainConfig("x", preset="quick"))
    assert (quick.train_depth, quick.views) == ("head", 1)


def test_few_photos_are_seen_more_often_in_smaller_batches() -> None:
    few, many = resolve(TrainConfig("x"), 60), resolve(TrainConfig("x"), 6000)
    assert few.epochs > many.epochs
    assert few.batch_size < many.batch_size


def test_rates_follow_batches() -> None:
    def rate(optimiser: Any, batch_size: int) -> float:
        return resolve(TrainConfig("x", optimiser=optimiser, batch_size=batch_size)).learning_rate

    assert rate("sgd", 128) == pytest.approx(4 * rate("sgd", 32))
    assert rate("adamw", 128) == pytest.approx(2 * rate("adamw", 32))


def test_small_networks_get_small_pictures() -> None:
    small = resolve(TrainConfig("x", variant="cifar_resnet20", scratch=True), input_size=32)
    assert (small.image_size, small.first_size) == (32, 32)


def test_sizes_make_room_for_each_other() -> None:
    assert resolve(TrainConfig("x", first_size=256)).image_size == 256
    assert resolve(TrainConfig("x", image_size=64)).first_size == 64


def test_uneven_classes_are_weighted() -> None:
    def weighted(*counts: int) -> bool:
        per_class = {str(number): count for number, count in enumerate(counts)}
        config = TrainConfig("x").resolved(photos=sum(counts), per_class=per_class, device="cpu", start=Start(False))
        return config.class_weights

    assert weighted(10, 20)
    assert not weighted(10, 19)
    assert not weighted(10, 0, 12)


def test_a_resolved_config_leaves_nothing_open() -> None:
    with pytest.raises(AppError, match="--epochs"):
        ResolvedConfig.from_json({**resolve(TrainConfig("x")).to_json(), "epochs": None})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_has_its_texts(language: str) -> None:
    for one in TRAIN_SETTINGS.values():
        assert one.label.say(language)
        assert one.hint.say(language)
        assert all(one.choice_label(choice).say(language) for choice in one.choices)
    parser = argparse.ArgumentParser()
    TrainConfig.add_flags(parser, language)
    assert "--train-depth" in parser.format_help()
