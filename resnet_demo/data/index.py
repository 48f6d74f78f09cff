"""What was found out about the files of a folder, kept in HOME/index so that opening it again is quick.

Nothing here is needed: where the disk refuses to keep it, or to give it back, it is found out again each time.
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
"""Another one for other tables or another meaning of what is in them: older files are then left aside."""

LASTING = {"empty", "not_an_image", "not_a_photo_format", "truncated", "unreadable"}
"""Problems that stay as long as the file does; permissions and the limit on pixels are another matter."""

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
    """Facts about files by their name, size and times, and about pictures by their content.

    Times are those of the last change that the file tells of, which tools set back as they like, and of the last change
    of anything about it (`st_ctime`), which they cannot; on Windows this is when it was made.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._readable = self._writable = True
        self._unsaved = 0

    def find(self, name: str, status: os.stat_result) -> Header | Problem | None:
        """What `images.inspect` told of a file that has not changed since; None if it must be asked again."""
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
        """Remember what `images.inspect` told of a file, unless it may be otherwise tomorrow."""
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
        """Forget what `keep` was told; how pictures look is known by their content and stays."""
        self._write("DELETE FROM files", ())

    def find_sight(self, content: bytes) -> bytes | None:
        """What `keep_sight` was given for a picture of this content."""
        row = self._find("SELECT sight FROM sights WHERE content = ?", (content,))
        return row[0] if row else None

    def keep_sight(self, content: bytes, sight: bytes) -> None:
        """Remember how a picture looks, however that is written down; empty where it cannot be looked at."""
        self._write("INSERT OR REPLACE INTO sights VALUES (?, ?)", (content, sight))

    def _find(self, statement: str, wanted: tuple[object, ...]) -> Any:
        if self._readable:
            try:
                return self._database.execute(statement, wanted).fetchone()
            except sqlite3.Error as error:
                log.warning("What is known of photos cannot be read: %s", error)
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
        """Save what was kept."""
        if self._writable:
            try:
                self._database.commit()
            except sqlite3.Error as error:
                self._give_up(error)
        self._database.close()

    def _give_up(self, error: sqlite3.Error) -> None:
        log.warning("What is known of photos cannot be kept: %s", error)
        self._writable = False
        with suppress(sqlite3.Error):
            self._database.rollback()


@contextmanager
def open_index(home: Path, root: Path) -> Iterator[Index]:
    """The index of the folder `root`; what was kept is saved even where the block raises."""
    try:
        database = _connect(_path(home, root))
    except (OSError, sqlite3.Error) as error:
        log.warning("What is known of photos cannot be kept: %s", error)
        database = sqlite3.connect(":memory:")
        database.executescript(_TABLES)
    index = Index(database)
    try:
        yield index
    finally:
        index.close()


def forget(home: Path, root: Path) -> None:
    """Delete the index of a folder that is gone, also that of an earlier version or that a killed writer left.

    It has its photos' names and small pictures of them. What a disk that may only be read keeps is logged.
    """
    path = _path(home, root)
    try:
        for index in path.parent.glob(f"{path.stem.rpartition('-')[0]}-*.sqlite*"):
            index.unlink(missing_ok=True)
    except OSError as error:
        log.warning("What is known of photos cannot be deleted: %s", error)


def forget_files(home: Path, root: Path) -> None:
    """Have all files of a folder read again: they are not what the index says of them.

    Others may be using the index, so the file stays.
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
