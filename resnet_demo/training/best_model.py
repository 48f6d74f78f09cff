"""The best model of a training: saved in the run's folder, with its model card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resnet_demo.models import saved
from resnet_demo.models.class_names import class_names
from resnet_demo.models.model import Model, TrainingInfo
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.training.dataset_splits import DatasetSplits
from resnet_demo.training.plan import Plan
from resnet_demo.training.run import Run


def as_model(network: ResNet, plan: Plan, splits: DatasetSplits, metrics: Mapping[str, float]) -> Model:
    """The network as a model, with what it was trained on."""
    return Model(
        name=splits.name,
        variant=plan.variant,
        network=network,
        labels=splits.classes,
        spec=plan.spec,
        licence=plan.licence,
        origin=None,
        training_info=TrainingInfo(parent=plan.parent, data=splits.fingerprint, metrics=metrics),
    )


def keep(run: Run, network: ResNet, plan: Plan, splits: DatasetSplits, metrics: Mapping[str, float]) -> None:
    """Put the model into the run's folder, in the place of the one before.

    Raises:
        AppError: it cannot be written; the one before stays.
    """
    model = as_model(network, plan, splits, metrics)
    with run.artefacts.new_best() as folder:
        saved.write(model, folder, card=card(model, plan, splits))


def open_kept(run: Run) -> Model:
    """The model that `keep` put there.

    Raises:
        AppError: it is damaged, or gone.
    """
    try:
        return saved.open_saved(run.artefacts.best)
    except AppError as error:
        raise damaged(run) from error


def damaged(run: Run) -> AppError:
    """The sentence for a model that `open_kept` does not open."""
    return AppError("train.problem.damaged_best", folder=str(run.artefacts.best))


def is_whole(run: Run) -> bool:
    """Whether `open_kept` would open it."""
    try:
        open_kept(run)
    except AppError:
        return False
    return True


def card(model: Model, plan: Plan, splits: DatasetSplits) -> str:
    """The model card: Markdown behind a head that the Hub reads, a section for each of our languages.

    Its reader's language need not be the trainer's, and the same run gives the same card wherever it is resumed.
    """
    front = ["---", "library_name: timm", "tags: [image-classification]"]
    if model.licence:
        front.append(f"license: {model.licence.lower()}")
    lines = [*front, "---", f"# {_cell(splits.name)}"]
    for language, name in LANGUAGES.items():
        lines += ["", f"## {name}", "", *_section(model, plan, splits, language)]
    return "\n".join([*lines, ""])


def _section(model: Model, plan: Plan, splits: DatasetSplits, language: str) -> list[str]:
    def say(name: str) -> str:
        return text(f"train.card.{name}", language)

    metrics, names = model.training_info.metrics, class_names(splits.classes, language)
    rows = {
        "network": model.variant,
        "parent": plan.parent or say("scratch"),
        "licence": (model.licence or say("unknown")) if plan.parent else "",
        "data": f"{splits.name} ({splits.fingerprint[:16]})",
        "classes": ", ".join(map(names.full, splits.classes)),
        "photos": " / ".join(str(len(part.paths)) for part in (splits.train, splits.val, splits.test)),
        "size": str(plan.spec.crop_size),
        "val": _percent(metrics, "val", language),
        "test": _percent(metrics, "test", language),
    }
    table = [f"| {say(name)} | {_cell(value)} |" for name, value in rows.items() if value]
    # Where the photos and the parent lie on this machine is nobody's business.
    config = replace(plan.config, parent=plan.parent) if plan.config.parent else plan.config
    settings = " ".join(config.arguments()[1:])
    return [say("about"), "", "| | |", "| --- | --- |", *table, "", say("settings"), "", f"    {settings}"]


def _percent(metrics: Mapping[str, float], part: str, language: str) -> str:
    if f"{part}_accuracy" not in metrics:
        return ""
    accuracy, photos = metrics[f"{part}_accuracy"], metrics[f"{part}_photos"]
    return text("train.card.accuracy", language, percent=f"{100 * accuracy:.1f}", photos=f"{photos:.0f}")


def _cell(value: str) -> str:
    """A name that anybody may have chosen, as plain words of a table in Markdown."""
    line = " ".join(value.split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>()#+!|~" else letter for letter in line)
