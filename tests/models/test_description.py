"""What saved models say of themselves, true or hostile."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import timm
from PIL import Image

from resnet_demo.data.preprocessing import ImageSpec, fit
from resnet_demo.models import variants
from resnet_demo.models.description import OURS_ALONE, Description, describe, read
from resnet_demo.models.model import Model, TrainingInfo
from resnet_demo.models.pretrained import imagenet_ids, imagenet_labels, published
from resnet_demo.texts import LANGUAGES, AppError
from tests.tiny import tiny_model

TRAINING_INFO = TrainingInfo("resnet18", "a1b2c3", {"top1": 0.97, "loss": 0.1}, temperature=1.3, threshold=0.4)


@pytest.fixture(scope="module")
def model() -> Model:
    return replace(tiny_model(), training_info=TRAINING_INFO)


def journey(model: Model) -> tuple[Any, Any]:
    """The two files' entries after a journey through JSON."""
    config, ours = describe(model)
    return json.loads(json.dumps(config)), json.loads(json.dumps(ours))


def foreign(**entries: Any) -> dict[str, Any]:
    """A `config.json` as timm writes it."""
    cfg = {"input_size": [3, 224, 224], "crop_pct": 0.95, "interpolation": "bicubic", "license": "apache-2.0"}
    return {"architecture": "resnet50", "num_classes": 3, "label_names": list("abc"), "pretrained_cfg": cfg, **entries}


def refused(config: Any, ours: Any = None) -> str:
    """The name of the entry that is refused."""
    with pytest.raises(AppError) as caught:
        read(config, ours)
    assert caught.value.message.key == "saved.problem.entry"
    return str(caught.value.message.fields["name"])


def test_all_survives_the_journey(model: Model) -> None:
    told = read(*journey(model))
    assert told == Description(model.variant, model.labels, model.spec, model.licence, TRAINING_INFO, ours=True)


def test_what_is_unknown_is_not_written(model: Model) -> None:
    _, ours = journey(replace(model, licence=None, training_info=TrainingInfo()))
    assert set(ours) == {"version", "variant", "image_spec"}


@pytest.mark.parametrize("record", published(), ids=lambda record: f"{record.variant}:{record.tag}")
def test_timm_resizes_as_published(record: Any, model: Model) -> None:
    config, _ = journey(replace(model, spec=record.spec))
    theirs = timm.data.create_transform(**timm.data.resolve_data_config(pretrained_cfg=config["pretrained_cfg"]))
    resize, crop, *_, normalise = theirs.transforms
    assert (resize.size, tuple(crop.size)) == (record.spec.resize_size, (224, 224))
    assert resize.interpolation.value == record.spec.interpolation
    assert normalise.mean.tolist() == pytest.approx(record.spec.mean)
    assert normalise.std.tolist() == pytest.approx(record.spec.std)


@pytest.mark.parametrize("size", [(400, 100), (100, 300), (224, 224)])
def test_timm_sees_whole_pictures_as_the_model_does(model: Model, size: tuple[int, int]) -> None:
    config, ours = journey(replace(model, spec=ImageSpec(224, 224, interpolation="bicubic", crop_mode="whole")))
    spec = read(config, ours).spec
    assert spec.crop_mode == "whole"
    options = timm.data.resolve_data_config(pretrained_cfg=config["pretrained_cfg"])
    theirs = timm.data.create_transform(**options, normalize=False)
    noise = np.random.default_rng(0).integers(0, 255, (size[1] // 10, size[0] // 10, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    seen = theirs(image).permute(1, 2, 0).numpy()
    assert np.abs(seen.astype(int) - fit(image, spec, "crop").astype(int)).max() <= 1


def test_what_earlier_versions_wrote_and_read_is_the_same(model: Model) -> None:
    """Models that see the centre crop, as all did before."""
    _, ours = journey(model)
    assert set(ours["image_spec"]) == {"crop_size", "resize_size", "mean", "std", "interpolation"}


@pytest.mark.parametrize("variant", variants.all_variants(), ids=lambda variant: variant.name)
def test_timm_knows_the_architecture_exactly_where_it_is_the_same(variant: variants.Variant) -> None:
    named = variant.timm_name or OURS_ALONE + variant.name
    assert timm.is_model(named) == (variant.timm_name is not None)
    assert read(foreign(architecture=named), None).variant == variant.name


def test_timms_files_are_understood() -> None:
    told = read(foreign(model_args={"num_classes": 3, "in_chans": 3, "drop_rate": 0.2}, global_pool="avg"), None)
    spec = ImageSpec(crop_size=224, resize_size=235, interpolation="bicubic")  # floor(224 / 0.95)
    assert told == Description("resnet50", ("a", "b", "c"), spec, "apache-2.0", TrainingInfo())
    assert read(foreign(label_names={"0": "a", "1": "b", "2": "c"}), None) == told


def test_timms_oldest_files_have_one_level() -> None:
    config = foreign()
    flat = {**config, **config.pop("pretrained_cfg")}
    del flat["pretrained_cfg"]
    assert read(flat, None) == read(foreign(), None)


@pytest.mark.parametrize("names", [None, list(imagenet_ids())], ids=["no names", "WordNet ids"])
def test_a_thousand_classes_are_imagenets(names: list[str] | None) -> None:
    assert read(foreign(num_classes=1000, label_names=names), None).labels == imagenet_labels()


def test_other_nameless_classes_have_numbers() -> None:
    assert read(foreign(label_names=None), None).labels == ("0", "1", "2")


def test_repeated_names_are_numbered() -> None:
    long = "n" * 200
    names = ["cat", "dog", "cat", "cat (2)", "cat", long, long]
    told = read(foreign(num_classes=7, label_names=names), None).labels
    assert told == ("cat", "dog", "cat (3)", "cat (2)", "cat (4)", long, "n" * 192 + " (2)")
    assert read(foreign(num_classes=7, label_names=list(told)), None).labels == told


@pytest.mark.parametrize(
    "name", ["resnet18d", "resnet50_stride1x1", "resnet_demo_resnet50", "vit_base_patch16_224", []]
)
def test_another_network_is_named(name: Any) -> None:
    with pytest.raises(AppError, match="not supported here") as caught:
        read(foreign(architecture=name), None)
    assert caught.value.message.key == "saved.problem.architecture"


def test_a_file_that_names_no_network_is_told() -> None:
    with pytest.raises(AppError, match="does not say which network"):
        read(foreign(architecture=None), None)


def test_timms_name_of_a_set_of_weights_is_left_out() -> None:
    assert read(foreign(architecture="resnet50.a1_in1k"), None).variant == "resnet50"


@pytest.mark.parametrize(
    "entries", [{"model_args": {"in_chans": 1}}, {"pretrained_cfg": {"input_size": [1, 224, 224]}}], ids=str
)
def test_other_channels_are_called_so(entries: dict[str, Any]) -> None:
    with pytest.raises(AppError, match="pictures of 1 channels"):
        read(foreign(**entries), None)


@pytest.mark.parametrize(
    ("entry", "entries"),
    [
        ("num_classes", {"num_classes": 0}),
        ("num_classes", {"num_classes": True}),
        ("num_classes", {"num_classes": 10**9}),
        ("num_classes", {"num_classes": None}),
        ("label_names", {"label_names": ["a", "b"]}),
        ("label_names", {"label_names": ["a", "b", ""]}),
        ("label_names", {"label_names": ["a", "b", "c" * 201]}),
        ("label_names", {"label_names": ["a", "b", "c\x1b[31m"]}),
        ("label_names", {"label_names": ["a", "b", "\ud800"]}),
        ("label_names", {"label_names": ["a", "b", 3]}),
        ("label_names", {"label_names": {"0": "a", "1": "b", "3": "c"}}),
        ("label_names", {"label_names": "abc"}),
        ("model_args.act_layer", {"model_args": {"act_layer": "gelu"}}),
        ("model_args.in_chans", {"model_args": {"in_chans": "1"}}),
        ("model_args.num_classes", {"model_args": {"num_classes": [3]}}),
        ("global_pool", {"global_pool": "max"}),
        ("global_pool", {"global_pool": ["avg"]}),
        ("label_offset", {"pretrained_cfg": {"label_offset": 1}}),
        ("license", {"pretrained_cfg": {"license": ["mit"]}}),
        ("pretrained_cfg", {"pretrained_cfg": []}),
    ],
)
def test_entries_that_do_not_fit_are_named(entry: str, entries: dict[str, Any]) -> None:
    assert refused(foreign(**entries)) == entry


@pytest.mark.parametrize(
    ("entry", "entries"),
    [
        ("version", {"version": 0}),
        ("version", {"version": "1"}),
        ("variant", {"variant": "cifar_resnet56"}),
        ("image_spec", {"image_spec": {}}),
        ("licence", {"licence": "a\nb"}),
        ("teaching", {"teaching": []}),
        ("teaching", {"teaching": {"unheard": 1}}),
        ("temperature", {"teaching": {"temperature": float("nan")}}),
        ("threshold", {"teaching": {"threshold": "0.5"}}),
        ("metrics", {"teaching": {"metrics": {"top1": 10**400}}}),
        ("metrics", {"teaching": {"metrics": {"": 1}}}),
        ("parent", {"teaching": {"parent": 5}}),
    ],
)
def test_our_own_entries_are_not_believed_either(model: Model, entry: str, entries: dict[str, Any]) -> None:
    config, ours = journey(model)
    assert refused(config, {**ours, **entries}) == entry


def test_a_newer_version_asks_for_an_update(model: Model) -> None:
    config, ours = journey(model)
    with pytest.raises(AppError, match="Update the app"):
        read(config, {**ours, "version": 2})


def test_what_could_not_be_read_again_is_not_written(model: Model) -> None:
    for change in (
        {"labels": ("a\x00", *model.labels[1:])},
        {"labels": model.labels[1:]},
        {"training_info": TrainingInfo(metrics={"loss": float("nan")})},
    ):
        with pytest.raises(AppError):
            describe(replace(model, **change))


# As JSON, so that each use is a fresh one.
NASTY = [
    *("null", "true", "0", "-1", "3", str(2**63), "1" + "0" * 400, "0.5", "1e308", "NaN", "-Infinity"),
    *map(json.dumps, ("", "a", "\x00", "\ud800", "x" * 100_000, "../x", "resnet18", "{host}", "<script>")),
    *(
        "[]",
        "{}",
        "[[]]",
        "[0, 0, 0]",
        '["a", "b", "c"]',
        '{"0": "a"}',
        "[1e-300, 1, 1]",
        "[3, 32, 32]",
        "[3, 1e9, 1e9]",
    ),
    "[" * 900 + "]" * 900,
]


def spoil(entries: Any, chance: random.Random) -> None:
    """Replace, drop or add something somewhere."""
    while True:
        places = list(entries) if isinstance(entries, dict) else list(range(len(entries)))
        if not places or chance.random() < 0.1:
            break
        place = chance.choice(places)
        if isinstance(entries[place], dict | list) and chance.random() < 0.7:
            entries = entries[place]
        elif chance.random() < 0.2:
            del entries[place]
            return
        else:
            entries[place] = json.loads(chance.choice(NASTY))
            return
    if isinstance(entries, dict):
        place = chance.choice(["label_offset", "model_args", "global_pool", "teaching", "license", "x"])
        entries[place] = json.loads(chance.choice(NASTY))


def test_any_entries_end_in_a_description_or_a_sentence(model: Model) -> None:
    chance, told = random.Random(0), 0
    for turn in range(4000):
        config, ours = journey(model) if turn % 2 else (foreign(), None)
        for _ in range(chance.randrange(1, 4)):
            spoil(config if ours is None or chance.random() < 0.5 else ours, chance)
        try:
            read(config, ours)
        except AppError as error:
            told += 1
            for language in LANGUAGES:
                said = error.say(language).encode()  # a lone surrogate would not become bytes
                assert len(said) < 2000
    assert 1000 < told < 4000
