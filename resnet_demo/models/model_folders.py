"""Where the models lie that have a name on this machine: built-in ones, the best ones of runs, folders and files.

Imports no torch. All else about a run's folder is in `training/run.py`.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from resnet_demo.models import variants
from resnet_demo.settings import Settings, expanded

RUNS, POINTER, BEST, EVENTS = "runs", "elsewhere.txt", "best", "events.jsonl"
NAME = re.compile(r"[0-9a-z-]{1,100}")
WEIGHTS, CONFIG = "model.safetensors", "config.json"
OLD_WEIGHTS, PREPROCESSOR = "pytorch_model.bin", "preprocessor_config.json"
"""Files of timm's and transformers' folders beside them, or in the first one's place."""
OURS = "resnet_demo.json"
FILES = (".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".pth.tar")
"""What names of files of weights end in."""
MOST_POINTER_BYTES = 65_536

Stamp = tuple[int, int]


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights alone, and the variant that it belongs to, where its name says so: `resnet34:flowers.pth`."""

    path: Path
    variant: str | None = None


def folder_of(name: str, settings: Settings) -> Path | None:
    """The folder of the saved model of this name, if any; a run may not have saved one there yet.

    Names are resolved in this order: published networks, which have no folder, built-in models, runs, folders of this
    machine; `./flowers` is always a folder. The folder of a run means its best model, a file of a model its folder.
    """
    if _is_variant(name.partition(":")[0]):
        return None
    folder = named(name, settings)
    if folder is not None:
        return folder
    path = expanded(name)
    if name and os.path.isfile(path) and _belongs_to_model(path):  # noqa: PTH113  as below
        path = path.parent
    if not name or not os.path.isdir(path):  # noqa: PTH112  Path's own raises where a folder above is closed
        return None
    run = run_folder(path)
    return run / BEST if os.path.isfile(run / EVENTS) else path  # noqa: PTH113


def file_of(name: str, settings: Settings) -> WeightsFile | None:
    """The file of weights that a name means, if it is neither a folder's nor a published network's."""
    if name.startswith("hf-hub:") or folder_of(name, settings) is not None:
        return None
    variant, _, rest = name.partition(":")
    if _is_variant(variant):
        # Names of published weights come before files: a path says by its ending or by a folder that it is one.
        is_path = looks_like_file(rest) or bool({"/", os.sep} & set(rest))
        return WeightsFile(expanded(rest), variant) if is_path else None
    found = expanded(name)
    return WeightsFile(found) if name and (_is_file(found) or looks_like_file(name)) else None


def place_of(name: str, settings: Settings) -> Path | None:
    """The folder of a saved model of this name, or the file of weights that it means."""
    folder, file = folder_of(name, settings), file_of(name, settings)
    return file.path if folder is None and file is not None else folder


def looks_like_file(name: str) -> bool:
    """Whether a name ends as files of weights do."""
    return name.lower().endswith(FILES)


def _belongs_to_model(file: Path) -> bool:
    """Whether it is one of the files of a saved model's folder, or of a run's."""
    if file.name in {WEIGHTS, OLD_WEIGHTS}:
        return _is_file(file.parent / CONFIG)
    return file.name in {CONFIG, OURS}


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113  Path's own raises where a folder above is closed


def _is_variant(name: str) -> bool:
    return name in {variant.name for variant in variants.all_variants()}


def named(name: str, settings: Settings) -> Path | None:
    """The folder of the built-in model of this name, or else that of the run of this name."""
    if not NAME.fullmatch(name):
        return None
    if name in built_in_names(settings):
        return settings.built_in_models / name
    run = run_folder(settings.home / RUNS / name)
    return run / BEST if os.path.isdir(run) else None  # noqa: PTH112  as above


def built_in_names(settings: Settings) -> list[str]:
    """The names of the built-in models, the default one first."""
    names = sorted(path.parent.name for path in settings.built_in_models.glob(f"*/{CONFIG}"))
    return sorted(names, key=lambda name: name != settings.default_model)


def run_names(home: Path) -> list[str]:
    """The names of all runs in the data home, the newest first, readable or not."""
    try:
        with os.scandir(home / RUNS) as entries:
            folders = [entry.name for entry in entries if entry.is_symlink() or entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(filter(NAME.fullmatch, folders), reverse=True)


def run_folder(listed: Path) -> Path:
    """The folder of a run in the data home: there, or where its pointer file says."""
    try:
        with open(listed / POINTER, "rb", opener=file_only) as file:
            content = file.read(MOST_POINTER_BYTES + 1)
    except OSError:
        return listed
    elsewhere = Path(os.fsdecode(content))
    return (
        elsewhere if elsewhere.is_absolute() and b"\0" not in content and len(content) <= MOST_POINTER_BYTES else listed
    )


def file_only(path: str, flags: int) -> int:
    """An opener for `open` that refuses pipes and devices, which might block for ever.

    Raises:
        OSError: it is not a regular file, or cannot be opened.
    """
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a file", path)
    return file


def stamp(place: Path) -> Stamp | None:
    """Identifies a saved model or a file of weights, so that a replaced one is noticed; None if there is none."""
    file = weights_in(place) if os.path.isdir(place) else place  # noqa: PTH112  as above
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ino


def weights_in(folder: Path) -> Path:
    """The file of a saved model's weights: the usual one, unless there is only the one that older programs wrote."""
    old = folder / OLD_WEIGHTS
    return old if _is_file(old) and not _is_file(folder / WEIGHTS) else folder / WEIGHTS
