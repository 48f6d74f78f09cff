"""`make bench-explain`: our Grad-CAM beside pytorch-grad-cam's, on the same photos, weights and processor.

Each side gets pictures that are ready and gives maps as large as these; theirs on torchvision's network, ours on the
network that a classifier runs. The sides take turns, and medians and their ratios are printed. Several classes cost us
one forward pass; pytorch-grad-cam is asked once for each. Then the page's feature maps: every part of ResNet-50, timed
from the click to what the server has to send.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import pytorch_grad_cam
import torch
import torchvision
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from resnet_demo.explain.methods import METHODS
from resnet_demo.explain.saliency_maps import explain
from resnet_demo.explain.targets import named
from resnet_demo.inference import Classifier, open_model
from resnet_demo.models.resnet import ResNet
from resnet_demo.settings import Settings
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside.feature_maps import ORDERS, FeatureMapsSection
from resnet_demo.ui.tabs.look_inside.section_events import EventContext, SectionEvents
from resnet_demo.ui.tabs.look_inside.selection import CurrentSelection, Selection
from resnet_demo.ui.translations import Translations
from tests.conftest import SHARED

CLASSES = (1, 208, 281, 340, 985)
AIMS = {"layer4": 0.4, "layer3": 0.7, "layer2": 0.7, "layer1": 0.7}


@dataclass(frozen=True)
class Case:
    """What is asked of both sides."""

    layer: str
    photos: int
    classes: int


CASES = [Case(layer, photos, classes) for layer in AIMS for photos, classes in ((1, 1), (16, 1), (1, 5))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", nargs="+", default=["resnet18", "resnet50"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--method", choices=("gradcam", "layercam"), default="gradcam")
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit("This needs the photos and weights of ../shared.")
    print(f"{arguments.method}, {torch.get_num_threads()} threads of {os.cpu_count()} cores, {arguments.rounds} rounds")
    for variant in arguments.variants:
        compare(variant, arguments.method, arguments.rounds)
    show_maps("resnet50", arguments.rounds)


def compare(variant: str, method: str, rounds: int) -> None:
    """Print for each case the milliseconds of both sides, their ratio and what it should be at most."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), weights=SHARED / "weights")
        classifier = Classifier(open_model(variant, settings), settings, device="cpu")
    theirs = torchvision.models.get_model(variant, weights=None)
    theirs.load_state_dict(classifier.model.network.state_dict())
    (batch,) = classifier.batches(sorted((SHARED / "data" / "imagenet_samples").iterdir())[:16])
    photos = classifier.normalised(batch)
    print(f"\n{variant:12}{'photos':>8}{'classes':>9}{'theirs':>12}{'ours':>12}{'ratio':>8}{'aim':>7}")
    for case in CASES:
        shown = photos[: case.photos]
        standard = shown.contiguous(memory_format=torch.contiguous_format)
        sides = {
            "theirs": lambda case=case, shown=standard: their_maps(theirs.eval(), method, shown, case),
            "ours": lambda case=case, shown=shown: our_maps(classifier.engines.folded(), method, shown, case),
        }
        times = in_turn(sides, rounds)
        ratio = times["ours"] / times["theirs"]
        print(
            f"{case.layer:12}{case.photos:>8}{case.classes:>9}{1000 * times['theirs']:>9.0f} ms"
            f"{1000 * times['ours']:>9.0f} ms{ratio:>8.2f}{AIMS[case.layer]:>7}"
        )


def show_maps(variant: str, rounds: int) -> None:
    """Print how long the page's tiles of all channels of a part take: the slowest order of each part, median, warm."""
    photo = sorted((SHARED / "data" / "imagenet_samples").iterdir())[0]
    with tempfile.TemporaryDirectory() as home, gr.Blocks():
        translations = Translations()
        translations.create_selector()
        services = Services(Settings(home=Path(home), weights=SHARED / "weights"))
        events = SectionEvents(translations, services, Session())
        section = FeatureMapsSection(events)
        inspected, inspection = events.inspector.start(ReceivedPhoto(photo.name, photo), variant)
    print(f"\n{variant}, all feature maps of a part{'tiles':>10}{'slowest order':>24}{'aim':>10}")
    for part in inspection.parts():
        selection = Selection(inspected=inspected, part=part, target_class=inspected.guesses[0].index)
        context = EventContext(inspection, selection, CurrentSelection(selection), share=lambda done: None)  # noqa: ARG005
        seconds = {
            order: median_seconds(lambda context=context, order=order: section.show(context, order, "all"), rounds)
            for order in ORDERS
        }
        slowest = max(seconds, key=seconds.__getitem__)
        tiles = section.show(context, slowest, "all")[section.tiles].count("<button")
        print(f"{part:34}{tiles:>10}{slowest:>12}{1000 * seconds[slowest]:>9.0f} ms{'1000 ms':>10}")


def median_seconds(work: Callable[[], object], rounds: int) -> float:
    """After one round that is not counted."""
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def our_maps(network: ResNet, method: str, photos: Tensor, case: Case) -> Tensor:
    """(classes, N, H, W), each from 0 to 1, as theirs are."""
    targets = [named(index) for index in CLASSES[: case.classes]]
    maps = explain(network, photos, METHODS[method], case.layer, targets).values
    maps = nn.functional.interpolate(maps, photos.shape[-2:], mode="bilinear")
    maps = maps - maps.amin(dim=(2, 3), keepdim=True)
    return maps / maps.amax(dim=(2, 3), keepdim=True).clamp_min(1e-7)


def their_maps(network: nn.Module, method: str, photos: Tensor, case: Case) -> Tensor:
    """(classes, N, H, W)."""
    kind = {"gradcam": pytorch_grad_cam.GradCAM, "layercam": pytorch_grad_cam.LayerCAM}[method]
    with kind(network, [network.get_submodule(case.layer)]) as oracle:
        maps = [oracle(photos, [ClassifierOutputTarget(index)] * len(photos)) for index in CLASSES[: case.classes]]
    return torch.stack([torch.from_numpy(one) for one in maps])


def in_turn(sides: dict[str, Callable[[], Tensor]], rounds: int) -> dict[str, float]:
    """Median seconds of each side, after one round that is not counted, in which both must agree."""
    first, second = (side().flatten(0, 1).flatten(1) for side in sides.values())
    for one, other in zip(first, second, strict=True):
        assert torch.corrcoef(torch.stack([one, other]))[0, 1] > 0.999 or not (one.any() or other.any())
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            started = time.perf_counter()
            side()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


if __name__ == "__main__":
    main()
