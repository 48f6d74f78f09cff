"""Gradients and signals by depth: how large they are at each block, and how alike for inputs that are nearly alike.

What is measured, not what is said: with norms no gradient vanishes, and yet deep plain networks train badly (He et al.
2016, section 4.1). That gradients of neighbouring inputs lose their likeness with depth is another matter (Balduzzi et
al. 2017).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_demo.explain.gradient_flow import block_gradients
from resnet_demo.labs import configs, networks
from resnet_demo.labs.configs import Kind
from resnet_demo.labs.context import Figures, LabContext
from resnet_demo.labs.networks import INITS, KINDS, Init, with_statistics_of
from resnet_demo.labs.pictures import DRAWN, Pictures, open_pictures
from resnet_demo.models.resnet import ResNet
from resnet_demo.training.optimisation import MOMENTUM

VANISHED = 1e-3
"""The first block's gradient is said to vanish below this share of the last one's, and to explode above its inverse."""
NEIGHBOURS = 5
ANGLE = math.pi / 64
"""Between one neighbour and the next: two pictures of equal norms turn into each other in 32 steps."""
STEP_RATE = 0.01
STEP_BATCH = 32


@dataclass(frozen=True)
class Gradients:
    """Of one network, figures for the input of each block, from the first to the last; None: no finite number.

    Args:
        gradient_norms: L2 norms of the gradient of the mean loss of the batch with respect to the block's input.
        residual_norms, shortcut_norms: of its two parts; a plain network has the first only.
        signal_sizes: root mean squares of the block's input.
        correlations: cosines of the gradients at two inputs, 1, 2, ... `ANGLE`s apart, means over all such pairs.
        loss: the batch's mean cross-entropy.
    """

    kind: Kind
    norms: bool
    init: Init
    gradient_norms: list[float | None]
    residual_norms: list[float | None]
    shortcut_norms: list[float | None]
    signal_sizes: list[float | None]
    correlations: list[float | None]
    loss: float | None

    @property
    def first_to_last(self) -> float | None:
        """The gradient's norm at the first block over that at the last one."""
        first, last = self.gradient_norms[0], self.gradient_norms[-1]
        return None if first is None or last is None or last == 0 else first / last

    @property
    def verdict(self) -> str:
        """What became of the gradient on its way from the last block to the first."""
        ratio = self.first_to_last
        if ratio is None:
            return "none"
        return "vanishes" if ratio < VANISHED else "explodes" if ratio > 1 / VANISHED else "stays"

    def as_dict(self) -> dict[str, Any]:
        """Everything for JSON, with five digits."""
        rows = {
            name: [_short(one) for one in value] if isinstance(value, list) else value
            for name, value in asdict(self).items()
        }
        return {**rows, "loss": _short(self.loss), "first_to_last": _short(self.first_to_last), "verdict": self.verdict}


def compare(pictures: Pictures, depth: int, *, seed: int = 0, steps: int = 0, batch: int = 5) -> Iterator[Gradients]:
    """The figures of each kind of network, with norms and without, of each initialisation, in float64.

    Args:
        pictures: the first `batch` of them are what is measured on.
        depth: layers of every network.
        steps: how many steps of training precede the measurement, SGD with momentum at a rate of `STEP_RATE`.

    Raises:
        AppError: there is no network of this depth.
    """
    images, classes = pictures.train[:batch].double(), pictures.train_classes[:batch]

    def measured(combination: tuple[Kind, bool, Init, ResNet]) -> Gradients:
        kind, norms, init, network = combination
        take_steps(network, pictures, steps, seed)
        return measure(network, images, classes, kind=kind, norms=norms, init=init)

    fresh = [  # one after the other: what is random has one state for all threads
        (kind, norms, init, networks.build(kind, depth, seed, len(pictures.classes), norms=norms, init=init).double())
        for kind, norms, init in product(KINDS, (True, False), INITS)
    ]
    # Networks so small are quicker side by side than with several threads each.
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(measured, fresh)
    finally:
        torch.set_num_threads(threads)  # what threads that come later begin with


def measure(network: ResNet, images: Tensor, classes: Tensor, *, kind: Kind, norms: bool, init: Init) -> Gradients:
    """The figures of one network in training mode, whose norms count the pictures (N, 3, H, W) in.

    Args:
        classes: (N,), of the pictures.
    """
    losses: list[Tensor] = []

    def loss(logits: Tensor) -> Tensor:
        losses.append(F.cross_entropy(logits, classes))
        return losses[-1]

    found = list(block_gradients(network, images, loss).values())
    return Gradients(
        kind=kind,
        norms=norms,
        init=init,
        gradient_norms=[size(one.total) for one in found],
        residual_norms=[size(one.residual) for one in found],
        shortcut_norms=[size(one.shortcut) for one in found if one.shortcut is not None],
        signal_sizes=[size(one.x, mean=True) for one in found],
        correlations=correlations(network, images),
        loss=_finite(losses[0].item()),
    )


def size(values: Tensor, *, mean: bool = False) -> float | None:
    """The L2 norm of a tensor, or its root mean square; None if not finite. No square of it runs under or over."""
    largest = values.abs().max()
    if not torch.isfinite(largest):
        return None
    if largest == 0:
        return 0.0
    norm = (largest * torch.linalg.vector_norm(values / largest)).item()
    return _finite(norm / math.sqrt(values.numel()) if mean else norm)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def correlations(network: ResNet, images: Tensor) -> list[float | None]:
    """How alike the gradients of a logit at the input are for neighbouring inputs: mean cosines by their distance.

    Balduzzi et al. 2017, section 1.1, move along a line of one-dimensional inputs. Here one picture of noise turns into
    another, x = cos(a) u + sin(a) v, in steps of `ANGLE`, so that all inputs have about one norm. The network is
    evaluated, its norms with the statistics of `images`, so that each input has a gradient of its own.

    Args:
        network: not changed.
        images: normalised, (N, 3, H, W).
    """
    if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        network = with_statistics_of(network, images)
    generator = torch.Generator().manual_seed(0)
    u, v = torch.randn(2, *images.shape[1:], generator=generator, dtype=torch.float64).to(images.dtype)
    angles = (torch.arange(NEIGHBOURS) * ANGLE).to(images.dtype).view(-1, 1, 1, 1)
    x = (angles.cos() * u + angles.sin() * v).requires_grad_()
    [gradient] = torch.autograd.grad(network(x)[:, 0].sum(), [x])
    return cosines_by_lag(gradient.flatten(1))


def cosines_by_lag(gradients: Tensor) -> list[float | None]:
    """Mean cosines between the rows of (N, numbers) that are 1, 2, ..., N - 1 apart; None without finite directions."""
    largest = gradients.abs().amax(dim=1, keepdim=True)
    if not torch.isfinite(largest).all() or not (largest > 0).all():
        return [None] * (len(gradients) - 1)
    directions = F.normalize(gradients / largest, dim=1)
    cosines = directions @ directions.T
    return [cosines.diagonal(lag).mean().item() for lag in range(1, len(gradients))]


def take_steps(network: ResNet, pictures: Pictures, steps: int, seed: int) -> None:
    """Train a network for so many steps, in its own precision; what diverges ends with numbers that are not finite."""
    optimiser = torch.optim.SGD(network.parameters(), STEP_RATE, MOMENTUM)
    random = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        chosen = torch.randint(len(pictures.train), (STEP_BATCH,), generator=random)
        optimiser.zero_grad()
        images = pictures.train[chosen].to(network.fc.weight.dtype)
        F.cross_entropy(network(images), pictures.train_classes[chosen]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()


@dataclass(frozen=True)
class BlockTerms:
    """The terms of the derivation at one block: the gradient dy at its output, and (1 + dF/dx) dy at its input.

    For y = F(x) + x with nothing behind the sum, `shortcut` equals `output`; a ReLU behind the sum lets part of it
    through. `residual` is the norm of (dF/dx) dy and `cosine` that between the two parts; from these the norm of the
    sum follows, `total`² = `shortcut`² + `residual`² + 2 `cosine` `shortcut` `residual`.
    """

    kind: Kind
    block: str
    output: float
    shortcut: float
    residual: float
    cosine: float
    total: float


def block_terms(network: ResNet, images: Tensor, classes: Tensor, kind: Kind) -> BlockTerms:
    """The terms at the second block of the middle stage, whose shortcut is the identity; in training mode.

    Args:
        network: with shortcuts, of at least 14 layers.
        images: normalised, (N, 3, H, W); their classes (N,).
    """
    found = block_gradients(network, images, lambda logits: F.cross_entropy(logits, classes))
    names = list(found)
    place = names.index("stage2.1") if "stage2.1" in names else 0
    here, behind = found[names[place]], found[names[place + 1]]
    assert here.shortcut is not None
    cosine = F.cosine_similarity(here.shortcut.flatten(), here.residual.flatten(), dim=0).item()
    return BlockTerms(
        kind=kind,
        block=names[place],
        output=behind.total.norm().item(),
        shortcut=here.shortcut.norm().item(),
        residual=here.residual.norm().item(),
        cosine=cosine,
        total=here.total.norm().item(),
    )


def terms_of(kind: Kind, pictures: Pictures, depth: int, seed: int) -> BlockTerms:
    """The terms in a fresh network with norms and Kaiming initialisation, on as many pictures as there are classes."""
    network = networks.build(kind, depth, seed, classes=len(pictures.classes)).double()
    count = len(pictures.classes)
    return block_terms(network, pictures.train[:count].double(), pictures.train_classes[:count], kind)


def run(config: configs.Gradients, context: LabContext) -> Iterator[Figures]:
    """The experiment `gradients`: all kinds of networks, then the terms at a block of each that has shortcuts."""
    networks.check_depth(config.depth)
    per_class = 20 if config.steps else 1
    pictures = open_pictures(DRAWN, context.settings, size=config.size, per_class=per_class, test_per_class=1)
    rows: list[Figures] = []
    for row in compare(pictures, config.depth, seed=config.seed, steps=config.steps):
        rows.append(row.as_dict())
        yield {"networks": rows, "terms": []}
    with_shortcuts = [kind for kind in KINDS if kind != "plain"]
    terms = [asdict(terms_of(kind, pictures, config.depth, config.seed)) for kind in with_shortcuts]
    yield {"networks": rows, "terms": terms}
