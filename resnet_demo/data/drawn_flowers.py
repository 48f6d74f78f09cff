"""A sample data set that is drawn: five kinds of flowers, so that a training can be tried without internet.

Nothing of it is a photograph; who learns from it learns to tell drawings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

KINDS = ("daisy", "dandelion", "rose", "sunflower", "tulip")
SIDE = 128
OVERSAMPLING = 2

Colour = tuple[int, int, int]
Point = tuple[float, float]

GROUNDS: tuple[Colour, ...] = (
    (70, 105, 45),
    (50, 78, 38),
    (98, 120, 70),
    (112, 100, 70),
    (128, 150, 150),
    (40, 52, 34),
)
ROSES: tuple[Colour, ...] = ((200, 28, 48), (226, 96, 130), (240, 190, 180), (178, 20, 40), (236, 150, 60))
TULIPS: tuple[Colour, ...] = (
    (214, 40, 50),
    (240, 190, 30),
    (226, 110, 160),
    (130, 40, 120),
    (240, 120, 40),
    (235, 225, 220),
)


def write(folder: Path, pictures: Mapping[str, int]) -> Iterator[Path]:
    """Write so many `pictures` of each kind to class folders below `folder`; yields each file once it is written."""
    for kind, count in pictures.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = folder / kind / f"{kind}-{number:02}.jpg"
            draw(kind, number).save(path, quality=88)
            yield path


def draw(kind: str, seed: int, side: int = SIDE) -> Image.Image:
    """One picture, RGB, `side` pixels square; the same one for the same arguments.

    Raises:
        KeyError: no such kind.
    """
    painter = _PAINTERS[kind]
    random = np.random.default_rng([KINDS.index(kind), seed])
    picture = _Picture(random, side * OVERSAMPLING)
    for centre, radius in _places(random, picture.side, single=kind in {"rose", "tulip"}):
        painter(picture, centre, radius)
    return picture.finished(side)


class _Picture:
    """A blurred green background, and flowers painted on it."""

    def __init__(self, random: np.random.Generator, side: int) -> None:
        self.random, self.side = random, side
        self.image = _background(random, side)

    def colour(self, base: Colour, spread: int = 18) -> Colour:
        """`base`, a little different each time."""
        red, green, blue = (int(np.clip(value + self.random.normal(0, spread), 0, 255)) for value in base)
        return red, green, blue

    def polygon(self, points: list[Point], colour: Colour, shade: float = 0.75) -> None:
        """A shape with a darker outline, which tells it from others of its colour."""
        dark = (int(colour[0] * shade), int(colour[1] * shade), int(colour[2] * shade))
        ImageDraw.Draw(self.image).polygon(points, fill=colour, outline=dark, width=max(1, self.side // 190))

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        ImageDraw.Draw(self.image).ellipse(box, fill=colour)

    def stem(self, top: Point, width: float) -> None:
        """From `top` down to the lower edge, slightly bent."""
        foot = (top[0] + self.random.normal(0, 0.1) * self.side, self.side * 1.05)
        bend = (top[0] + self.random.normal(0, 0.04) * self.side, (top[1] + foot[1]) / 2)
        line = [_bezier(top, bend, foot, step / 12) for step in range(13)]
        ImageDraw.Draw(self.image).line(line, fill=self.colour((84, 124, 52), 10), width=int(width), joint="curve")

    def finished(self, side: int) -> Image.Image:
        """Smaller, with light from one side and the noise of a camera."""
        small = self.image.resize((side, side), Image.Resampling.LANCZOS)
        small = small.filter(ImageFilter.GaussianBlur(self.random.uniform(0.2, 0.7)))
        angle = self.random.uniform(0, 2 * math.pi)
        across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
        light = 1 + self.random.uniform(0.05, 0.25) * (math.cos(angle) * across + math.sin(angle) * down)
        values = np.asarray(small, dtype=np.float32) * light[..., None] * self.random.uniform(0.8, 1.12)
        values += self.random.normal(0, self.random.uniform(1, 6), values.shape)
        return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _background(random: np.random.Generator, side: int) -> Image.Image:
    """Grass, leaves or soil, out of focus."""
    ground = GROUNDS[int(random.integers(len(GROUNDS)))]
    image = Image.new("RGB", (side, side), ground)
    brush = ImageDraw.Draw(image)
    for _ in range(int(random.integers(25, 70))):
        x, y = random.uniform(0, side, 2)
        radius = random.uniform(0.02, 0.14) * side
        light = random.normal(0, 26)
        colour = tuple(int(np.clip(value + light + random.normal(0, 9), 0, 255)) for value in ground)
        brush.ellipse((x - radius, y - radius * 1.6, x + radius, y + radius * 1.6), fill=colour)
    return image.filter(ImageFilter.GaussianBlur(side * random.uniform(0.01, 0.04)))


def _places(random: np.random.Generator, side: int, single: bool) -> list[tuple[Point, float]]:
    """Centres and radii of the flowers: one large one, or some small ones, the farthest first."""
    if single or random.random() < 0.6:
        centre = (side * random.uniform(0.4, 0.6), side * random.uniform(0.38, 0.56))
        return [(centre, side * random.uniform(0.28, 0.42))]
    count = int(random.integers(2, 5))
    places = [
        ((side * random.uniform(0.2, 0.8), side * random.uniform(0.2, 0.8)), side * random.uniform(0.13, 0.22))
        for _ in range(count)
    ]
    return sorted(places, key=lambda place: place[1])


def _bezier(start: Point, bend: Point, end: Point, share: float) -> Point:
    left = 1 - share
    weights = (left * left, 2 * left * share, share * share)
    x, y = (
        sum(weight * point[axis] for weight, point in zip(weights, (start, bend, end), strict=True)) for axis in (0, 1)
    )
    return x, y


def _petal(centre: Point, angle: float, inner: float, length: float, width: float, tip: float = 0.6) -> list[Point]:
    """The outline of a petal that leaves `centre` at `angle`; `tip` says where, along it, it is widest."""
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    outline = []
    for step in range(17):
        share = step / 16
        half = width * math.sin(math.pi * share ** (math.log(0.5) / math.log(tip)))
        outline.append((inner + share * (length - inner), half))
    both = [*outline, *((distance, -half) for distance, half in reversed(outline))]
    return [
        (centre[0] + distance * along[0] + half * across[0], centre[1] + distance * along[1] + half * across[1])
        for distance, half in both
    ]


def _rays(picture: _Picture, centre: Point, radius: float, count: int, width: float, colour: Colour) -> None:
    """Petals around a centre, one layer of them, none of them alike."""
    turn = picture.random.uniform(0, 2 * math.pi)
    for number in range(count):
        angle = turn + 2 * math.pi * number / count + picture.random.normal(0, 0.05)
        length = radius * picture.random.uniform(0.9, 1.05)
        picture.polygon(_petal(centre, angle, radius * 0.15, length, width * radius), picture.colour(colour, 7))


def _daisy(picture: _Picture, centre: Point, radius: float) -> None:
    random = picture.random
    picture.stem(centre, radius * 0.09)
    count = int(random.integers(15, 24))
    for shrink in (1.0, 0.93):
        _rays(picture, centre, radius * shrink, count, random.uniform(0.085, 0.12), (238, 238, 240))
    core = radius * random.uniform(0.24, 0.34)
    picture.disc(centre, core, picture.colour((235, 180, 30), 10))
    _grains(picture, centre, core, 60, (200, 140, 20), core * 0.09)


def _sunflower(picture: _Picture, centre: Point, radius: float) -> None:
    random = picture.random
    picture.stem(centre, radius * 0.15)
    count = int(random.integers(18, 28))
    for shrink, colour in ((1.0, (226, 150, 8)), (0.92, (250, 190, 14))):
        _rays(picture, centre, radius * shrink, count, random.uniform(0.09, 0.13), colour)
    core = radius * random.uniform(0.4, 0.55)
    picture.disc(centre, core, picture.colour((70, 42, 16), 10))
    _grains(picture, centre, core, 220, (120, 78, 24), core * 0.05)
    _grains(picture, centre, core * 0.5, 60, (50, 40, 14), core * 0.05)


def _dandelion(picture: _Picture, centre: Point, radius: float) -> None:
    """The yellow flower, or the ball of seeds."""
    random = picture.random
    picture.stem(centre, radius * 0.08)
    if random.random() < 0.6:
        for layer in range(7):
            shrink = 1 - layer * 0.13
            yellow = (255, min(255, 190 + 8 * layer), 10)
            _rays(picture, centre, radius * 0.8 * shrink, 44 - 3 * layer, 0.035, yellow)
        return
    picture.disc(centre, radius * 0.1, picture.colour((150, 135, 100), 10))
    brush = ImageDraw.Draw(picture.image, "RGBA")
    for _ in range(170):
        angle = random.uniform(0, 2 * math.pi)
        length = radius * math.sqrt(random.uniform(0.25, 1.0)) * 0.95
        tip = (centre[0] + length * math.cos(angle), centre[1] + length * math.sin(angle))
        brush.line([centre, tip], fill=(225, 225, 215, 70), width=max(1, picture.side // 250))
        for _ in range(9):
            turn = random.uniform(0, 2 * math.pi)
            end = (tip[0] + 0.16 * radius * math.cos(turn), tip[1] + 0.16 * radius * math.sin(turn))
            brush.line([tip, end], fill=(245, 245, 240, 120), width=max(1, picture.side // 300))


def _rose(picture: _Picture, centre: Point, radius: float) -> None:
    """Layers of broad petals, each turned against the one below, darker towards the middle."""
    random = picture.random
    picture.stem(centre, radius * 0.12)
    hue = ROSES[int(random.integers(len(ROSES)))]
    turn = random.uniform(0, 2 * math.pi)
    for layer in range(8):
        size = radius * (1 - layer * 0.115)
        shade = 1 - layer * 0.055
        count = 6 if layer < 3 else 4
        for number in range(count):
            angle = turn + layer * 0.7 + 2 * math.pi * number / count
            middle = (centre[0] + 0.42 * size * math.cos(angle), centre[1] + 0.42 * size * math.sin(angle))
            colour = picture.colour((int(hue[0] * shade), int(hue[1] * shade), int(hue[2] * shade)), 6)
            outline = []
            for step in range(24):
                at = 2 * math.pi * step / 24
                reach = 0.58 * size * (1 + 0.05 * math.sin(3 * at + number))
                outline.append((middle[0] + reach * math.cos(at), middle[1] + reach * math.sin(at)))
            picture.polygon(outline, colour, shade=0.72)


def _tulip(picture: _Picture, centre: Point, radius: float) -> None:
    """A cup of pointed petals on a straight stem, between long leaves."""
    random = picture.random
    x, y = centre
    picture.stem((x, y + radius * 0.6), radius * 0.14)
    for side in (-1, 1):
        lean = math.pi / 2 - side * random.uniform(0.25, 0.5)
        foot = (x + side * radius * 0.1, picture.side * 1.08)
        leaf = _petal(foot, -lean, 0, radius * random.uniform(1.2, 1.9), radius * 0.17, 0.45)
        picture.polygon(leaf, picture.colour((70, 120, 62), 10))
    hue = picture.colour(TULIPS[int(random.integers(len(TULIPS)))], 8)
    bottom = (x, y + radius * 0.75)
    for lean, shade in ((-0.42, 0.82), (0.42, 0.82), (-0.2, 0.93), (0.2, 0.93), (0, 1)):
        colour = (int(hue[0] * shade), int(hue[1] * shade), int(hue[2] * shade))
        height = radius * random.uniform(1.45, 1.65)
        picture.polygon(_petal(bottom, -math.pi / 2 + lean, 0, height, 0.35 * radius, 0.4), colour, shade=0.78)


def _grains(picture: _Picture, centre: Point, radius: float, count: int, colour: Colour, size: float) -> None:
    """Seeds in the order of a sunflower's: turned by the golden angle."""
    for number in range(count):
        angle, reach = number * 2.39996, radius * math.sqrt((number + 0.5) / count)
        at = (centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle))
        picture.disc(at, size, picture.colour(colour, 12))


_PAINTERS: dict[str, Callable[[_Picture, Point, float], None]] = {
    "daisy": _daisy,
    "dandelion": _dandelion,
    "rose": _rose,
    "sunflower": _sunflower,
    "tulip": _tulip,
}
