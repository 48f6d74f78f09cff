"""Saved models: a folder written whole or not at all, and read as untrusted input.

`model.safetensors` holds the weights, `config.json` and `resnet_demo.json` describe them, `README.md` is the card.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from resnet_demo.data.file_names import display_name
from resnet_demo.download import DownloadError, Progress, fetch_hub, sha256_of
from resnet_demo.models import description
from resnet_demo.models.description import HASH, MARK
from resnet_demo.models.entries import MAX_CHARACTERS, MAX_JSON_BYTES, Entries, read_json
from resnet_demo.models.model import Model
from resnet_demo.models.model_folders import (
    CONFIG,
    OLD_WEIGHTS,
    OURS,
    PREPROCESSOR,
    WEIGHTS,
    looks_like_file,
    weights_in,
)
from resnet_demo.models.state_dict import MAX_WEIGHT_BYTES, classes_in, layers_of, network_of, read_file
from resnet_demo.models.transformers_config import is_resnet
from resnet_demo.texts import AppError

CARD = "README.md"
FILES_NAMED = 4


def write(model: Model, folder: Path, *, card: str, half: bool = False) -> None:
    """Save a model; the folder appears whole or not at all.

    Args:
        folder: a new one, or one that is empty.
        card: the model card, Markdown.
        half: store the weights of convolutions and linear layers in half precision; norms and biases stay in
            float32.

    Raises:
        AppError: the folder is in use or cannot be written to, or a label cannot be saved.
    """
    config, ours = description.describe(model)
    folder = folder.absolute()
    fresh = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise AppError("saved.problem.in_use", folder=str(folder))
        fresh.mkdir(parents=True)
        safetensors.torch.save_file(_tensors(model, half), fresh / WEIGHTS, metadata={"format": "pt"})
        _write_json(config, fresh / CONFIG)
        _write_json({**ours, HASH: sha256_of(fresh / WEIGHTS)}, fresh / OURS)
        (fresh / CARD).write_text(card, encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        fresh.replace(folder)
    except (OSError, SafetensorError) as error:
        raise AppError("saved.problem.not_written", folder=str(folder), reason=str(error)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def open_saved(folder: Path) -> Model:
    """The model in a folder that `write`, timm or transformers made.

    Raises:
        AppError: a file is missing, damaged or malicious, or describes an unsupported network.
    """
    _point_to_weights(folder)
    return _open(folder, name=str(folder), origin=None)


def _point_to_weights(folder: Path) -> None:
    """Of a folder that is no saved model but holds files of weights, name these."""
    if any(os.path.isfile(folder / name) for name in (CONFIG, OURS)):  # noqa: PTH113  Path's own raises where it is closed
        return
    try:
        files = sorted(name for name in os.listdir(folder) if looks_like_file(name))  # noqa: PTH208  as above
    except OSError:
        return
    if files:
        names = ", ".join(map(display_name, files[:FILES_NAMED])) + (", …" if len(files) > FILES_NAMED else "")
        raise AppError("saved.problem.only_weights", folder=str(folder), files=names, config=CONFIG)


def open_hub(name: str, progress: Progress | None = None) -> Model:
    """The model in a Hugging Face repository, `hf-hub:owner/name` or `hf-hub:owner/name@revision`.

    Raises:
        AppError: the name is invalid, the files cannot be fetched, or as in `open_saved`.
    """
    named = re.fullmatch(r"hf-hub:([\w.-]+/[\w.-]+)(?:@([\w.-]+))?", name, re.ASCII)
    if named is None:
        raise AppError("saved.problem.hub_name", name=name[:MAX_CHARACTERS])
    repo, revision = named.groups()
    config = fetch_hub(repo, CONFIG, revision=revision, max_bytes=MAX_JSON_BYTES)
    # The folder is called as the commit is, and the other files must be of the same commit.
    folder, commit = config.parent, config.parent.name
    entries = read_json(config)
    if MARK in entries:
        fetch_hub(repo, OURS, revision=commit, max_bytes=MAX_JSON_BYTES)
    if is_resnet(entries):
        with contextlib.suppress(DownloadError):  # not every model has one
            fetch_hub(repo, PREPROCESSOR, revision=commit, max_bytes=MAX_JSON_BYTES)
    try:
        fetch_hub(repo, WEIGHTS, revision=commit, max_bytes=MAX_WEIGHT_BYTES, progress=progress)
    except DownloadError as error:
        if MARK in entries or error.message.key != "download.problem.hub_absent":
            raise
        fetch_hub(repo, OLD_WEIGHTS, revision=commit, max_bytes=MAX_WEIGHT_BYTES, progress=progress)
    return _open(folder, name=name, origin=f"https://huggingface.co/{repo}")


def _open(folder: Path, name: str, origin: str | None) -> Model:
    described = description.read_folder(folder)
    weights = folder / WEIGHTS if described.ours else weights_in(folder)
    content = read_file(weights)
    _check_content(weights, described.weights_sha256)
    found = layers_of(content, weights)
    classes = len(described.labels)
    if classes_in(found.layers) not in (None, classes):
        raise AppError("saved.problem.entry", name="num_classes", value=classes)
    return Model(
        name=name,
        variant=described.variant,
        network=network_of(described.variant, classes, found.layers, weights),
        labels=described.labels,
        spec=described.spec,
        licence=described.licence,
        origin=origin,
        training_info=described.training_info,
        notes=described.notes,
    )


def _check_content(weights: Path, sha256: str | None) -> None:
    """Check the hash against damage, not against malice; folders of other programs have no hash."""
    try:
        whole = sha256 is None or sha256_of(weights) == sha256
    except OSError as error:
        raise AppError("weights.problem.unreadable", file=weights.name) from error
    if not whole:
        raise AppError("saved.problem.damaged", file=weights.name, entry=HASH, ours=OURS)


def _write_json(entries: Entries, path: Path) -> None:
    path.write_text(json.dumps(entries, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _tensors(model: Model, half: bool) -> dict[str, Tensor]:
    tensors = {}
    for key, tensor in model.network.state_dict().items():
        stored = tensor.half() if half and tensor.dim() > 1 else tensor
        tensors[key] = stored.cpu().contiguous()
    return tensors
