"""Downloads, against a real server that misbehaves."""

from __future__ import annotations

import gzip
import hashlib
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.download import DownloadError, fetch
from resnet_demo.texts import AppError
from tests.loopback import Answer, Loopback, loopback

BODY = random.Random(0).randbytes(600_000)
OTHER = random.Random(1).randbytes(600_000)
SHA8 = hashlib.sha256(BODY).hexdigest()[:8]
HASTY = {"stall_seconds": 0.3, "pause_seconds": 0.01}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "weights.pth"


def names(target: Path) -> set[str]:
    """What lies in the folder, without the lock."""
    return {path.name for path in target.parent.iterdir() if path.suffix != ".lock"}


def test_fetches_and_tells_how_far_it_is(server: Loopback, target: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    url = server.serve("/w", Answer(BODY))
    fetch(url, target, sha256_prefix=SHA8, progress=lambda here, total: steps.append((here, total)))
    assert target.read_bytes() == BODY
    assert names(target) == {"weights.pth"}
    assert steps[-1] == (len(BODY), len(BODY))
    assert steps == sorted(steps)


def test_a_file_that_is_there_is_not_asked_for(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY))
    fetch(url, target, sha256_prefix=SHA8)
    fetch(url, target, sha256_prefix=SHA8)
    fetch(url, target)
    assert len(server.requests) == 1


def test_a_damaged_file_is_fetched_again(server: Loopback, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(BODY[:1000])
    fetch(server.serve("/w", Answer(BODY)), target, sha256_prefix=SHA8)
    assert target.read_bytes() == BODY


def test_a_broken_connection_is_continued(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, sent=200_000), Answer(BODY, sent=100_000), Answer(BODY))
    fetch(url, target, sha256_prefix=SHA8, **HASTY)
    assert target.read_bytes() == BODY
    assert [request.range for request in server.requests] == [None, "bytes=200000-", "bytes=300000-"]
    assert {request.headers.get("If-Range") for request in server.requests[1:]} == {Answer(BODY).tag}
    assert server.requests[0].headers["Accept-Encoding"] == "identity"  # sizes and ranges count the file's own bytes


def test_a_silent_server_is_asked_again(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, sent=200_000, stalls=True), Answer(BODY))
    fetch(url, target, sha256_prefix=SHA8, **HASTY)
    assert target.read_bytes() == BODY
    assert server.requests[1].range == "bytes=200000-"


def test_a_server_without_ranges_sends_all_again(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, sent=200_000), Answer(BODY, ranges=False))
    fetch(url, target, sha256_prefix=SHA8, **HASTY)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_a_server_without_strong_etags_is_never_continued(server: Loopback, target: Path, etag: str) -> None:
    url = server.serve("/w", Answer(BODY, etag=etag, sent=200_000), Answer(BODY, etag=etag))
    fetch(url, target, **HASTY)
    assert target.read_bytes() == BODY
    assert server.requests[1].range is None


def test_last_modified_serves_where_there_is_no_etag(server: Loopback, target: Path) -> None:
    dated = {"Last-Modified": "Sat, 21 Nov 2026 07:00:00 GMT"}
    url = server.serve(
        "/w",
        Answer(BODY, etag="", headers=dated, sent=200_000),
        Answer(BODY, etag="", headers=dated, honours_if_range=False),
    )
    fetch(url, target, **HASTY)
    assert target.read_bytes() == BODY
    assert server.requests[1].range == "bytes=200000-"


@pytest.mark.parametrize("other", [OTHER, OTHER[:500_000], OTHER[:100_000]], ids=["same size", "shorter", "too short"])
@pytest.mark.parametrize("honest", [True, False], ids=["If-Range honoured", "If-Range ignored"])
def test_a_file_that_changes_between_tries_is_not_mixed(
    server: Loopback, target: Path, other: bytes, honest: bool
) -> None:
    url = server.serve("/w", Answer(BODY, sent=200_000), Answer(other, honours_if_range=honest))
    fetch(url, target, **HASTY)
    assert target.read_bytes() == other


def test_a_mixture_that_the_server_hides_is_found_by_its_hash(server: Loopback, target: Path) -> None:
    lying = Answer(OTHER, honours_if_range=False, etag='"same"')
    url = server.serve("/w", Answer(BODY, etag='"same"', sent=200_000), lying, Answer(BODY))
    fetch(url, target, sha256_prefix=SHA8, **HASTY)
    assert target.read_bytes() == BODY
    assert server.requests[2].range is None


def ranged(first: int, last: int, total: int) -> Answer:
    """A partial answer, whatever was asked for."""
    span = {"Content-Range": f"bytes {first}-{last}/{total}"}
    return Answer(BODY[first : last + 1], status=206, etag='"same"', headers=span)


@pytest.mark.parametrize(
    "unasked", [ranged(100_000, 599_999, 600_000), ranged(200_000, 599_999, 700_000)], ids=["start", "total"]
)
def test_a_range_that_does_not_continue_the_part(server: Loopback, target: Path, unasked: Answer) -> None:
    url = server.serve("/w", Answer(BODY, etag='"same"', sent=200_000), unasked, Answer(BODY))
    fetch(url, target, **HASTY)
    assert target.read_bytes() == BODY
    assert server.requests[2].range is None


def test_a_range_shorter_than_asked_for_is_continued(server: Loopback, target: Path) -> None:
    whole = Answer(BODY, etag='"same"')
    url = server.serve("/w", replace(whole, sent=200_000), ranged(200_000, 299_999, 600_000), whole)
    fetch(url, target, **HASTY)
    assert target.read_bytes() == BODY
    assert server.requests[2].range == "bytes=300000-"


def test_a_compressed_file_stays_as_it_is(server: Loopback, target: Path) -> None:
    archive = gzip.compress(BODY)
    fetch(server.serve("/w.tgz", Answer(archive, headers={"Content-Encoding": "gzip"})), target)
    assert target.read_bytes() == archive


def test_a_server_that_goes_away_may_come_back(target: Path) -> None:
    """Unlike a server that was never reached, it is asked again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 1000\r\n\r\nhalf')
            listener.close()

        thread = threading.Thread(target=answer_once)
        thread.start()
        with pytest.raises(DownloadError, match="2 tries"):
            fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/w", target, tries=2, **HASTY)
        thread.join()
    assert target.with_name("weights.pth.part").read_bytes() == b"half"


def test_a_wrong_hash_leaves_nothing_behind(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(OTHER))
    with pytest.raises(DownloadError, match=hashlib.sha256(OTHER).hexdigest()[:8]):
        fetch(url, target, sha256_prefix=SHA8, **HASTY)
    assert names(target) == set()
    assert len(server.requests) == 1


def test_an_interrupted_download_goes_on_in_the_next_call(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, slow=True), Answer(BODY))

    def cancel(here: int, total: int | None) -> None:
        if here > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(url, target, sha256_prefix=SHA8, progress=cancel)
    assert not target.exists()
    fetch(url, target, sha256_prefix=SHA8)
    assert target.read_bytes() == BODY
    assert int(server.requests[1].range.removeprefix("bytes=").removesuffix("-")) > 100_000


def test_a_download_killed_before_the_last_step_needs_no_second_one(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, sent=0))
    with pytest.raises(DownloadError):
        fetch(url, target, sha256_prefix=SHA8, tries=1, **HASTY)
    target.with_name("weights.pth.part").write_bytes(BODY)
    fetch(url, target, sha256_prefix=SHA8, tries=1, **HASTY)
    assert target.read_bytes() == BODY
    assert len(server.requests) == 1


def test_a_part_longer_than_the_file_is_thrown_away(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, sent=1000), Answer(BODY))
    with pytest.raises(DownloadError):
        fetch(url, target, tries=1, **HASTY)
    target.with_name("weights.pth.part").write_bytes(BODY + b"more")
    fetch(url, target, **HASTY)
    assert target.read_bytes() == BODY


def test_gives_up_after_some_tries_and_keeps_what_can_be_continued(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, sent=1000))
    with pytest.raises(DownloadError, match="3 tries"):
        fetch(url, target, tries=3, **HASTY)
    assert len(server.requests) == 3
    assert names(target) == {"weights.pth.part", "weights.pth.part.json"}


def test_what_could_never_be_continued_is_not_kept(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, etag="", sent=1000))
    with pytest.raises(DownloadError):
        fetch(url, target, tries=2, **HASTY)
    assert names(target) == set()


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (500, 3), (503, 3)])
def test_a_refusal_is_final_and_a_failure_is_not(server: Loopback, target: Path, status: int, requests: int) -> None:
    url = server.serve("/w", Answer(status=status))
    with pytest.raises(DownloadError):
        fetch(url, target, tries=3, **HASTY)
    assert len(server.requests) == requests
    assert names(target) == set()


def test_a_server_that_recovers(server: Loopback, target: Path) -> None:
    fetch(server.serve("/w", Answer(status=503), Answer(BODY)), target, sha256_prefix=SHA8, **HASTY)
    assert target.read_bytes() == BODY


def test_no_connection_is_told_at_once(target: Path) -> None:
    with loopback() as closed:
        url = closed.url
    with pytest.raises(DownloadError, match="cannot be reached"):
        fetch(f"{url}/w", target, pause_seconds=60)


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/w", "mirror/w", "http://[::1/w"])
def test_an_address_that_is_none(target: Path, address: str) -> None:
    with pytest.raises(AppError, match="not a web address"):
        fetch(address, target)


def test_a_file_larger_than_the_disk_is_not_begun(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, claimed=10**16))
    with pytest.raises(AppError, match="no room") as caught:
        fetch(url, target)
    assert not isinstance(caught.value, DownloadError)
    assert not target.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_disk_that_fills_up(server: Loopback, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("weights.pth.part").symlink_to("/dev/full")
    with pytest.raises(AppError, match="no room"):
        fetch(server.serve("/w", Answer(BODY)), target)
    assert names(target) == set()


def test_a_folder_that_cannot_be_written_to(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AppError, match="cannot be written"):
        fetch(server.serve("/w", Answer(BODY)), tmp_path / "file" / "w")


def test_threads_that_ask_at_once_make_one_download(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, slow=True))
    seen: dict[int, list[tuple[int, int | None]]] = {}

    def ask(who: int) -> Path:
        steps = seen.setdefault(who, [])
        return fetch(url, target, sha256_prefix=SHA8, progress=lambda here, total: steps.append((here, total)))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [target] * 4
    assert target.read_bytes() == BODY
    assert len(server.requests) == 1
    # Those who wait see the download of the one who does not.
    assert all(any(0 < here <= len(BODY) == total for here, total in steps) for steps in seen.values())


def _ask(url: str, target: Path, start: threading.Event) -> None:
    start.wait()
    fetch(url, target, sha256_prefix=SHA8)


def test_processes_that_ask_at_once_make_one_download(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, slow=True))
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    processes = [context.Process(target=_ask, args=(url, target, start)) for _ in range(2)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert target.read_bytes() == BODY
    assert len(server.requests) == 1


def test_a_killed_process_frees_its_turn(server: Loopback, target: Path) -> None:
    url = server.serve("/w", Answer(BODY, sent=200_000, stalls=True), Answer(BODY))
    script = "import sys; from pathlib import Path; from resnet_demo.download import fetch; "
    script += "fetch(sys.argv[1], Path(sys.argv[2]))"
    with subprocess.Popen([sys.executable, "-c", script, url, str(target)]) as process:
        part = target.with_name("weights.pth.part")
        while not part.exists() or part.stat().st_size < 200_000:
            assert process.poll() is None
        process.kill()
    fetch(url, target, sha256_prefix=SHA8)
    assert target.read_bytes() == BODY
    assert server.requests[1].range == "bytes=200000-"


# The Hub's client reads its variables when it is imported, so each of these is a process of its own.
HUB_CLIENT = """
import json, sys
from resnet_demo.download import fetch_hub
from resnet_demo.texts import AppError
names, options, steps = json.loads(sys.argv[1]), json.loads(sys.argv[2]), []
try:
    path = fetch_hub(*names, progress=lambda *step: steps.append(step), **options)
    print(json.dumps([path.read_bytes().hex(), steps]))
except AppError as error:
    print(json.dumps([error.message.key, steps]))
"""


def ask_hub(url: str, home: Path, *names: str, offline: bool = False, **options: object) -> list[Any]:
    """What a fresh process gets from the Hub at `url`: a file's bytes or an error's key, and the progress."""
    environ = dict(os.environ, HF_ENDPOINT=url, HF_HOME=str(home), HF_HUB_OFFLINE=str(int(offline)))
    command = [sys.executable, "-c", HUB_CLIENT, json.dumps(names), json.dumps(options)]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=60)
    answer: list[Any] = json.loads(done.stdout)
    return answer


def test_the_hub_gives_a_file_once(server: Loopback, tmp_path: Path) -> None:
    server.serve_hub("owner/net", {"model.safetensors": BODY})
    wanted = ("owner/net", "model.safetensors")
    found, steps = ask_hub(server.url, tmp_path, *wanted, max_bytes=len(BODY))
    assert bytes.fromhex(found) == BODY
    assert steps[-1] == [len(BODY), len(BODY)]
    assert ask_hub(server.url, tmp_path, *wanted) == [found, []]
    assert sum(request.path.endswith("safetensors") for request in server.asked()) == 1
    assert ask_hub("http://127.0.0.1:9", tmp_path, *wanted, offline=True) == [found, []]
    assert ask_hub("http://127.0.0.1:9", tmp_path, *wanted) == [found, []]


def test_the_hub_refuses_in_plain_words(server: Loopback, tmp_path: Path) -> None:
    server.serve_hub("owner/net", {"model.safetensors": BODY})
    wanted = ("owner/net", "model.safetensors")
    assert ask_hub(server.url, tmp_path, *wanted, max_bytes=1000)[0] == "download.problem.hub_large"
    assert ask_hub(server.url, tmp_path, "owner/net", "other")[0] == "download.problem.hub_absent"
    assert ask_hub(server.url, tmp_path, "../net", "other")[0] == "download.problem.hub_absent"
    assert ask_hub(server.url, tmp_path, *wanted, offline=True)[0] == "download.problem.hub_offline"


def test_no_connection_to_the_hub_is_told_soon(tmp_path: Path) -> None:
    begin = time.monotonic()
    assert ask_hub("http://127.0.0.1:9", tmp_path, "owner/net", "x")[0] == "download.problem.hub_offline"
    assert time.monotonic() - begin < 15  # the client's own retries would take 23 seconds


def test_stays_free_of_torch() -> None:
    script = "import sys, resnet_demo.download; print({'torch', 'huggingface_hub'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
