"""Files that the page hands out: which ones, and as what. Pictures are shown, all else is saved, and nothing runs.

A file's name is a visitor's word, and so is its content. What a browser makes of them must not depend on either: the
type comes from our own short table, the browser may not guess another, and the file may load and run nothing.
"""

from __future__ import annotations

import secrets
from pathlib import Path, PurePath

from gradio.utils import get_upload_folder
from starlette.datastructures import MutableHeaders

from resnet_demo.data.dataset_storage import disk_errors
from resnet_demo.ui.security.file_access import inside_uploads

# Pictures of dots, which hold no script; an SVG does.
SHOWN = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".avif": "image/avif",
}
SAVED = "application/octet-stream"
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
KEPT = frozenset({"accept-ranges", "content-length", "content-range", "etag", "last-modified"})


def may_serve(asked: str) -> bool:
    """Whether `asked`, what stands behind `file=`, names a file among the uploads by its whole path.

    No address of another server in any spelling, no share of a Windows network, and no way up the folders: these are
    refused by their looks, before anything is opened.
    """
    if "\\\\" in asked or "//" in asked or not Path(asked).is_absolute() or ".." in PurePath(asked).parts:
        return False
    return inside_uploads(asked) is not None


def set_rules(headers: MutableHeaders, path: str, status: int) -> None:
    """Put our own headers in place of those that Gradio chose for the file at `path`; `status` is the answer's."""
    disposition = headers.get("content-disposition", "")
    given = headers.get("content-type", "")
    for name in set(headers.keys()) - KEPT:
        del headers[name]
    headers["Content-Security-Policy"] = POLICY
    if status >= 400:  # a sentence of Gradio's, not the file
        headers["Content-Type"] = given if given.startswith("application/json") else "text/plain; charset=utf-8"
        return
    suffix = PurePath(path).suffix.lower()
    kind = "inline" if suffix in SHOWN else "attachment"
    name = disposition.partition(";")[2]
    headers["Content-Type"] = SHOWN.get(suffix, SAVED)
    headers["Content-Disposition"] = f"{kind};{name}" if name else kind


def new_served_folder() -> Path:
    """A folder among the uploads: Gradio serves what is in it, and it goes with them when the app ends.

    Raises:
        AppError: the disk is full, or cannot be written to.
    """
    # Not mkdtemp: Gradio serves these to whoever knows the name, and its names can be foretold from enough others.
    folder = Path(get_upload_folder(), secrets.token_hex(16))
    with disk_errors(folder.parent):
        folder.mkdir(mode=0o700, parents=True)
    return folder
