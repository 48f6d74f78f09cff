"""What README.md and CONTRIBUTING.md say of this folder is true: tree, front matter, commands, lists, words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from resnet_demo.engines import ENGINE_KINDS
from resnet_demo.evaluation import CLASS_METRICS, METRICS
from resnet_demo.explain.methods import METHODS
from resnet_demo.models import variants
from resnet_demo.texts import LANGUAGES, text
from resnet_demo.training.presets import PRESETS
from resnet_demo.ui.tabs import TABS
from resnet_demo.ui.tabs.finetune.photo_sources import SOURCES
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


def rows_of(section: str) -> dict[str, str]:
    """First cell to second cell of a table with two columns, without its head."""
    return dict(re.findall(r"^\| (\S.*?) +\| (.+?) +\|$", section, re.MULTILINE)[2:])


def test_its_lists_are_those_of_the_registers() -> None:
    assert rows_of(README.split("## What there is to choose from")[1].split("\n## ")[0]) == {
        "Tabs": ", ".join(text(f"page.tabs.{name}") for name in TABS),
        "Networks": variants.all_names(),
        "Sources of photos": ", ".join(text(f"photos.source.{name}") for name in SOURCES),
        "Presets": ", ".join(PRESETS),
        "Engines": ", ".join(("auto", *ENGINE_KINDS)),
        "Metrics": f"{', '.join(('accuracy', *METRICS))}; of each class {', '.join(CLASS_METRICS)}",
        "Saliency methods": ", ".join(METHODS),
        "Languages": ", ".join(LANGUAGES.values()),
    }


def test_its_tabs_are_those_of_the_page() -> None:
    section = README.split("## The tabs")[1].split("\n## ")[0]
    assert re.findall(r"^- \*\*(.+?)\*\*", section, re.MULTILINE) == [text(f"page.tabs.{name}") for name in TABS]


def test_words_are_those_of_the_code() -> None:
    """Each word has one meaning, and what is written as code is in the code."""
    terms = rows_of(CONTRIBUTING.split("## Words")[1].split("\n## ")[0])
    assert len(terms) > 40
    assert list(terms) == sorted(terms, key=lambda term: term.strip("`").lower())
    package = ROOT / "resnet_demo"
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py")))
    written = [name for row in terms.items() for cell in row for name in re.findall(r"`([^`]+)`", cell)]
    assert [name for name in written if not re.search(rf"\b{re.escape(name)}\b", code)] == []


def test_tests_it_names_exist() -> None:
    """Each line on what visitors can and cannot do has the test that holds it."""
    section = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", section)
    assert len(named) > 10
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), test
    bullets = re.split(r"\n- ", section)[1:]
    assert all("tests/" in bullet for bullet in bullets)
