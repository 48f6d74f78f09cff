"""Frames as anybody may send them, and the order in which those of many cameras are processed."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_demo.explain.camera_frame import FrameExplanation
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.ui.components.camera_frames import MOST_CAMERAS, MOST_LETTERS, MOST_WAITING, frame
from resnet_demo.ui.services import Services
from resnet_demo.ui.tabs.look_inside.camera_frames import REMEMBERED_SECONDS, Camera, Cameras
from resnet_demo.ui.visitor_context import NOBODY
from tests.shelf import run_with_model
from tests.tiny import LABELS


def as_sent(image: Image.Image, kind: str = "JPEG", **options: int) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def noise(seed: int = 0, side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8))


@pytest.fixture
def services(tmp_path: Path) -> Services:
    torch.set_num_threads(1)
    return Services(Settings(home=tmp_path))


@pytest.fixture
def model(services: Services) -> str:
    return run_with_model(services.settings).name


def one(model: str) -> Camera:
    return Camera(NOBODY, model, LABELS, "en")


def test_a_frame_is_the_picture_that_was_sent() -> None:
    picture = noise().resize((256, 256))
    opened = frame(as_sent(picture, quality=95))
    assert opened.mode == "RGB"
    assert np.abs(np.asarray(opened, int) - np.asarray(picture, int)).mean() < 8
    for mode in ("L", "CMYK"):
        assert frame(as_sent(picture.convert(mode))).mode == "RGB"


WHOLE = as_sent(noise())


@pytest.mark.parametrize(
    "sent",
    [
        *(None, 7, [], {}, {"path": "/etc/passwd"}, "", "x", "data:image/jpeg;base64,", "/etc/passwd"),
        *(WHOLE[: len(WHOLE) // 2], WHOLE[:60], WHOLE + "é", WHOLE.replace("/9j/", "!9j/")),
        *(WHOLE + "A" * MOST_LETTERS, as_sent(noise(), "PNG"), as_sent(noise(), "GIF")),
        as_sent(noise(), "PNG").replace("image/png", "image/jpeg"),
        as_sent(Image.new("RGB", (1025, 1024))),
        as_sent(noise(), progressive=True),
        as_sent(Image.new("L", (60_000, 400))),
    ],
    ids=lambda sent: repr(sent)[:30],
)
def test_what_is_no_frame_is_a_sentence(sent: object) -> None:
    with pytest.raises(AppError, match=text("camera.problem.frame")[:20]):
        frame(sent)


def test_a_camera_has_one_frame_under_way(services: Services, model: str) -> None:
    cameras = Cameras(services)
    ticket = cameras.open(used := one(model))

    async def both() -> list[FrameExplanation | None]:
        return await asyncio.gather(*(cameras.process_frame(ticket, used, WHOLE) for _ in range(2)))

    first, second = asyncio.run(both())
    assert first is not None
    assert second is None
    assert asyncio.run(cameras.process_frame(ticket, used, WHOLE)) is not None


def test_few_wait_and_the_first_is_served_first(services: Services, model: str) -> None:
    cameras = Cameras(services)
    opened = [(cameras.open(used := one(model)), used) for _ in range(MOST_WAITING + 3)]
    served: list[int] = []

    async def look(number: int) -> FrameExplanation | None:
        found = await cameras.process_frame(*opened[number], WHOLE)
        if found is not None:
            served.append(number)
        return found

    async def everybody() -> list[FrameExplanation | None]:
        return await asyncio.gather(*map(look, range(len(opened))))

    answers = asyncio.run(everybody())
    assert [answer is None for answer in answers] == [False] * MOST_WAITING + [True] * 3
    assert served == list(range(MOST_WAITING))
    assert asyncio.run(look(MOST_WAITING)) is not None


def test_what_is_no_frame_leaves_the_turn_to_others(services: Services, model: str) -> None:
    cameras = Cameras(services)
    ticket = cameras.open(used := one(model))
    for sent in (None, "x", WHOLE[:70]):
        with pytest.raises(AppError):
            asyncio.run(cameras.process_frame(ticket, used, sent))
    assert asyncio.run(cameras.process_frame(ticket, used, WHOLE)) is not None


def test_a_frame_counts_among_the_next_for_a_while(services: Services, model: str) -> None:
    cameras = Cameras(services)
    ticket = cameras.open(used := one(model))
    first, other = (asyncio.run(cameras.process_frame(ticket, one(model), as_sent(noise(seed)))) for seed in (0, 1))
    assert first is not None
    assert other is not None
    asyncio.run(cameras.process_frame(ticket, used, as_sent(noise(0))))
    asyncio.run(cameras.process_frame(ticket, used, as_sent(noise(1))))
    assert used.memory is not None
    torch.testing.assert_close(used.memory, (first.probabilities + other.probabilities) / 2, atol=1e-5, rtol=0)
    used.seconds -= 2 * REMEMBERED_SECONDS
    asyncio.run(cameras.process_frame(ticket, used, as_sent(noise(1))))
    torch.testing.assert_close(used.memory, other.probabilities)


def test_tickets_end(services: Services) -> None:
    cameras = Cameras(services)
    first = cameras.open(one("a"))
    second = cameras.open(one("b"))
    assert first != second
    assert cameras.find(second) is not None
    cameras.forget(second)
    assert cameras.find(second) is None
    for _ in range(MOST_CAMERAS - 1):
        cameras.open(one("c"))
    assert cameras.find(first) is not None
    cameras.open(one("d"))
    assert cameras.find(first) is None


@pytest.mark.parametrize("ticket", [None, 7, [], {}, "", "x"])
def test_what_is_no_ticket(services: Services, ticket: object) -> None:
    cameras = Cameras(services)
    cameras.forget(ticket)
    assert cameras.find(ticket) is None


@pytest.mark.parametrize(
    ("target_class", "kept"), [(0, 0), (4, 4), (5, None), (-1, None), (True, None), ("1", None), (None, None)]
)
def test_a_class_that_there_is_not_means_the_best(target_class: object, kept: int | None) -> None:
    used = one("a")
    used.set_target_class(target_class)
    assert used.target_class == kept
