"""README.zh-CN.md says what README.md says: sections, commands, flags, pictures, lists; so does SECURITY.zh-CN.md."""

from __future__ import annotations

import re
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

ENGLISH, CHINESE = (
    (ROOT / name).read_text(encoding="utf-8").removeprefix("---\n").split("\n---\n")[-1]
    for name in ("README.md", "README.zh-CN.md")
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(readme: str) -> list[tuple[str, str]]:
    """Level and text of each section, in order."""
    _, *parts = re.split(r"^(#+) .+\n", BLOCK.sub("", readme), flags=re.MULTILINE)
    return list(zip(parts[::2], parts[1::2], strict=True))


def code(section: str) -> set[str]:
    """What is written as code inside sentences."""
    return {" ".join(found.split()) for found in re.findall(r"`([^`]+)`", section)}


def test_each_links_to_the_other_at_its_top() -> None:
    assert "[简体中文](README.zh-CN.md)" in ENGLISH[:200]
    assert "[English](README.md)" in CHINESE[:200]


def test_sections_are_the_same() -> None:
    assert [level for level, _ in sections(CHINESE)] == [level for level, _ in sections(ENGLISH)]


def test_commands_are_the_same() -> None:
    assert BLOCK.findall(ENGLISH)
    assert BLOCK.findall(CHINESE) == BLOCK.findall(ENGLISH)


def test_each_section_names_the_same_flags_files_and_tests() -> None:
    """What is code in English is there in Chinese; Chinese may explain more."""
    for number, ((_, english), (_, chinese)) in enumerate(zip(sections(ENGLISH), sections(CHINESE), strict=True)):
        assert code(english) - code(chinese) == set(), f"section {number}: {english.strip()[:60]}"
        assert len(re.findall(r"^- ", chinese, re.MULTILINE)) == len(re.findall(r"^- ", english, re.MULTILINE)), number


def test_pictures_are_the_same_or_their_chinese_ones() -> None:
    english, chinese = (re.findall(r"!\[[^]]+\]\(([^)]+)\)", readme) for readme in (ENGLISH, CHINESE))
    assert len(english) == len(chinese) > 0
    for theirs, ours in zip(english, chinese, strict=True):
        path = Path(theirs)
        assert ours in {theirs, str(path.with_name(f"{path.stem}.zh-CN{path.suffix}"))}
        assert (ROOT / ours).stat().st_size < 1_000_000


def test_its_lists_are_those_of_the_registers() -> None:
    [table] = re.findall(r"^\| 内容 \| 名称 \|\n\|.*\n((?:\|.*\n)+)", CHINESE, re.MULTILINE)
    assert re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE) == [
        ("标签页", "、".join(text(f"page.tabs.{name}", "zh-CN") for name in TABS)),
        ("网络", variants.all_names()),
        ("照片来源", "、".join(text(f"photos.source.{name}", "zh-CN") for name in SOURCES)),
        ("预设", ", ".join(PRESETS)),
        ("引擎", ", ".join(("auto", *ENGINE_KINDS))),
        ("指标", f"{', '.join(('accuracy', *METRICS))}；每个类别的 {', '.join(CLASS_METRICS)}"),
        ("显著图方法", ", ".join(METHODS)),
        ("语言", ", ".join(LANGUAGES.values())),
    ]


def test_its_tabs_are_those_of_the_page() -> None:
    assert re.findall(r"^- \*\*(.+?)\*\*：", CHINESE, re.MULTILINE) == [
        text(f"page.tabs.{name}", "zh-CN") for name in TABS
    ]


def test_what_visitors_can_and_cannot_do_is_the_same() -> None:
    english, chinese = ((ROOT / f"SECURITY{ending}").read_text(encoding="utf-8") for ending in (".md", ".zh-CN.md"))
    assert len(english.split("\n- ")) == len(chinese.split("\n- "))
    assert code(english) == code(chinese)
