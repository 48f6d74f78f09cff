"""One way to fetch a file: resumed, checked by its hash, with progress, one download of it at a time."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpx
from filelock import FileLock, Timeout

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError

if TYPE_CHECKING:
    from tqdm import tqdm

# Bytes that are here, and of how many; None where the server does not say.
Progress = Callable[[int, int | None], None]

CONNECT_SECONDS = 10.0
LOOK_SECONDS = 0.25
# Answers that may be better a moment later: timeouts, "too many", and a range that the file has outgrown.
PASSING = {408, 416, 425, 429, 500, 502, 503, 504}


class DownloadError(AppError):
    """This source did not give the file; another one may. A full disk is no such error."""


class _UnfitError(Exception):
    """The server's answer does not complete what is here."""


def fetch(
    url: str,
    target: Path,
    *,
    sha256_prefix: str | None = None,
    progress: Progress | None = None,
    stall_seconds: float = 20.0,
    tries: int = 4,
    pause_seconds: float = 1.0,
) -> Path:
    """Bring the file at `url` to `target`, unless it is there already.

    What arrives is kept in `<target>.part` and continued by a later request where the server can (RFC 9110,
    13.1.5 and 14.2); only a complete file with the right hash gets the name `target`. Of several threads and
    processes that ask for the same target one downloads; the others wait and are told the same progress.
    An exception raised by `progress` cancels the download.

    Args:
        sha256_prefix: what the file's SHA-256 begins with, in hexadecimal digits.
        stall_seconds: how long the server may be silent.
        tries: requests before giving up; the pauses between them double, from `pause_seconds`.

    Raises:
        DownloadError: no connection, a refusal, a connection that keeps breaking, a file with another hash.
        AppError: the disk is full or the folder cannot be written to.
    """
    if _is_right(target, sha256_prefix):
        return target
    part = _Part(target.with_name(target.name + ".part"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _turn(target, part, progress):
            if not _is_right(target, sha256_prefix):
                request = _Request(url, target.name, part, sha256_prefix, progress or _silent)
                _complete(request, stall_seconds, tries, pause_seconds)
                part.path.replace(target)
                part.remove()
    except OSError as error:
        raise _disk_problem(error, target, part) from error
    return target


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_right(path: Path, sha256_prefix: str | None) -> bool:
    return path.is_file() and (sha256_prefix is None or sha256_of(path).startswith(sha256_prefix))


def _silent(_here: int, _total: int | None) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class _Version:
    """Which version of a file the server spoke of: its validator and size in bytes, each None if unknown."""

    validator: str | None = None
    total: int | None = None


@dataclass(frozen=True)
class _Part:
    """What has arrived of a file so far, and beside it a note of the version that it is a piece of."""

    path: Path

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def _note(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def version(self) -> _Version:
        try:
            return _Version(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return _Version()

    def remember(self, version: _Version) -> None:
        self._note.write_text(json.dumps(asdict(version)), encoding="utf-8")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Request:
    url: str
    name: str
    part: _Part
    sha256_prefix: str | None
    progress: Progress

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc or self.url


@contextmanager
def _turn(target: Path, part: _Part, progress: Progress | None) -> Iterator[None]:
    """Hold the file's lock; while another process or thread holds it, tell how far that one is."""
    lock = FileLock(target.with_name(target.name + ".lock"))
    while True:
        try:
            lock.acquire(timeout=LOOK_SECONDS)
            break
        except Timeout:
            if progress:
                progress(part.size, part.version().total)
    try:
        yield
    finally:
        lock.release()


def _complete(request: _Request, stall_seconds: float, tries: int, pause_seconds: float) -> None:
    """Ask until the part is the whole file and its hash is right."""
    timeout = httpx.Timeout(stall_seconds, connect=min(stall_seconds, CONNECT_SECONDS))
    # Sizes and ranges count the file's own bytes, so it must not be compressed on the way.
    headers = {"Accept-Encoding": "identity"}
    with httpx.Client(timeout=timeout, headers=headers, follow_redirects=True) as client:
        for attempt in range(tries):
            if attempt:
                time.sleep(pause_seconds * 2 ** (attempt - 1))
            try:
                pieced = _receive(client, request)
            except (httpx.HTTPError, httpx.InvalidURL, _UnfitError) as error:
                _give_up_if_pointless(error, request, first=attempt == 0)
                failure: Exception = error
                continue
            wanted = request.sha256_prefix or ""
            found = sha256_of(request.part.path) if wanted else ""
            if found.startswith(wanted):
                return
            request.part.remove()
            failure = DownloadError(
                "download.problem.hash",
                file=request.name,
                host=request.host,
                wanted=wanted,
                found=found[: len(wanted)],
            )
            if not pieced:
                raise failure
    if request.part.version().validator is None:
        request.part.remove()  # could never be continued
    raise DownloadError("download.problem.broke_off", file=request.name, host=request.host, tries=tries) from failure


def _receive(client: httpx.Client, request: _Request) -> bool:
    """Ask once for what is missing, or for all of it; tell whether the part now comes from two answers."""
    part = request.part
    size, version = part.size, part.version()
    if size and size == version.total:
        return True
    headers = {}
    if size and version.validator:
        headers = {"Range": f"bytes={size}-", "If-Range": version.validator}
    with client.stream("GET", request.url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.remove()
        response.raise_for_status()
        pieced = response.status_code == httpx.codes.PARTIAL_CONTENT
        if pieced and not (headers and _continues(response, size, version)):
            part.remove()
            raise _UnfitError
        if not pieced:
            size, version = 0, _version_of(response)
            part.remember(version)
        _check_room(request, size, version.total)
        _write(response, request, size, version.total)
    return pieced


def _write(response: httpx.Response, request: _Request, size: int, total: int | None) -> None:
    with request.part.path.open("ab" if size else "wb") as file:
        for chunk in response.iter_raw():
            file.write(chunk)
            size += len(chunk)
            request.progress(size, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and size != total:
        raise _UnfitError  # a shorter range than asked for, or a longer one: the next answer tells


def _version_of(response: httpx.Response) -> _Version:
    etag = response.headers.get("ETag", "")
    validator = response.headers.get("Last-Modified") if not etag or etag.startswith("W/") else etag
    length = response.headers.get("Content-Length", "")
    return _Version(validator, int(length) if length.isdecimal() else None)


def _continues(response: httpx.Response, size: int, version: _Version) -> bool:
    """Whether a partial answer begins where the part ends and belongs to the same version of the file."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if span is None or int(span[1]) != size:
        return False
    same_total = version.total is None or span[2] in {"*", str(version.total)}
    etag = response.headers.get("ETag")
    tagged = version.validator is not None and version.validator.startswith('"')
    return same_total and (etag is None or not tagged or etag == version.validator)


def _check_room(request: _Request, size: int, total: int | None) -> None:
    folder = request.part.path.parent
    free = shutil.disk_usage(folder).free
    if total is not None and total - size > free:
        raise AppError("download.problem.disk_full", file=request.name, folder=str(folder), free=free // MEGABYTE)


def _give_up_if_pointless(error: Exception, request: _Request, first: bool) -> None:
    """Raise where asking again would not help: a refusal, or no connection from the start."""
    if isinstance(error, httpx.HTTPStatusError) and error.response.status_code not in PASSING:
        raise DownloadError(
            "download.problem.status", file=request.name, host=request.host, status=error.response.status_code
        ) from error
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        raise AppError("download.problem.address", address=request.url) from error
    if first and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        raise DownloadError("download.problem.offline", file=request.name, host=request.host) from error


def _disk_problem(error: OSError, target: Path, part: _Part) -> AppError:
    folder = str(target.parent)
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        return AppError("download.problem.folder", file=target.name, folder=folder, reason=error.strerror or str(error))
    part.remove()
    free = shutil.disk_usage(target.parent).free
    return AppError("download.problem.disk_full", file=target.name, folder=folder, free=free // MEGABYTE)


def fetch_hub(
    repo: str,
    name: str,
    *,
    revision: str | None = None,
    max_bytes: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """A file of a Hugging Face model repository, in the Hub client's own cache.

    The client's own variables hold: HF_ENDPOINT, HF_HUB_OFFLINE, HF_HOME, HF_TOKEN. Without a connection the
    cached file counts.

    Args:
        repo: `owner/name`.
        revision: a branch, tag or commit; the main branch if absent.
        max_bytes: refuse a larger file before it is fetched.

    Raises:
        DownloadError: no such file, no access to it, or no connection and nothing cached.
        AppError: the file is larger than `max_bytes`.
    """
    from huggingface_hub import errors as hub
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    size, reachable = 0, True
    try:
        size = get_hf_file_metadata(hf_hub_url(repo, name, revision=revision)).size or 0
    except (
        hub.RepositoryNotFoundError,
        hub.RevisionNotFoundError,
        hub.EntryNotFoundError,
        ValueError,
    ) as error:
        raise DownloadError("download.problem.hub_absent", file=name, repo=repo) from error
    except out_of_reach():
        reachable = False  # told here, since hf_hub_download retries for 23 seconds before it says so
    if max_bytes is not None and size > max_bytes:
        limits = {"size": size // MEGABYTE, "most": max_bytes // MEGABYTE}
        raise AppError("download.problem.hub_large", file=name, repo=repo, **limits)
    bar = _bar_class(progress or _silent)
    try:
        return Path(hf_hub_download(repo, name, revision=revision, tqdm_class=bar, local_files_only=not reachable))
    except out_of_reach() as error:
        raise DownloadError("download.problem.hub_offline", file=name, repo=repo) from error


def out_of_reach() -> tuple[type[Exception], ...]:
    """What the Hub's client raises without a connection.

    Its HTTP library differs between its versions, and hf-xet raises RuntimeError.
    """
    from huggingface_hub.errors import HfHubHTTPError

    return cast("tuple[type[Exception], ...]", (*HfHubHTTPError.__bases__, RuntimeError))


def cached_hub(repo: str, name: str) -> Path | None:
    """Where `fetch_hub` has put this file before, without asking the Hub; None if it has not."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, name)
    return Path(found) if isinstance(found, str) else None


def _bar_class(progress: Progress) -> type[tqdm[Any]]:
    """What the Hub's client takes for a terminal's progress bar: it shows nothing and calls `progress`."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0
            progress(int(self.n), None if self.total is None else int(self.total))

        def update_transfer(self, n: float) -> None:
            """hf-xet also counts bytes on the wire; only those of the file are told."""

        def set_transfer_postfix_str(self, *args: Any, **options: Any) -> None:
            """The wire's speed, for a bar that shows it."""

    return Bar
