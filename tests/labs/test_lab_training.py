"""Training small networks: resumed exactly, the steps of another loop, and pictures moved as they should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from resnet_demo.labs import degradation, networks
from resnet_demo.labs.configs import Kind
from resnet_demo.labs.context import LabStopped
from resnet_demo.labs.degradation import Curve
from resnet_demo.labs.lab_training import (
    CHECKPOINT,
    EpochRecord,
    Recipe,
    augmented,
    error,
    share_of_rate,
    train,
)
from resnet_demo.labs.pictures import Pictures, open_pictures
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.optimisation import Cycle
from tests.tiny import photos

RECIPE = Recipe(epochs=4, batch_size=8, learning_rate=0.02, label_smoothing=0.1)


@pytest.fixture(scope="module")
def drawn() -> Pictures:
    return open_pictures("drawn", Settings(), size=8, per_class=6, test_per_class=2)


def fresh() -> networks.ResNet:
    return networks.build("residual", 8, 0, classes=5)


def figures(records: list[EpochRecord]) -> list[EpochRecord]:
    return [replace(record, seconds=0) for record in records]


def test_it_resumes_exactly(drawn: Pictures, tmp_path: Path) -> None:
    whole = fresh()
    expected = figures(list(train(whole, drawn, RECIPE)))
    steps = 0

    def stop_in_the_third_epoch() -> bool:
        nonlocal steps
        steps += 1
        return steps > 10

    with pytest.raises(LabStopped):
        list(train(fresh(), drawn, RECIPE, tmp_path, stop_in_the_third_epoch))
    resumed = fresh()
    assert figures(list(train(resumed, drawn, RECIPE, tmp_path))) == expected
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())


@pytest.mark.parametrize("damage", ["other recipe", "cut short", "no checkpoint"])
def test_a_checkpoint_that_does_not_fit_is_replaced(drawn: Pictures, tmp_path: Path, damage: str) -> None:
    recipe = replace(RECIPE, epochs=1)
    list(train(fresh(), drawn, recipe, tmp_path))
    path = tmp_path / CHECKPOINT
    if damage == "other recipe":
        recipe = replace(recipe, seed=1)
    else:
        path.write_bytes(path.read_bytes()[:1000] if damage == "cut short" else b"")
    assert figures(list(train(fresh(), drawn, recipe, tmp_path))) == figures(list(train(fresh(), drawn, recipe)))


def test_steps_are_those_of_a_loop_written_out(drawn: Pictures) -> None:
    """PyTorch's own SGD, its cross-entropy with smoothing, and the schedule as the papers write it."""
    recipe = Recipe(2, 16, 0.05, weight_decay=0.01, warmup=0, label_smoothing=0.1, augment=False, seed=3)
    ours, theirs = fresh(), fresh()
    [*_, last] = train(ours, drawn, recipe)
    decayed = [one for one in theirs.parameters() if one.dim() > 1]
    others = [one for one in theirs.parameters() if one.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0}]
    optimiser = torch.optim.SGD(groups, 0.05, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=4)
    losses = []
    for epoch in range(2):
        order = torch.randperm(30, generator=torch.Generator().manual_seed(3 * 1_000_003 + epoch))
        for chosen in order.split(16):
            loss = F.cross_entropy(theirs(drawn.train[chosen]), drawn.train_classes[chosen], label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item() * len(chosen))
    assert last.train_loss == pytest.approx(sum(losses[2:]) / 30, rel=1e-3)
    theirs.eval()
    wrong = (theirs(drawn.test).argmax(1) != drawn.test_classes).float().mean().item()
    assert error(ours, drawn.test, drawn.test_classes) == pytest.approx(wrong)


def test_without_a_cosine_the_rate_stays() -> None:
    shares = [share_of_rate(replace(RECIPE, cosine=False), step, Cycle(0, 20)) for step in range(20)]
    assert shares[0] < shares[1] < 1
    assert shares[2:] == [1.0] * 18


def test_a_training_that_diverges_ends(drawn: Pictures) -> None:
    network = networks.build("plain", 8, 0, classes=5, norms=False)
    records = list(train(network, drawn, replace(RECIPE, learning_rate=1e6)))
    assert records[-1].train_loss is None
    assert len(records) < RECIPE.epochs


def test_augmented_pictures_are_flipped_and_shifted() -> None:
    x = torch.arange(1.0, 65).view(1, 1, 8, 8).expand(200, 3, 8, 8)
    padded = F.pad(x[0], (1, 1, 1, 1))
    possible = [
        one[:, down : down + 8, right : right + 8] for one in (padded,) for down in range(3) for right in range(3)
    ]
    possible += [one.flip(2) for one in possible]
    found = [[torch.equal(picture, one) for one in possible].index(True) for picture in augmented(x, torch.Generator())]
    assert set(found) == set(range(18))


def test_pictures_of_a_folder(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for name in ("cat", "dog"):
            photos(tmp_path / split / name, count)
    settings = Settings(home=tmp_path / "home")
    pictures = open_pictures(str(tmp_path), settings, size=16, per_class=2, test_per_class=5)
    assert pictures.classes == ("cat", "dog")
    assert pictures.train.shape == (4, 3, 16, 16)
    assert pictures.test_classes.tolist() == [0, 0, 1, 1]
    with pytest.raises(AppError, match="nowhere"):
        open_pictures("nowhere", settings, size=16, per_class=2, test_per_class=5)


@pytest.mark.shared
def test_pictures_of_an_archive(shared: Path, tmp_path: Path) -> None:
    archive = shared / "data" / "cifar10_subset.zip"
    pictures = open_pictures(str(archive), Settings(home=tmp_path), size=32, per_class=3, test_per_class=2)
    assert pictures.facts() == {"source": "cifar10_subset.zip", "classes": 10, "train": 30, "test": 20, "size": 32}
    assert abs(pictures.train.mean().item()) < 0.3


def test_curves_of_all_networks(drawn: Pictures, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=1, batch_size=30)
    *_, curves = degradation.compare(drawn, (8, 14), (5, 6), recipe, tmp_path)
    assert [(curve.kind, curve.depth, curve.seed) for curve in curves] == [
        (kind, depth, seed) for seed in (5, 6) for depth in (8, 14) for kind in ("plain", "residual")
    ]
    assert all(len(curve.records) == 1 for curve in curves)
    seeds = {curve.as_dict()["train_loss"][0] for curve in curves}
    assert len(seeds) == 8


def test_findings_by_hand() -> None:
    def curve(kind: Kind, depth: int, seed: int, *errors: float) -> Curve:
        return Curve(kind, depth, seed, tuple(EpochRecord(i, 1.0, one, 0.5, 1.0) for i, one in enumerate(errors)))

    curves = [
        *(curve("plain", 20, 0, 0.9, 0.2), curve("plain", 56, 0, 0.9, 0.5)),
        *(curve("plain", 20, 1, 0.9, 0.4), curve("plain", 56, 1, 0.9, 0.6)),
        *(curve("residual", 20, 0, 0.9, 0.2), curve("residual", 56, 0, 0.9, 0.1)),
        *(curve("residual", 20, 1, 0.9, 0.1), curve("residual", 56, 1, 0.9)),
    ]
    found = degradation.findings(curves, 20, 56, epochs=2)
    assert found["plain"] == {"train_error": {"20": 0.3, "56": 0.55}, "gaps": [0.3, 0.2], "deeper_is_worse": True}
    assert found["residual"]["gaps"] == [-0.1]
    assert found["residual"]["deeper_is_worse"] is False
    assert degradation.findings(curves[:1], 20, 56, epochs=2)["plain"]["deeper_is_worse"] is None
