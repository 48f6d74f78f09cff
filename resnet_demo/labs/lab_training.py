"""One small network trained on small pictures, epoch by epoch: the training of every experiment; resumes exactly.

Gradient steps, schedule, loss and parameter groups are those of `training.optimisation`, which fine-tuning has too.
Nothing random has a state of its own: order and augmentation follow from the seed and the epoch.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from resnet_demo.labs import configs
from resnet_demo.labs.context import LabContext, LabStopped, never
from resnet_demo.labs.pictures import Pictures, open_pictures
from resnet_demo.models.resnet import ResNet
from resnet_demo.training import optimisation
from resnet_demo.training.atomic_writes import disk_errors, write_atomic
from resnet_demo.training.optimisation import MOMENTUM, Cycle

CHECKPOINT = "checkpoint.safetensors"
EVAL_BATCH = 250


@dataclass(frozen=True)
class Recipe:
    """How to train: SGD with Nesterov's momentum of 0.9, a warm-up, then a cosine down to zero, or a constant rate.

    `learning_rate` is the highest; `warmup` and `label_smoothing` are shares. `augment`: pictures are flipped half of
    the time and shifted by up to an eighth of their side, what comes in being zero (He et al. 2016, section 4.2).
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 0.05
    weight_decay: float = 1e-4
    warmup: float = 0.1
    cosine: bool = True
    label_smoothing: float = 0.0
    augment: bool = True
    seed: int = 0


@dataclass(frozen=True)
class EpochRecord:
    """An epoch's figures: mean loss and error (shares, 0 to 1) over its training steps, then the error on the test.

    `train_loss` is None where it was no finite number; the training then ends. `seconds` are this epoch's.
    """

    epoch: int
    train_loss: float | None
    train_error: float
    test_error: float
    seconds: float


def train(
    network: ResNet,
    pictures: Pictures,
    recipe: Recipe,
    folder: Path | None = None,
    stopped: Callable[[], bool] = never,
) -> Iterator[EpochRecord]:
    """Train a network in place; yields a record after each epoch, first those that a checkpoint has.

    Args:
        network: fresh, on the CPU, in training mode.
        folder: where a checkpoint is kept after each epoch; a checkpoint of another recipe or network is replaced.
        stopped: asked after each step whether to end at once.

    Raises:
        LabStopped: `stopped` said so.
        AppError: the disk is full, or cannot be written to.
    """
    network.to(memory_format=torch.channels_last)
    groups = optimisation.parameter_groups(network, weight_decay=recipe.weight_decay, depth_factor=1.0)
    optimiser = torch.optim.SGD(groups, recipe.learning_rate, MOMENTUM, nesterov=True)
    path = None if folder is None else folder / CHECKPOINT
    identity = {"recipe": asdict(recipe), "pictures": pictures.facts()}
    records = [] if path is None else _load(path, network, optimiser, identity)
    yield from records
    for epoch in range(len(records), recipe.epochs):
        if records and records[-1].train_loss is None:
            return
        records.append(_epoch(network, optimiser, pictures, recipe, epoch, stopped))
        if path is not None:
            _save(path, network, optimiser, identity, records)
        yield records[-1]


def _epoch(
    network: ResNet,
    optimiser: torch.optim.SGD,
    pictures: Pictures,
    recipe: Recipe,
    epoch: int,
    stopped: Callable[[], bool],
) -> EpochRecord:
    started = time.perf_counter()
    random = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
    batches = torch.split(torch.randperm(len(pictures.train), generator=random), recipe.batch_size)
    cycle = Cycle(0, recipe.epochs * len(batches))
    loss_sum, wrong = 0.0, 0
    network.train()
    for number, chosen in enumerate(batches):
        if stopped():
            raise LabStopped
        x, classes = pictures.train[chosen], pictures.train_classes[chosen]
        if recipe.augment:
            x = augmented(x, random)
        optimisation.set_rates(
            optimiser, recipe.learning_rate * share_of_rate(recipe, epoch * len(batches) + number, cycle)
        )
        optimiser.zero_grad(set_to_none=True)
        logits = network(x)
        targets = F.one_hot(classes, logits.shape[1]).float()
        loss = optimisation.loss_sum(logits, targets, None, recipe.label_smoothing)
        (loss / len(chosen)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        loss_sum += loss.item()
        wrong += int((logits.argmax(dim=1) != classes).sum())
        if not math.isfinite(loss_sum):
            break
    count = len(pictures.train)
    return EpochRecord(
        epoch=epoch + 1,
        train_loss=loss_sum / count if math.isfinite(loss_sum) else None,
        train_error=wrong / count if math.isfinite(loss_sum) else 1 - 1 / len(pictures.classes),
        test_error=error(network, pictures.test, pictures.test_classes),
        seconds=time.perf_counter() - started,
    )


def share_of_rate(recipe: Recipe, step: int, cycle: Cycle) -> float:
    """The share of the highest learning rate at a step; with no cosine it stays at 1 after the warm-up."""
    rising = step < round(recipe.warmup * cycle.steps)
    return optimisation.rate_share(step, cycle, recipe.warmup) if rising or recipe.cosine else 1.0


def augmented(x: Tensor, random: torch.Generator) -> Tensor:
    """Pictures (N, 3, S, S), flipped half of the time and shifted by up to S / 8 pixels; what comes in is zero."""
    count, _, _, side = x.shape
    margin = side // 8
    padded = F.pad(x, (margin,) * 4)
    down, right = torch.randint(2 * margin + 1, (2, count, 1), generator=random)
    rows, columns = torch.arange(side) + down, torch.arange(side) + right
    flipped = torch.rand(count, 1, generator=random) < 0.5
    columns = torch.where(flipped, columns.flip(1), columns)
    shifted = padded[torch.arange(count).view(-1, 1, 1), :, rows[:, :, None], columns[:, None, :]]
    return shifted.permute(0, 3, 1, 2)


@torch.no_grad()
def error(network: ResNet, pictures: Tensor, classes: Tensor) -> float:
    """The share of pictures (N, 3, S, S) that a network names wrongly, evaluated; its mode is left as it was."""
    mode = network.training
    network.eval()
    wrong = sum(
        int(torch.ne(network(part).argmax(dim=1), of).sum())
        for part, of in zip(torch.split(pictures, EVAL_BATCH), torch.split(classes, EVAL_BATCH), strict=True)
    )
    network.train(mode)
    return wrong / len(classes)


def _save(
    path: Path, network: ResNet, optimiser: torch.optim.SGD, identity: dict[str, Any], records: list[EpochRecord]
) -> None:
    """Write one file, whole or not at all: weights, momentum, and the records in its header."""
    tensors = {f"network.{name}": value.contiguous() for name, value in network.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors[f"momentum.{number}"] = state["momentum_buffer"].contiguous()
    header = {**identity, "records": [asdict(record) for record in records]}
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, safetensors.torch.save(tensors, {"lab": json.dumps(header)}))


def _load(path: Path, network: ResNet, optimiser: torch.optim.SGD, identity: dict[str, Any]) -> list[EpochRecord]:
    """Take a checkpoint's state over; returns its records, none where it is another training's or damaged."""
    try:
        with safe_open(path, "pt") as file:
            header = json.loads(file.metadata()["lab"])
            records = [EpochRecord(**entry) for entry in header.pop("records")]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
        if header != identity:
            return []
        weights = {name.removeprefix("network."): value for name, value in tensors.items() if name[:8] == "network."}
        network.load_state_dict(weights)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError):
        return []
    momentum = {int(name[9:]): {"momentum_buffer": value} for name, value in tensors.items() if name[:9] == "momentum."}
    optimiser.load_state_dict({"state": momentum, "param_groups": optimiser.state_dict()["param_groups"]})
    return records


def pictures_and_recipe(config: configs.Training, context: LabContext) -> tuple[Pictures, Recipe]:
    """What an experiment that trains is to train on, and how.

    Raises:
        AppError: as `pictures.open_pictures`.
    """
    pictures = open_pictures(
        config.pictures,
        context.settings,
        size=config.size,
        per_class=config.per_class,
        test_per_class=config.test_per_class,
    )
    recipe = Recipe(
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        augment=config.augment,
        seed=config.seed,
    )
    return pictures, recipe
