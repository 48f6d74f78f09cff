"""The calculator: formulas with their numbers, real modules beside them, and what is wrong with a size."""

from __future__ import annotations

from resnet_demo.labs.block_costs import BLOCK_KINDS
from resnet_demo.ui.tabs.learn.architectures import ArchitecturesSection
from resnet_demo.ui.tabs.learn.block_calculator import mistakes
from resnet_demo.ui.visitor_context import speaking


def test_every_kind_of_block_agrees_with_its_formula(section: ArchitecturesSection) -> None:
    [shown] = section.calculator.show(256, 64, 3, 32, 1, 56)
    assert shown.count("<section>") == len(BLOCK_KINDS)
    assert shown.count("✓") == 3 * len(BLOCK_KINDS)
    assert "≠" not in shown
    assert "3² · 64 · 64 = 36,864" in shown
    assert "3² · 128 · 128 / 32 = 4,608" in shown


def test_a_projection_comes_with_a_stride(section: ArchitecturesSection) -> None:
    [shown] = section.calculator.show(64, 16, 5, 4, 2, 32)
    assert shown.count("downsample.0") == len(BLOCK_KINDS) - 1  # plain blocks have none
    assert "5² · 16 · 16 = 6,400" in shown


def test_what_texts_get_wrong() -> None:
    """18 C² and 17 C² / 16 for C = 256, and 6 · 9 · 64²."""
    said = mistakes()
    assert f"{18 * 256**2:,}" in said
    assert f"{17 * 256**2 // 16:,}" in said
    assert f"{6 * 9 * 64**2:,}" in said
    with speaking("zh-CN"):
        assert "221,184" in mistakes()


def test_sizes_that_do_not_do_are_named_as_the_page_names_them(section: ArchitecturesSection) -> None:
    show = section.calculator.show
    assert "Channels in has to be a whole number from 1 to 4096." in show(None, 64, 3, 32, 1, 56)[0]
    assert "Kernel has to be" in show(256, 64, 99, 32, 1, 56)[0]
    assert "Take an odd number" in show(256, 64, 4, 32, 1, 56)[0]
    assert "Take a divisor of 128" in show(256, 64, 3, 31, 1, 56)[0]
    assert show(256, 1.5, 3, 32, 1, 56)[0].startswith('<p class="problem"')
