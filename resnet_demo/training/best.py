"""The model that a training leaves: what it is, its card, and its place in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resnet_demo.models import saved
from resnet_demo.models.model import Model, Teaching
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError, text
from resnet_demo.training.material import Material
from resnet_demo.training.plan import Plan
from resnet_demo.training.run import Run


def as_model(network: ResNet, plan: Plan, material: Material, metrics: Mapping[str, float]) -> Model:
    """The network with what was taught to it."""
    return Model(
        name=material.name,
        variant=plan.variant,
        network=network,
        labels=material.classes,
        spec=plan.spec,
        licence=plan.licence,
        origin=None,
        teaching=Teaching(parent=plan.parent, data=material.fingerprint, metrics=metrics),
    )


def keep(run: Run, network: ResNet, plan: Plan, material: Material, metrics: Mapping[str, float]) -> None:
    """Put the model into the run's folder, in the place of the one before.

    Raises:
        AppError: it cannot be written; the one before stays.
    """
    model = as_model(network, plan, material, metrics)
    with run.new_best() as folder:
        saved.write(model, folder, card=card(model, plan, material))


def open_kept(run: Run) -> Model:
    """The model that `keep` put there.

    Raises:
        AppError: it is damaged, or gone.
    """
    try:
        return saved.open_saved(run.best)
    except AppError as error:
        raise damaged(run) from error


def damaged(run: Run) -> AppError:
    """The sentence for a model that `open_kept` does not open."""
    return AppError("train.problem.damaged_best", folder=str(run.best))


def is_whole(run: Run) -> bool:
    """Whether `open_kept` would open it."""
    try:
        open_kept(run)
    except AppError:
        return False
    return True


def card(model: Model, plan: Plan, material: Material) -> str:
    """The model card: Markdown behind a head that the Hub reads."""
    front = ["---", "library_name: timm", "tags: [image-classification]"]
    if model.licence:
        front.append(f"license: {model.licence.lower()}")
    metrics = model.teaching.metrics
    rows = {
        "train.card.network": model.variant,
        "train.card.parent": plan.parent or text("train.card.scratch"),
        "train.card.licence": (model.licence or text("train.card.unknown")) if plan.parent else "",
        "train.card.data": f"{material.name} ({material.fingerprint[:16]})",
        "train.card.classes": ", ".join(material.classes),
        "train.card.photos": " / ".join(str(len(part.paths)) for part in (material.train, material.val, material.test)),
        "train.card.size": str(plan.spec.crop_size),
        "train.card.val": _percent(metrics, "val"),
        "train.card.test": _percent(metrics, "test"),
    }
    table = [f"| {text(key)} | {_cell(value)} |" for key, value in rows.items() if value]
    # Where the photos and the parent lie on this machine is nobody's business.
    config = replace(plan.config, parent=plan.parent) if plan.config.parent else plan.config
    settings = " ".join(config.arguments()[1:])
    lines = [
        *front,
        "---",
        f"# {_cell(material.name)}",
        "",
        text("train.card.about"),
        "",
        "| | |",
        "| --- | --- |",
        *table,
    ]
    return "\n".join([*lines, "", text("train.card.settings"), "", f"    {settings}", ""])


def _percent(metrics: Mapping[str, float], part: str) -> str:
    if f"{part}_accuracy" not in metrics:
        return ""
    accuracy, photos = metrics[f"{part}_accuracy"], metrics[f"{part}_photos"]
    return text("train.card.accuracy", percent=f"{100 * accuracy:.1f}", photos=f"{photos:.0f}")


def _cell(value: str) -> str:
    """A name that anybody may have chosen, as plain words of a table in Markdown."""
    line = " ".join(value.split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>()#+!|~" else letter for letter in line)
