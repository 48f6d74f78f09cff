"""The Classify tab for programs: gradio_client against a launched app, and what a visitor may not ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError as RemoteError

from resnet_demo.texts import text
from tests.launched import free_port, launched
from tests.tiny import LABELS, photos, saved_tiny_model, tiny_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    yield from connected("--home", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def public_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    yield from connected("--public", "--home", str(tmp_path_factory.mktemp("home")))


def connected(*flags: str) -> Iterator[Client]:
    with launched(["app.py", "--no-browser", "--port", str(free_port()), *flags]) as url:
        client = Client(url, verbose=False)
        yield client
        client.close()


def test_photos_are_named_in_their_order(client: Client, model: Path, tmp_path: Path) -> None:
    files = photos(tmp_path, 5)
    files[2].write_text("no picture")
    rows = client.predict([handle_file(str(file)) for file in files], str(model), 2, "crop", api_name="/classify")
    assert [row["file"] for row in rows] == [file.name for file in files]
    assert rows[2]["problem"]["kind"] == "not_an_image"
    for number in (0, 1, 3, 4):
        assert [guess["label"] in LABELS for guess in rows[number]["guesses"]] == [True, True]


def test_a_file_of_weights_answers(client: Client, tmp_path: Path) -> None:
    torch.save({"model": tiny_model().network.state_dict()}, tmp_path / "net.pth")
    (tmp_path / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    files = [handle_file(str(file)) for file in photos(tmp_path, 1)]
    [row] = client.predict(files, f"cifar_resnet20:{tmp_path / 'net.pth'}", 2, "crop", api_name="/classify")
    assert [guess["label"] in LABELS for guess in row["guesses"]] == [True, True]
    with pytest.raises(RemoteError, match="cifar_resnet20, cifar_plain20"):
        client.predict(files, str(tmp_path / "net.pth"), 2, "crop", api_name="/classify")


def test_only_the_classify_endpoint_is_offered(client: Client) -> None:
    offered = client.view_api(return_format="dict", print_info=False)
    assert list(offered["named_endpoints"]) == ["/classify"]
    assert not offered["unnamed_endpoints"]


def test_a_public_page_opens_no_folder_of_this_machine(public_client: Client, model: Path, tmp_path: Path) -> None:
    photo = handle_file(str(photos(tmp_path, 1)[0]))
    for name in (str(model), "hf-hub:owner/name", "../../etc", "resnet18:/etc/net.pth", str(tmp_path / "net.pth")):
        with pytest.raises(RemoteError, match=text("services.unlisted_model")):
            public_client.predict([photo], name, 5, "crop", api_name="/classify")


def test_a_wrong_request_is_one_sentence(client: Client, tmp_path: Path) -> None:
    photo = handle_file(str(photos(tmp_path, 1)[0]))
    with pytest.raises(RemoteError, match="resnet51"):
        client.predict([photo], "resnet51", 5, "crop", api_name="/classify")


@pytest.mark.parametrize(
    ("top", "view", "said"),
    [
        (0, "crop", text("classify.problem.top", top="0")),
        (True, "crop", text("classify.problem.top", top="True")),
        ("5", "crop", text("classify.problem.top", top="5")),
        (5, "hole", text("classify.problem.view", view="hole", views="crop, whole")),
    ],
)
def test_wrong_arguments_are_one_sentence(
    client: Client, model: Path, tmp_path: Path, top: object, view: str, said: str
) -> None:
    photo = handle_file(str(photos(tmp_path, 1)[0]))
    with pytest.raises(RemoteError, match=re.escape(said)):
        client.predict([photo], str(model), top, view, api_name="/classify")


def test_a_photo_without_a_name_has_that_of_its_file(client: Client, model: Path, tmp_path: Path) -> None:
    photo = handle_file(str(photos(tmp_path, 1)[0])) | {"orig_name": None}
    [row] = client.predict([photo], str(model), api_name="/classify")
    assert row["file"] == "0000.jpg"


@pytest.mark.shared
def test_real_photos_are_named_rightly(shared: Path, tmp_path: Path) -> None:
    samples = shared / "data" / "imagenet_samples"
    wanted = {"n01882714_koala.JPEG": "koala", "n02128757_snow_leopard.JPEG": "snow leopard"}
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(tmp_path)]
    with launched(command, RESNET_DEMO_WEIGHTS=str(shared / "weights")) as url:
        client = Client(url, verbose=False)
        rows = client.predict([handle_file(str(samples / name)) for name in wanted], "resnet18", api_name="/classify")
        client.close()
    assert {row["file"]: row["guesses"][0]["label"] for row in rows} == wanted
