"""`make bench-classify`: the usual tutorial script, this Classifier, and ready-made batches, on the same photos.

Each side runs in a process of its own, once cold (from the process's start: imports, weights, first photos) and once
warm (the same photos again). The sides take turns, and the medians of all rounds are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import SHARED

SIDES = ("tutorial", "classifier", "ready")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", nargs="+", default=["resnet18", "resnet50"])
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--engine", default="auto", help="of the last two sides: float32 shows a processor without bf16"
    )
    parser.add_argument("--side", choices=(*SIDES, "matmul"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        run = {"tutorial": tutorial, "classifier": classifier, "ready": ready, "matmul": matmul}[arguments.side]
        print(json.dumps(run(arguments.variants[0], arguments.folder, arguments.engine)))
        return
    if not SHARED.is_dir():
        sys.exit("This needs the photos and weights of ../shared.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "photos")
        copies(SHARED / "data" / "imagenet_samples", folder, arguments.photos)
        environment = {
            **os.environ,
            "RESNET_DEMO_WEIGHTS": str(SHARED / "weights"),
            "RESNET_DEMO_HOME": str(Path(temporary, "home")),
        }
        for variant in arguments.variants:
            compare(variant, folder, arguments.engine, arguments.rounds, environment)


def copies(source: Path, target: Path, count: int) -> None:
    """`count` files made of the photos in `source`, over and over."""
    target.mkdir()
    photos = sorted(source.iterdir())
    for number in range(count):
        shutil.copy(photos[number % len(photos)], target / f"{number:05}.jpg")


def compare(variant: str, folder: Path, engine: str, rounds: int, environment: dict[str, str]) -> None:
    """Run every side in turn and print photos a second, cold and warm, with their ratios."""
    figures: dict[str, list[dict[str, float]]] = {side: [] for side in (*SIDES, "matmul")}
    for _ in range(rounds):
        for side, seen in figures.items():
            command = [sys.executable, "-m", "tests.bench.classify", "--side", side, "--engine", engine]
            started = time.time()
            done = subprocess.run(
                [*command, "--variants", variant, "--folder", str(folder)],
                env={**environment, "BENCH_STARTED": str(started)},
                stdout=subprocess.PIPE,
                check=True,
            )
            seen.append(json.loads(done.stdout))
    median = {
        side: {key: statistics.median(row[key] for row in rows) for key in rows[0] if key != "engine"}
        for side, rows in figures.items()
    }
    used = figures["classifier"][-1]["engine"]
    gflop = median["matmul"]["gflop_per_photo"]
    print(f"{variant}, {len(list(folder.iterdir()))} photos, {os.cpu_count()} cores, {rounds} rounds, engine {used}")
    print(f"{'':12}{'cold':>18}{'warm':>18}{'warm / tutorial':>18}{'of matmul rate':>18}")
    for side in SIDES:
        cold, warm = median[side]["cold"], median[side]["warm"]
        share = warm * gflop / median["matmul"]["gflops"]
        print(
            f"{side:12}{cold:>9.1f} photos/s{warm:>9.1f} photos/s"
            f"{warm / median['tutorial']['warm']:>18.2f}{100 * share:>16.0f} %"
        )
    of_ready = median["classifier"]["warm"] / median["ready"]["warm"]
    print(f"classifier / ready-made batches, warm: {of_ready:.2f}")
    print(f"the processor's float32 matmul rate: {median['matmul']['gflops']:.0f} GFLOP/s\n")


def tutorial(variant: str, folder: Path, engine: str) -> dict[str, float]:
    """One photo at a time, float32, torchvision's transforms and network."""
    import torch
    import torchvision
    from PIL import Image

    weights = torchvision.models.get_model_weights(variant)["IMAGENET1K_V1"]
    network = torchvision.models.get_model(variant)
    network.load_state_dict(torch.load(weights_file(variant), weights_only=True))
    network.eval()
    transform = weights.transforms()

    def once() -> None:
        for path in sorted(folder.iterdir()):
            picture = transform(Image.open(path).convert("RGB")).unsqueeze(0)
            with torch.no_grad():
                network(picture).softmax(1).topk(5)

    return cold_and_warm(once, len(list(folder.iterdir())))


def classifier(variant: str, folder: Path, engine: str) -> dict[str, float | str]:
    """The app's own path, from files to named classes."""
    from resnet_demo.inference import Classifier, open_model
    from resnet_demo.settings import find_settings

    settings = find_settings()
    ours = Classifier(open_model(variant, settings), settings, engine)
    paths = sorted(folder.iterdir())

    def once() -> None:
        assert all(prediction.guesses for prediction in ours.classify(paths))

    figures = cold_and_warm(once, len(paths))
    return {**figures, "engine": ours.engines.photos_run.most_common(1)[0][0]}


def ready(variant: str, folder: Path, engine: str) -> dict[str, float]:
    """The same engine on batches that are ready: no file is read, no picture decoded."""
    import torch

    from resnet_demo.engine_choice import BATCH
    from resnet_demo.inference import Classifier, open_model
    from resnet_demo.settings import find_settings

    settings = find_settings()
    ours = Classifier(open_model(variant, settings), settings, engine)
    size = ours.model.spec.crop_size
    count = len(list(folder.iterdir()))
    batch = torch.randn(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)

    def once() -> None:
        with torch.inference_mode():
            for first in range(0, count, BATCH):
                ours.engines.run(batch[: count - first], count - first)

    return cold_and_warm(once, count)


def matmul(variant: str, folder: Path, engine: str) -> dict[str, float]:
    """The processor's own float32 matmul rate, and what one photo costs in the same unit."""
    import torch

    from resnet_demo.models import summary

    a, b = torch.randn(2, 2048, 2048)
    times = []
    for _ in range(8):
        started = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - started)
    gflop_per_photo = 2 * summary.summarise(variant).multiply_adds / 1e9
    return {"gflops": 2 * 2048**3 / min(times) / 1e9, "gflop_per_photo": gflop_per_photo}


def weights_file(variant: str) -> Path:
    """The file of these weights in the folder that the environment names."""
    return next(Path(os.environ["RESNET_DEMO_WEIGHTS"]).glob(f"{variant}-*.pth"))


def cold_and_warm(once, photos: int) -> dict[str, float]:
    """Photos a second since the process was started, and of a second pass."""
    once()
    cold = photos / (time.time() - float(os.environ["BENCH_STARTED"]))
    started = time.perf_counter()
    once()
    return {"cold": cold, "warm": photos / (time.perf_counter() - started)}


if __name__ == "__main__":
    main()
