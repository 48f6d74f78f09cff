"""Predicted probabilities and true labels of photos, in a file, to be evaluated at any time. Free of torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from safetensors import SafetensorError, safe_open

PROBABILITIES, LABELS, NAMES, HASH = "probabilities", "labels", "names", "sha256"


@dataclass(frozen=True, eq=False)
class LabelledPredictions:
    """Photos, each with its true class and the predicted probabilities.

    `files` are names relative to the data set's folder, with `/` between; `labels` (N,) the true classes, indices into
    `classes`; `probabilities` (N, classes). `unreadable` are files without a prediction, and `changed` those whose
    content is no longer that of the data set.

    Raises:
        ValueError: these do not fit each other.
    """

    files: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    classes: tuple[str, ...]
    unreadable: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        photos, classes = len(self.files), len(self.classes)
        if self.labels.shape != (photos,) or self.probabilities.shape != (photos, classes):
            raise ValueError("predictions of different sizes")
        if photos and not 0 <= self.labels.min() <= self.labels.max() < classes:
            raise ValueError("no such class")

    @cached_property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The most probable class of each photo, (N,)."""
        return self.probabilities.argmax(axis=1) if len(self.files) else np.zeros(0, np.int64)

    @property
    def correct(self) -> int:
        """How many photos were named rightly."""
        return int((self.predicted == self.labels).sum())

    def to_bytes(self) -> bytes:
        """As a file: safetensors, with the names as JSON in its header, and a hash of all of it.

        The same predictions give the same bytes: several entries in the header would stand in an order of chance.
        """
        lists = {"files": self.files, "classes": self.classes, "unreadable": self.unreadable, "changed": self.changed}
        names = json.dumps(lists)
        tensors: dict[str, npt.NDArray[Any]] = {
            PROBABILITIES: self.probabilities,
            LABELS: self.labels,
            HASH: _hash(names, self.labels, self.probabilities),
        }
        return safetensors.numpy.save(tensors, metadata={NAMES: names})

    @classmethod
    def read(cls, path: Path) -> LabelledPredictions:
        """Read a file that holds what `to_bytes` gave.

        Raises:
            OSError, ValueError: there is none, it is damaged, or something else. Earlier versions wrote no hash.
        """
        try:
            with safe_open(path, "np") as file:
                metadata = file.metadata()
                labels, probabilities = (file.get_tensor(name) for name in (LABELS, PROBABILITIES))
                known = file.get_tensor(HASH) if HASH in file.keys() else None  # noqa: SIM118  no mapping
            if known is not None and not np.array_equal(known, _hash(metadata[NAMES], labels, probabilities)):
                raise ValueError(path.name)
            names = {"changed": (), **json.loads(metadata[NAMES])}
            files, classes, unreadable, changed = (
                tuple(map(str, names[of])) for of in ("files", "classes", "unreadable", "changed")
            )
        except (SafetensorError, AttributeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(path.name) from error
        return cls(files, labels.astype(np.int64), probabilities.astype(np.float32), classes, unreadable, changed)


def _hash(names: str, *arrays: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """SHA-256 of the names and of the arrays as they lie in the file, 32 bytes."""
    digest = hashlib.sha256(names.encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)
