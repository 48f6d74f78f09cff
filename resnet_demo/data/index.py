"""An index of the files of a folder, kept in HOME/index so that the folder opens quickly the next time.

It is only a cache: where the disk cannot keep it or read it back, everything is computed again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from resnet_demo.data.images import Header, Problem

VERSION = 2
"""To be raised when the tables or the meaning of their entries change; older files are then ignored."""

LASTING = {"empty", "not_an_image", "not_a_photo_format", "truncated", "unreadable"}
"""Problems of the file's content, which persist; permissions and the pixel limit may change."""

_WAIT_SECONDS = 30
_BATCH = 1_000
_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    name BLOB PRIMARY KEY, bytes INTEGER, modified INTEGER, changed INTEGER,
    format TEXT, width INTEGER, height INTEGER, content BLOB, ends BLOB, problem TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sights (content BLOB PRIMARY KEY, sight BLOB) WITHOUT ROWID;
"""


log = logging.getLogger(__name__)


class Index:
    """Facts about files, by name, size and times, and about pictures, by content.

    The times are the modification time, which tools may set, and `st_ctime`, which they cannot; on Windows the latter
    is the time of creation.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._readable = self._writable = True
        self._unsaved = 0

    def find(self, name: str, status: os.stat_result) -> Header | Problem | None:
        """The result of `images.inspect` for a file that has not changed since; None if it is not known."""
        row = self._find(
            "SELECT format, width, height, content, ends, problem FROM files"
            " WHERE name = ? AND bytes = ? AND modified = ? AND changed = ?",
            _key(name, status),
        )
        if row is None:
            return None
        kind, width, height, content, ends, problem = row
        return (
            Problem(name, **json.loads(problem)) if problem else Header(kind, (width, height), content, ends or content)
        )

    def keep(self, name: str, status: os.stat_result, found: Header | Problem) -> None:
        """Keep the result of `images.inspect` for a file, unless it may change without the file."""
        facts: tuple[str | int | bytes | None, ...]
        if isinstance(found, Header):
            facts = (
                found.format,
                *found.size,
                found.content,
                None if found.ends == found.content else found.ends,
                None,
            )
        elif found.kind in LASTING:
            facts = (None, None, None, None, None, json.dumps({"kind": found.kind, "fields": dict(found.fields)}))
        else:
            return
        self._write("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*_key(name, status), *facts))

    def forget_files(self) -> None:
        """Delete what `keep` stored; perceptual hashes, which are stored by content, stay."""
        self._write("DELETE FROM files", ())

    def find_perceptual_hash(self, content: bytes) -> bytes | None:
        """The perceptual hash stored for this content, if any."""
        row = self._find("SELECT sight FROM sights WHERE content = ?", (content,))
        return row[0] if row else None

    def keep_perceptual_hash(self, content: bytes, value: bytes) -> None:
        """Store the perceptual hash of a picture, as opaque bytes."""
        self._write("INSERT OR REPLACE INTO sights VALUES (?, ?)", (content, value))

    def _find(self, statement: str, wanted: tuple[object, ...]) -> Any:
        if self._readable:
            try:
                return self._database.execute(statement, wanted).fetchone()
            except sqlite3.Error as error:
                log.warning("The index of photos cannot be read: %s", error)
                self._readable = self._writable = False
        return None

    def _write(self, statement: str, row: tuple[object, ...]) -> None:
        if not self._writable:
            return
        try:
            self._database.execute(statement, row)
            self._unsaved += 1
            if self._unsaved == _BATCH:  # others may read and write between
                self._database.commit()
                self._unsaved = 0
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Commit and close."""
        if self._writable:
            try:
                self._database.commit()
            except sqlite3.Error as error:
                self._give_up(error)
        self._database.close()

    def _give_up(self, error: sqlite3.Error) -> None:
        log.warning("The index of photos cannot be written: %s", error)
        self._writable = False
        with suppress(sqlite3.Error):
            self._database.rollback()


@contextmanager
def open_index(home: Path, root: Path) -> Iterator[Index]:
    """Open the index of the folder `root`; it is saved even if the block raises."""
    try:
        database = _connect(_path(home, root))
    except (OSError, sqlite3.Error) as error:
        log.warning("The index of photos cannot be written: %s", error)
        database = sqlite3.connect(":memory:")
        database.executescript(_TABLES)
    index = Index(database)
    try:
        yield index
    finally:
        index.close()


def forget(home: Path, root: Path) -> None:
    """Delete the index of a removed folder, with those of earlier versions and of killed writers.

    It holds the photos' names and small versions of them. Files that cannot be deleted are logged.
    """
    path = _path(home, root)
    try:
        for index in path.parent.glob(f"{path.stem.rpartition('-')[0]}-*.sqlite*"):
            index.unlink(missing_ok=True)
    except OSError as error:
        log.warning("The index of photos cannot be deleted: %s", error)


def forget_files(home: Path, root: Path) -> None:
    """Make all files of a folder be read again, since the index is wrong about them.

    Others may be using the index, so its file stays.
    """
    with open_index(home, root) as index:
        index.forget_files()


def _path(home: Path, root: Path) -> Path:
    key = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
    return home / "index" / f"{key}-{VERSION}.sqlite"


def _key(name: str, status: os.stat_result) -> tuple[bytes, int, int, int]:
    return os.fsencode(name), status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS)
    try:
        database.executescript(_TABLES)
        if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError(path.name)
    except sqlite3.OperationalError:
        database.close()
        raise
    except sqlite3.DatabaseError:  # damaged: all in it can be found out again
        database.close()
        path.unlink()
        database = sqlite3.connect(path, timeout=_WAIT_SECONDS)
        database.executescript(_TABLES)
    return database
