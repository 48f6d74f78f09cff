"""What README.md and CONTRIBUTING.md say of this folder is true: tree, front matter, commands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
UNLISTED = {".gitignore", "__init__.py"}


def tree() -> dict[str, str]:
    """Path to caption of every line in the tree of CONTRIBUTING.md."""
    section = CONTRIBUTING.split("## The tree")[1].split("```")[1]
    entries: dict[str, str] = {}
    folders: list[str] = []
    for line in section.strip().splitlines():
        indent, name, caption = re.fullmatch(r"( *)(\S+)(?: {2,}(.+))?", line).groups()  # type: ignore[union-attr]
        folders = folders[: len(indent) // 2]
        entries["".join(folders) + name] = caption or ""
        if name.endswith("/"):
            folders.append(name)
    return entries


def tracked() -> set[str]:
    """Files that git knows or would add."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {path for path in done.stdout.splitlines() if (ROOT / path).exists()}


def test_everything_in_the_tree_exists_and_has_a_caption() -> None:
    assert len(tree()) > 30
    for path, caption in tree().items():
        assert (ROOT / path).exists(), path
        assert (ROOT / path).is_dir() == path.endswith("/"), path
        assert caption, path


def test_every_module_and_everything_at_the_top_is_in_the_tree() -> None:
    listed = tree()
    files = tracked()
    modules = {path for path in files if path.startswith("resnet_demo/") and path.endswith(".py")}
    missing = {path for path in modules if Path(path).name not in UNLISTED} - set(listed)
    assert not missing
    top = {path.split("/")[0] + ("/" if "/" in path else "") for path in files}
    assert not top - set(listed) - UNLISTED


def test_the_front_matter_is_what_a_space_needs() -> None:
    _, front, _ = README.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in front.strip().splitlines())
    assert fields["sdk"] == "gradio"
    assert (ROOT / fields["app_file"]).is_file()
    requirement = re.search(r"^gradio>=([\d.]+),<(\d+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert requirement is not None
    version = [int(part) for part in fields["sdk_version"].split(".")]
    assert [int(part) for part in requirement[1].split(".")] <= version < [int(requirement[2])]
    assert re.fullmatch(r'"3\.1[1-4]"', fields["python_version"])
    assert len(fields["short_description"]) <= 60


def test_pictures_it_shows_are_there_and_small() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).stat().st_size < 1_000_000


def test_make_targets_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", README + CONTRIBUTING):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_tests_it_names_exist() -> None:
    """Each line on what strangers can and cannot do has the test that holds it."""
    section = README.split("## Pages that strangers may reach")[1].split("\n## ")[0]
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", section)
    assert len(named) > 10
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), test
    bullets = re.split(r"\n- ", section)[1:]
    assert all("tests/" in bullet for bullet in bullets)
