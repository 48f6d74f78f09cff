"""The head fitted in one go: beside scikit-learn, and as a run beside the features that it is made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resnet_demo.data.preprocessing import fit
from resnet_demo.inference import open_model
from resnet_demo.jobs.worker import execute_run
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training import head_fit
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.dataset_splits import facts_of, load_splits
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.frozen_backbone import FeatureExtractor
from resnet_demo.training.head_fit import LabelledFeatures, fit_head
from resnet_demo.training.run import Run
from tests.tiny import saved_tiny_model
from tests.training.small_runs import draw_photos, events_of, settings_in


def drawn(seed: int, count: int, classes: int = 3, channels: int = 12, noise: float = 1.0) -> LabelledFeatures:
    """Features around one centre for each class, each channel on a scale of its own."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes, channels))
    labels = random.integers(0, classes, count)
    features = (centres[labels] + noise * random.normal(size=(count, channels))) * np.geomspace(0.1, 10, channels) + 3
    return LabelledFeatures(torch.tensor(features, dtype=torch.float32), torch.tensor(labels))


def test_the_head_is_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    penalty = 0.02
    monkeypatch.setattr(head_fit, "PENALTIES", (penalty,))
    train = drawn(0, 200)
    head = fit_head(train, drawn(1, 30), 3)
    scaler = preprocessing.StandardScaler().fit(train.features.numpy())
    theirs = linear_model.LogisticRegression(C=1 / (penalty * len(train)), max_iter=2_000, tol=1e-8)
    theirs.fit(scaler.transform(train.features.numpy()), train.labels.numpy())
    other = drawn(2, 50)
    ours = head(other.features).softmax(dim=1).numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(scaler.transform(other.features.numpy())), atol=2e-3)


def test_the_penalty_is_the_one_with_the_lowest_validation_loss() -> None:
    train, val = drawn(0, 60, noise=2.0), drawn(1, 300, noise=2.0)

    def loss(head: torch.nn.Linear) -> float:
        return float(torch.nn.functional.cross_entropy(head(val.features), val.labels))

    chosen = loss(fit_head(train, val, 3))
    alone = []
    for penalty in head_fit.PENALTIES:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(head_fit, "PENALTIES", (penalty,))
            alone.append(loss(fit_head(train, val, 3)))
    assert chosen == pytest.approx(min(alone), abs=1e-6)
    assert max(alone) > min(alone) + 0.01


def test_a_channel_that_never_changes_does_no_harm() -> None:
    train = drawn(0, 60)
    train.features[:, 4] = 7.0
    head = fit_head(train, LabelledFeatures(torch.zeros(0, 12), torch.zeros(0, dtype=torch.long)), 3)
    assert torch.isfinite(head.weight).all()
    assert (head(train.features).argmax(dim=1) == train.labels).float().mean() > 0.8


def made_run(folder: Path, **settings: object) -> tuple[Run, Settings]:
    torch.set_num_threads(1)
    photos, parent = draw_photos(folder / "photos"), saved_tiny_model(folder / "parent")
    config = TrainConfig(str(photos), parent=str(parent), optimiser="lbfgs", image_size=32, **settings)  # type: ignore[arg-type]
    home = settings_in(folder)
    return Run.create(home.home, config, facts_of(config, home)), home


def test_a_run_like_any_other(tmp_path: Path) -> None:
    run, settings = made_run(tmp_path)
    execute_run(run, settings)
    assert run.state() == "finished", run.events.all()
    [epoch], [finished] = events_of(run, "epoch"), events_of(run, "finished")
    assert epoch["val_accuracy"] == finished["val_accuracy"]
    model = open_model(str(run.artefacts.best), settings)
    parent = open_model(str(tmp_path / "parent"), settings)
    assert model.training_info.metrics["test_accuracy"] == finished["test_accuracy"]
    # The backbone is the parent's, and the figures are those of the saved network.
    for name, tensor in parent.network.state_dict().items():
        if not name.startswith("fc."):
            torch.testing.assert_close(model.network.state_dict()[name], tensor)
    predictions = run.artefacts.test_predictions()
    assert predictions is not None
    assert predictions.correct / len(predictions.files) == finished["test_accuracy"]
    assert finished["test_accuracy"] > 0.6  # of three colours


def test_known_features_are_taken_as_they_are(tmp_path: Path) -> None:
    run, settings = made_run(tmp_path)
    splits = load_splits(run, settings)
    parts = (splits.train, splits.val, splits.test)
    known = {
        content: torch.eye(3)[label].repeat(22)[:64] + 0.01 * torch.rand(64)
        for part in parts
        for content, label in zip(part.contents, part.labels, strict=True)
    }
    from resnet_demo.training.loop import train

    with run.worker.lock():
        train(run, settings, known)
    predictions = run.artefacts.test_predictions()
    assert predictions is not None
    assert predictions.correct == len(predictions.files)


def test_the_extractor_gives_what_the_head_is_given(tmp_path: Path) -> None:
    model = open_model(str(saved_tiny_model(tmp_path / "model")), Settings(home=tmp_path))
    from PIL import Image

    pictures = [Image.effect_noise((40, 40), 80).convert("RGB") for _ in range(2)]
    pixels = torch.from_numpy(np.stack([fit(picture, model.spec, "crop") for picture in pictures]))
    extractor = FeatureExtractor(model.network, model.spec, DistributedContext(torch.device("cpu")).device)
    given: list[torch.Tensor] = []
    model.network.fc.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    from resnet_demo.data.preprocessing import normalise

    with torch.no_grad():
        model.network(normalise(pixels, model.spec))
    torch.testing.assert_close(extractor.features(pixels), given[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("settings", [{"train_depth": 2}, {"train_depth": "all"}, {"scratch": True}])
def test_it_trains_the_head_alone(settings: dict[str, object]) -> None:
    with pytest.raises(AppError, match="L-BFGS"):
        replace(TrainConfig("photos", optimiser="lbfgs"), **settings)  # type: ignore[arg-type]
