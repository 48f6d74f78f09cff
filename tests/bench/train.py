"""`make bench-train`: the usual tutorial's recipe beside `train`, on the same photos, in one run.

Each side is a process of its own, and its clock starts with the process. What only judges is left out of all clocks:
the tutorial looks at the test photos after its last epoch, when its clock has stopped; ours stops when the last
checkpoint and the best model are on the disk, and the looks at the validation photos are taken out of it. When those
began and ended is told by the run's events: from an epoch's last step to its `epoch` event (where the last step was
not told, half a second of theirs is left in). Reading photos, finding duplicates among them and choosing a precision
are ours, and are left in. Processor seconds are those of the process and its children, sampled four times a second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from resnet_demo.evaluation import wilson_interval
from resnet_demo.settings import Settings
from resnet_demo.training.atomic_writes import MARKER
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.dataset_splits import load_splits
from resnet_demo.training.run import Run
from resnet_demo.training.run_logger import STEP_SECONDS
from tests.conftest import ROOT, SHARED

PHOTOS = SHARED / "data" / "flower_photos"
SAMPLE_SECONDS = 0.25
OURS = {"balanced": ("--preset", "balanced"), "head only": ("--preset", "quick", "--train-depth", "head")}


@dataclass(frozen=True)
class Outcome:
    """Seconds without what only judges, and how many of the test photos were named rightly."""

    wall: float
    processor: float
    right: int
    photos: int


class Watch:
    """The processor time of a process and its children, as it grew."""

    def __init__(self) -> None:
        self.times = [time.time()]
        self.seconds = [0.0]

    def over(self, command: Sequence[str], environment: dict[str, str]) -> None:
        """Start a process, and watch it to its end."""
        process = psutil.Popen(command, cwd=ROOT, env=environment)
        while process.poll() is None:
            self.times.append(time.time())
            self.seconds.append(max(self.seconds[-1], used(process)))
            time.sleep(SAMPLE_SECONDS)
        if process.returncode:
            sys.exit(f"{command} ended with code {process.returncode}")

    def between(self, start: float, end: float) -> np.ndarray:
        """Wall and processor seconds from one moment to another, (2,)."""
        spent = np.interp([start, end], self.times, self.seconds)
        return np.array([end - start, spent[1] - spent[0]])


def used(process: psutil.Process) -> float:
    """Processor seconds so far; 0 if it ends while we look."""
    total = 0.0
    for one in (process, *children(process)):
        try:
            times = one.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + (times.children_user + times.children_system if one == process else 0)
    return total


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="times that each side is run; medians are printed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of ours; the tutorial takes the first one's")
    parser.add_argument(
        "--epochs", type=int, help="of every side, to try this script (tutorial: 3; ours: its preset's)"
    )
    parser.add_argument("--photos", type=int, help="of each class at the most, to try this script (default: all)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="of the tutorial's DataLoader")
    parser.add_argument(
        "--synthetic", const="resnet50", nargs="?", metavar="NETWORK", help="instead: what photos cost, see feeding.py"
    )
    parser.add_argument("--tutorial", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.tutorial:
        tutorial(arguments.tutorial, arguments.epochs, arguments.workers, arguments.seeds[0])
        return
    if not SHARED.is_dir():
        sys.exit("This needs the photos and weights of ../shared.")
    with tempfile.TemporaryDirectory() as temporary:
        folder, most = Path(temporary), arguments.photos
        photos = PHOTOS if most is None else some_of(PHOTOS, folder / "flower_photos", most)
        if arguments.synthetic:
            measure_feeding(arguments, photos, folder)
        else:
            compare(arguments, photos, folder)


def measure_feeding(arguments: argparse.Namespace, photos: Path, folder: Path) -> None:
    """Of a whole network from fresh weights, whose steps take as long as any."""
    from tests.bench import feeding

    config = TrainConfig(str(photos), variant=arguments.synthetic, scratch=True, seed=arguments.seeds[0])
    feeding.show(arguments.synthetic, feeding.feeding(config, folder, arguments.rounds))


def compare(arguments: argparse.Namespace, photos: Path, folder: Path) -> None:
    """Run every side, and print what came out."""
    outcomes: dict[str, list[Outcome]] = {"tutorial": [], "one epoch of it": [], **{name: [] for name in OURS}}
    means: dict[str, list[float]] = {name: [] for name in OURS}
    for number in range(arguments.rounds):
        for position, seed in enumerate(arguments.seeds):
            for name, flags in OURS.items():
                place = folder / f"{number}-{seed}-{name.replace(' ', '-')}"
                outcome = run_ours(photos, place, [*flags, "--seed", str(seed)], arguments.epochs)
                means[name].append(outcome.right / outcome.photos)
                if position == 0:
                    outcomes[name].append(outcome)
        first = Run.open(folder / f"{number}-{arguments.seeds[0]}-balanced")
        whole, one_epoch = run_tutorial(first, folder / f"{number}-tutorial", arguments)
        outcomes["tutorial"].append(whole)
        outcomes["one epoch of it"].append(one_epoch)
    show({name: median(found) for name, found in outcomes.items()}, arguments)
    for name, found in means.items():
        shares = " ".join(f"{100 * share:.1f}" for share in found)
        print(f"{name}, seeds {arguments.seeds}: {100 * statistics.mean(found):.1f} % on average ({shares})")


def some_of(source: Path, target: Path, most: int) -> Path:
    """A copy with that many photos of each class."""
    for kind in sorted(source.iterdir()):
        (target / kind.name).mkdir(parents=True)
        for photo in sorted(kind.iterdir())[:most]:
            shutil.copy(photo, target / kind.name)
    return target


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "RESNET_DEMO_WEIGHTS": str(SHARED / "weights"), "RESNET_DEMO_HOME": str(home)}


def run_ours(photos: Path, place: Path, flags: Sequence[str], epochs: int | None) -> Outcome:
    """`train` as the README has it, with a data home that knows nothing yet."""
    command = [sys.executable, "-m", "resnet_demo", "train", str(photos), "--variant", "resnet18", "--out", str(place)]
    watch = Watch()
    watch.over(
        [*command, *flags, *(["--epochs", str(epochs)] if epochs else [])], environment(place.with_suffix(".home"))
    )
    run = Run.open(place)
    checkpoint, finished = run.checkpoints.newest(), run.events.newest("finished")
    assert checkpoint is not None
    assert finished is not None
    spent = watch.between(watch.times[0], (checkpoint / MARKER).stat().st_mtime)
    spent -= sum(itertools.starmap(watch.between, looks(run)), np.zeros(2))
    tested = round(finished["test_photos"])
    return Outcome(*spent.tolist(), round(finished["test_accuracy"] * tested), tested)


def looks(run: Run) -> Iterator[tuple[float, float]]:
    """When each look at the validation photos began and ended."""
    step: dict[str, Any] | None = None
    for event in run.events.all():
        if event["kind"] == "step":
            step = event
        elif event["kind"] == "epoch" and step and step["epoch"] == event["epoch"]:
            is_last = step["step"] * event["epochs"] == step["steps"] * event["epoch"]
            began = step["t"] + (0.0 if is_last else STEP_SECONDS)
            yield min(began, event["t"]), event["t"]


def run_tutorial(run: Run, place: Path, arguments: argparse.Namespace) -> tuple[Outcome, Outcome]:
    """The tutorial on the photos that `run` learned from and was judged by: to its end, and to its first epoch's."""
    splits = load_splits(run, Settings(home=place.with_suffix(".home")))
    for part in ("train", "test"):
        for path in getattr(splits, part).paths:
            target = place / part / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    command = [sys.executable, "-m", "tests.bench.train", "--tutorial", str(place)]
    options = {"--epochs": arguments.epochs or 3, "--workers": arguments.workers, "--seeds": arguments.seeds[0]}
    watch = Watch()
    watch.over([*command, *map(str, itertools.chain(*options.items()))], environment(place))
    told = json.loads((place / "told.json").read_text(encoding="utf-8"))
    ends = (told["epochs"][-1], told["epochs"][0])
    whole, one = (Outcome(*watch.between(watch.times[0], end).tolist(), told["right"], told["photos"]) for end in ends)
    return whole, one


def tutorial(folder: Path, epochs: int, workers: int, seed: int) -> None:
    """ImageFolder and DataLoader, random crops and flips, batches of 16, Adam at 1e-4, float32, all layers."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision import models, transforms
    from torchvision.datasets import ImageFolder

    torch.manual_seed(seed)
    as_imagenet = [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    varied = transforms.Compose([transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), *as_imagenet])
    plain = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), *as_imagenet])
    train, test = ImageFolder(folder / "train", varied), ImageFolder(folder / "test", plain)
    batches = DataLoader(train, batch_size=16, shuffle=True, num_workers=workers)
    network = models.resnet18()
    weights = next(Path(os.environ["RESNET_DEMO_WEIGHTS"]).glob("resnet18-*.pth"))
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.fc = nn.Linear(network.fc.in_features, len(train.classes))
    optimiser, criterion = torch.optim.Adam(network.parameters(), lr=1e-4), nn.CrossEntropyLoss()
    ends = []
    for _ in range(epochs):
        network.train()
        for images, labels in batches:
            optimiser.zero_grad()
            criterion(network(images), labels).backward()
            optimiser.step()
        ends.append(time.time())
    network.eval()
    with torch.no_grad():
        looked = [(network(images).argmax(1), labels) for images, labels in DataLoader(test, 32, num_workers=workers)]
    right = sum(int((said == labels).sum()) for said, labels in looked)
    told = {"epochs": ends, "right": right, "photos": len(test)}
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")


def median(outcomes: Sequence[Outcome]) -> Outcome:
    """Of each figure by itself."""
    wall, processor, right = (
        statistics.median(getattr(outcome, name) for outcome in outcomes) for name in ("wall", "processor", "right")
    )
    return Outcome(wall, processor, round(right), outcomes[0].photos)


def show(outcomes: dict[str, Outcome], arguments: argparse.Namespace) -> None:
    """A line for each side; ratios are those of wall and processor seconds to the tutorial's."""
    cores, rounds = os.cpu_count(), arguments.rounds
    print(f"resnet18, flower photos, {cores} cores, {rounds} round(s), the test photos of seed {arguments.seeds[0]}")
    print(f"{'':18}{'wall':>9}{'processor':>12}   {'times as fast as':<20}{'right':>8}  95 % interval")
    for name, outcome in outcomes.items():
        beside = outcomes["one epoch of it" if name == "head only" else "tutorial"]
        times = f"{beside.wall / outcome.wall:.1f}, processor {beside.processor / outcome.processor:.1f}"
        low, high = wilson_interval(outcome.right, outcome.photos)
        judged = (
            f"{100 * outcome.right / outcome.photos:>6.1f} %  {100 * low:.1f} to {100 * high:.1f}, {outcome.photos}"
        )
        epochs = name == "one epoch of it"
        print(f"{name:18}{outcome.wall:>7.0f} s{outcome.processor:>10.0f} s   {times:<20}{'' if epochs else judged}")


if __name__ == "__main__":
    main()
