"""Published weights: the records against torchvision and timm, and every way that a file comes here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
import torchvision
from timm.data import ImageNetInfo

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.download import sha256_of
from resnet_demo.models import pretrained, variants
from resnet_demo.models.pretrained import PublishedWeights, available, open_pretrained, published
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from tests.loopback import Answer, Loopback, loopback

VARIANTS = tuple(dict.fromkeys(record.variant for record in published()))
KIND = {"IMAGENET1K_V1": "v1", "IMAGENET1K_V2": "v2"}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "weights").mkdir()
    return Settings(home=tmp_path / "home", weights=tmp_path / "weights")


@cache
def random_resnet18() -> torchvision.models.ResNet:
    """torchvision's network with norms that have seen some data, in evaluation mode."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18()
    with torch.no_grad():
        network(torch.randn(4, 3, 64, 64))
    return network.eval()


def store(network: torch.nn.Module, folder: Path, variant: str = "resnet18", half: bool = False) -> Path:
    """Save the weights as `<variant>-<sha8>.pth`."""
    state = {
        key: value.half() if half and value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "weights.pth"
    torch.save(state, path)
    return path.rename(folder / f"{variant}-{sha256_of(path)[:8]}.pth")


def answers_alike(ours: torch.nn.Module, theirs: torch.nn.Module) -> bool:
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return torch.allclose(ours(images), theirs(images), atol=1e-4, rtol=1e-4)


@pytest.fixture
def own_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[PublishedWeights, Path]:
    """The table with one set, whose file the test has: torchvision's own files cannot be had without a net."""
    file = store(random_resnet18(), tmp_path / "elsewhere")
    record = PublishedWeights("resnet18", "v1", file.stem[-8:], 1.0, 5.0, 44.7, 256)
    monkeypatch.setattr(pretrained, "_PUBLISHED", (record,))
    return record, file


# The records.


def theirs(variant: str) -> dict[str, Any]:
    return {KIND[weights.name]: weights for weights in torchvision.models.get_model_weights(variant)}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_set_of_torchvision_is_recorded(variant: str) -> None:
    assert {record.tag for record in published() if record.variant == variant} == set(theirs(variant))


def test_every_variant_of_torchvision_is_recorded() -> None:
    named = {name for name in torchvision.models.list_models() if name.startswith(("resn", "wide_resn"))}
    assert set(VARIANTS) == named


@pytest.mark.parametrize("record", published(), ids=lambda record: f"{record.variant}:{record.tag}")
def test_a_record_says_what_torchvision_says(record: PublishedWeights) -> None:
    weights = theirs(record.variant)[record.tag]
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]
    transforms, spec = weights.transforms(), record.spec
    assert record.url == weights.url
    assert (record.top1, record.top5) == (accuracy["acc@1"], accuracy["acc@5"])
    assert record.mebibytes == weights.meta["_file_size"]
    assert (transforms.crop_size, transforms.resize_size) == ([spec.crop_size], [spec.resize_size])
    assert (tuple(transforms.mean), tuple(transforms.std)) == (spec.mean, spec.std)
    assert transforms.interpolation.value == spec.interpolation
    assert len(weights.meta["categories"]) == record.classes


@pytest.mark.parametrize("record", published(), ids=lambda record: f"{record.variant}:{record.tag}")
def test_the_hubs_copy_is_timms(record: PublishedWeights) -> None:
    theirs = timm.models.get_pretrained_cfg(record.hub_repo.removeprefix("timm/"))
    assert theirs is not None
    assert theirs.hf_hub_id == record.hub_repo
    assert theirs.url == record.url
    assert theirs.license == record.licence.lower()


def test_imagenets_classes() -> None:
    categories = torchvision.models.ResNet18_Weights.DEFAULT.meta["categories"]
    ours = pretrained.imagenet_labels()
    assert list(pretrained.imagenet_ids()) == ImageNetInfo().label_names()
    assert len({name.casefold() for name in ours}) == len(ours) == 1000
    changed = [index for index in range(1000) if ours[index] != categories[index]]
    assert [categories[index] for index in changed] == ["Cardigan"]
    assert ours[changed[0]] in ImageNetInfo().index_to_description(changed[0])


@pytest.mark.parametrize(("torch_home", "caches"), [("", ""), ("", "{}/c"), ("{}/t", ""), ("~/t", "{}/c")])
def test_what_torch_has_downloaded_is_found(
    torch_home: str, caches: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "mine"))
    for name, value in {"TORCH_HOME": torch_home, "XDG_CACHE_HOME": caches}.items():
        monkeypatch.setenv(name, value.format(tmp_path)) if value else monkeypatch.delenv(name, raising=False)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    assert folder.is_relative_to(tmp_path)
    assert named(settings)["resnet50"] == (PUBLISHED, AWAY)
    folder.mkdir(parents=True)
    (folder / V1).touch()
    assert named(settings)["resnet50"] == (PUBLISHED, HERE)


# What can be named.


def named(settings: Settings, variant: str = "resnet50") -> dict[str, tuple[bool, bool]]:
    """Name to (published, on this disk)."""
    found = [choice for choice in available(settings) if choice.variant == variant]
    return {choice.name: (choice.published is not None, choice.on_disk) for choice in found}


PUBLISHED, LOCAL = True, False
HERE, AWAY = True, False
V1, V2 = "resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ((), {"resnet50": (PUBLISHED, AWAY), "resnet50:v2": (PUBLISHED, AWAY)}),
        ((V1,), {"resnet50": (PUBLISHED, HERE), "resnet50:v2": (PUBLISHED, AWAY)}),
        ((V2,), {"resnet50": (PUBLISHED, AWAY), "resnet50:v2": (PUBLISHED, HERE)}),
        (
            ("resnet50-aaaaaaaa.pth",),
            {"resnet50": (LOCAL, HERE), "resnet50:v1": (PUBLISHED, AWAY), "resnet50:v2": (PUBLISHED, AWAY)},
        ),
        (
            ("resnet50-aaaaaaaa.pth", V1),
            {"resnet50:aaaaaaaa": (LOCAL, HERE), "resnet50": (PUBLISHED, HERE), "resnet50:v2": (PUBLISHED, AWAY)},
        ),
        (
            ("resnet50-aaaaaaaa.pth", "resnet50-bbbbbbbb.pth", V2),
            {
                "resnet50:aaaaaaaa": (LOCAL, HERE),
                "resnet50:bbbbbbbb": (LOCAL, HERE),
                "resnet50:v1": (PUBLISHED, AWAY),
                "resnet50:v2": (PUBLISHED, HERE),
            },
        ),
        (
            ("resnet50.pth",),
            {"resnet50": (LOCAL, HERE), "resnet50:v1": (PUBLISHED, AWAY), "resnet50:v2": (PUBLISHED, AWAY)},
        ),
        (
            ("resnet50.safetensors", V1),
            {"resnet50:local": (LOCAL, HERE), "resnet50": (PUBLISHED, HERE), "resnet50:v2": (PUBLISHED, AWAY)},
        ),
        (
            ("resnet50-aaaaaaaa.safetensors", "resnet50.txt", "resnet50-AAAAAAAA.pth", "my-resnet50-aaaaaaaa.pth"),
            {"resnet50": (PUBLISHED, AWAY), "resnet50:v2": (PUBLISHED, AWAY)},
        ),
    ],
)
def test_names_follow_the_files_in_the_folder(
    settings: Settings, files: tuple[str, ...], names: dict[str, tuple[bool, bool]]
) -> None:
    assert settings.weights is not None
    for file in files:
        (settings.weights / file).touch()
    assert named(settings) == names


def test_a_download_costs_what_torchvision_says(settings: Settings) -> None:
    first = next(choice for choice in available(settings) if choice.name == "resnet18")
    assert first.download_bytes == pytest.approx(44.661 * 2**20, abs=1)
    assert (settings.home / "weights").mkdir(parents=True) is None
    (settings.home / "weights" / "resnet18-f37072fd.pth").touch()
    assert next(choice for choice in available(settings) if choice.name == "resnet18").download_bytes == 0


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("resnet51", "models.unknown_variant"),
        ("plain18", "pretrained.problem.none_published"),
        ("resnet50_stride1x1", "pretrained.problem.none_published"),
        ("resnet50:v3", "pretrained.problem.unknown_set"),
        ("resnet18:v2", "pretrained.problem.unknown_set"),
        ("resnet50", "pretrained.problem.which_set"),
        ("resnet50:aaaaaaaa", "pretrained.problem.damaged"),
        ("resnet50:v2", "pretrained.problem.damaged"),
    ],
)
def test_names_that_open_nothing(settings: Settings, name: str, key: str) -> None:
    assert settings.weights is not None
    for file in ("resnet50-aaaaaaaa.pth", "resnet50-bbbbbbbb.pth", V2):
        (settings.weights / file).touch()
    with pytest.raises(AppError) as caught:
        open_pretrained(name, settings)
    assert caught.value.message.key == key


def test_a_folder_that_does_not_exist_is_told(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(AppError, match="does not exist"):
        open_pretrained("resnet18", Settings(home=settings.home, weights=tmp_path / "typo"))


# Files of one's own.


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
def test_a_local_file_is_opened_without_the_published_accuracy(settings: Settings, half: bool) -> None:
    assert settings.weights is not None
    network = random_resnet18()
    store(network, settings.weights, half=half)
    model = open_pretrained("resnet18", settings)
    if half:
        network = deepcopy(network).half().float()
    assert answers_alike(model.network, network)
    assert {parameter.dtype for parameter in model.network.parameters()} == {torch.float32}
    assert not model.network.training
    assert (model.licence, model.origin, model.top1) == (None, None, None)
    assert model.provenance.say() == "local, licence unknown"
    assert model.spec.resize_size == 256
    assert len(model.labels) == 1000


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize(
    ("variant", "classes", "spec", "labels"),
    [
        ("plain18", 1000, ImageSpec(224, 256), ("tench", "goldfish")),
        ("preact_resnet18", 3, ImageSpec(224, 256), ("class 0", "class 1")),
        ("cifar_resnet20", 10, ImageSpec(32, 32), ("class 0", "class 1")),
        ("resnet18", 2, ImageSpec(224, 256), ("class 0", "class 1")),
    ],
)
def test_weights_that_nobody_published_are_opened(
    settings: Settings, variant: str, classes: int, spec: ImageSpec, labels: tuple[str, str], legacy: bool
) -> None:
    assert settings.weights is not None
    path = settings.weights / "weights.pth"
    network = variants.build(variant, classes)
    torch.save(network.state_dict(), path, _use_new_zipfile_serialization=not legacy)
    sha8 = sha256_of(path)[:8]
    path.rename(settings.weights / f"{variant}-{sha8}.pth")
    assert named(settings, variant)[variant] == (LOCAL, HERE)
    for name in (variant, f"{variant}:{sha8}"):
        model = open_pretrained(name, settings)
        assert torch.equal(model.network.fc.weight, network.fc.weight)
        assert (len(model.labels), model.labels[:2], model.spec) == (classes, labels, spec)
        assert model.provenance.say() == "local, licence unknown"


@pytest.mark.parametrize("name", ["resnet18.pth", "resnet18.safetensors"])
def test_a_file_without_a_hash_in_its_name_is_noticed(settings: Settings, name: str) -> None:
    assert settings.weights is not None
    state, path = random_resnet18().state_dict(), settings.weights / name
    safetensors.torch.save_file(state, path) if name.endswith("safetensors") else torch.save({"model": state}, path)
    for called in ("resnet18", "resnet18:local"):
        model = open_pretrained(called, settings)
        assert answers_alike(model.network, random_resnet18())
        assert (model.top1, model.labels[0]) == (None, "tench")
        assert "cannot be checked" in model.notes[0].say()
    path.rename(settings.weights / name.replace("18", "34"))
    with pytest.raises(AppError, match="its layers fit resnet18"):
        open_pretrained("resnet34", settings)


def test_a_published_file_is_known_by_any_name(own_set: tuple[PublishedWeights, Path], settings: Settings) -> None:
    record, file = own_set
    assert settings.weights is not None
    (settings.weights / "resnet18.pth").write_bytes(file.read_bytes())
    model = open_pretrained("resnet18", settings)
    assert (model.top1, model.licence, model.notes) == (record.top1, "BSD-3-Clause", ())
    assert answers_alike(model.network, random_resnet18())


@pytest.mark.parametrize("content", [{}, {"fc.weight": 5}, {"fc.weight": torch.tensor(1.0)}, [1]], ids=str)
def test_a_file_without_a_last_layer_is_told(settings: Settings, content: object) -> None:
    assert settings.weights is not None
    path = settings.weights / "weights.pth"
    torch.save(content, path)
    path.rename(settings.weights / f"plain18-{sha256_of(path)[:8]}.pth")
    with pytest.raises(AppError) as caught:
        open_pretrained("plain18", settings)
    assert caught.value.message.key.startswith("weights.problem.")


# Downloads.


def test_a_mirror_is_asked_once(
    own_set: tuple[PublishedWeights, Path], settings: Settings, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, file = own_set
    server.serve(f"/models/{record.file}", Answer(file.read_bytes()))
    monkeypatch.setenv("RESNET_DEMO_MIRROR", f"{server.url}/models/")
    assert [choice.on_disk for choice in available(settings)] == [False]
    steps: list[tuple[int, int | None]] = []
    with ThreadPoolExecutor(2) as pool:
        opened = pool.map(lambda _: open_pretrained("resnet18", settings, lambda *step: steps.append(step)), range(2))
        model, _ = opened
    assert answers_alike(model.network, random_resnet18())
    assert (model.top1, model.licence, model.origin) == (1.0, "BSD-3-Clause", record.url)
    assert steps[-1] == (file.stat().st_size, file.stat().st_size)
    assert [choice.on_disk for choice in available(settings)] == [True]
    open_pretrained("resnet18", settings)
    assert len(server.requests) == 1


@pytest.mark.parametrize("cache", ["home/weights", "torch/hub/checkpoints"])
@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "damaged"])
def test_caches_are_believed_by_their_hash(
    own_set: tuple[PublishedWeights, Path],
    settings: Settings,
    server: Loopback,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cache: str,
    damaged: bool,
) -> None:
    record, file = own_set
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("RESNET_DEMO_MIRROR", server.url)
    server.serve(f"/{record.file}", Answer(file.read_bytes()))
    (tmp_path / cache).mkdir(parents=True)
    (tmp_path / cache / record.file).write_bytes(file.read_bytes()[: 1000 if damaged else None])
    assert answers_alike(open_pretrained("resnet18", settings).network, random_resnet18())
    assert len(server.requests) == damaged


# The Hub's client reads its variables when it is imported, so what reaches it is a process of its own.
OPENER = """
import json, logging, sys
from pathlib import Path
from resnet_demo.models.pretrained import available, open_pretrained
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
settings = Settings(home=Path(sys.argv[1]))
try:
    model = open_pretrained("resnet18", settings)
    said = [model.top1, model.network.fc.bias[:3].tolist()]
except AppError as error:
    said = [error.say(), "torch" in sys.modules]
print(json.dumps([said, [choice.name for choice in available(settings) if choice.on_disk]]))
"""


def open_elsewhere(mirror: str, hub: str, tmp_path: Path) -> Any:
    environ = dict(os.environ, RESNET_DEMO_MIRROR=mirror, HF_ENDPOINT=hub, HF_HOME=str(tmp_path / "hf"))
    command = [sys.executable, "-c", OPENER, str(tmp_path / "home")]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout)


def test_without_a_net_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    (said, torch_is_loaded), here = open_elsewhere(nowhere, nowhere, tmp_path)
    assert "resnet18-f37072fd.pth" in said
    assert str(tmp_path / "home" / "weights") in said
    assert "https://download.pytorch.org/models/resnet18-f37072fd.pth" in said
    assert not torch_is_loaded
    assert here == []


@pytest.mark.slow
def test_without_a_net_nothing_else_is_said(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    environ = dict(os.environ, RESNET_DEMO_MIRROR=nowhere, HF_ENDPOINT=nowhere, HF_HOME=str(tmp_path / "hf"))
    command = [sys.executable, "-m", "resnet_demo", "--home", str(tmp_path), "classify", "a.jpg", "--model", "resnet18"]
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "resnet18-f37072fd.pth" in done.stderr


@pytest.mark.slow
def test_the_hubs_copy_serves_where_the_first_source_lies(server: Loopback, tmp_path: Path) -> None:
    network = random_resnet18()
    server.serve("/resnet18-f37072fd.pth", Answer(b"<html>log in to this network</html>"))
    server.serve_hub("timm/resnet18.tv_in1k", {"model.safetensors": safetensors.torch.save(network.state_dict())})
    (top1, bias), here = open_elsewhere(server.url, server.url, tmp_path)
    assert top1 == 69.758
    assert bias == network.fc.bias[:3].tolist()
    assert here == ["resnet18"]
    assert not [path for path in (tmp_path / "home" / "weights").iterdir() if path.suffix != ".lock"]


def test_listing_stays_free_of_torch() -> None:
    script = (
        "import sys; from resnet_demo.models.pretrained import available; from resnet_demo.settings import Settings; "
    )
    script += "print(len(available(Settings())), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == [str(len(published())), "False"]


@pytest.mark.shared
@pytest.mark.parametrize("variant", ["resnet18", "resnet50"])
def test_the_shared_weights_open(shared: Path, tmp_path: Path, variant: str) -> None:
    model = open_pretrained(variant, Settings(home=tmp_path, weights=shared / "weights"))
    assert model.provenance.say() == "local, licence unknown"
    theirs = torchvision.models.get_model(variant)
    (file,) = (shared / "weights").glob(f"{variant}-*.pth")
    theirs.load_state_dict(torch.load(file, weights_only=True))
    assert answers_alike(model.network, theirs.eval())
