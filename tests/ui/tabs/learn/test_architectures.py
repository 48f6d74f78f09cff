"""The part as a whole: nothing is sent before it is opened, and another language is shown where something was."""

from __future__ import annotations

from typing import Any

import gradio as gr

from resnet_demo.ui.tabs.learn.architectures import ArchitecturesSection


def listeners(section: ArchitecturesSection, outputs: list[Any]) -> list[Any]:
    """The handlers whose last outputs are these."""
    wanted = [component._id for component in outputs]
    blocks = outputs[0].parent
    while blocks.parent is not None:
        blocks = blocks.parent
    return [fn for fn in blocks.fns.values() if [one._id for one in fn.outputs][-len(wanted) :] == wanted]


def test_nothing_is_there_before_it_is_opened(section: ArchitecturesSection) -> None:
    for one in (section.layer_table, section.calculator, section.family, section.timeline):
        assert not any(output.value for output in one.outputs)


def test_a_language_is_changed_only_where_something_is_shown(section: ArchitecturesSection) -> None:
    [fills, refills] = [fn.fn for fn in listeners(section, section.timeline.outputs)]
    opened, shown = fills("zh-CN", None)
    assert opened is True
    assert "恒等捷径" in shown
    assert "identity" in refills("en", None, True)[0]
    assert refills("en", None, False) == (gr.skip(),)
