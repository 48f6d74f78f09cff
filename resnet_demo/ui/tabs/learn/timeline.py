"""From AlexNet to residual streams: cards with what each changed, its paper, its block, and what shows it here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.models.variants import VARIANTS, Paper
from resnet_demo.plots.block_diagram import block_diagram
from resnet_demo.plots.historic_blocks import HISTORIC_BLOCKS
from resnet_demo.ui.visitor_context import current_language, say

HERE = ("layers", "blocks", "compare")
"""Parts of "Architectures" that a card may lead to, beside experiments."""


@dataclass(frozen=True)
class Card:
    """One step of the history, of that year: its papers, and the experiment or part of this page that shows it.

    Its block is the one of that name in `HISTORIC_BLOCKS`; its texts `architectures.timeline.name.<name>` and
    `….changed.<name>`.
    """

    name: str
    year: str
    papers: Sequence[Paper]
    shown_by: str


CARDS = (
    Card(
        "alexnet",
        "2012",
        [Paper("Krizhevsky et al.", 2012, "ImageNet Classification with Deep Convolutional Neural Networks", "")],
        "gradients",
    ),
    Card("highway", "2015", [VARIANTS["highway18"].paper], "shortcuts"),
    Card("resnet", "2015", [VARIANTS["resnet34"].paper], "degradation"),
    Card("preactivation", "2016", [VARIANTS["preact_resnet34"].paper], "shortcuts"),
    Card("wide_resnet", "2016", [VARIANTS["wide_resnet50_2"].paper], "identity"),
    Card("resnext", "2017", [VARIANTS["resnext50_32x4d"].paper], "blocks"),
    Card(
        "densenet",
        "2017",
        [Paper("Huang et al.", 2017, "Densely Connected Convolutional Networks", "1608.06993")],
        "landscape",
    ),
    Card(
        "skipnet",
        "2018",
        [
            Paper("Wang et al.", 2018, "SkipNet: Learning Dynamic Routing in Convolutional Networks", "1711.09485"),
            Paper("Yang et al.", 2019, "CondConv: Conditionally Parameterized Convolutions", "1904.04971"),
        ],
        "paths",
    ),
    Card(
        "efficientnet",
        "2019",
        [Paper("Tan and Le", 2019, "EfficientNet: Rethinking Model Scaling for ConvNets", "1905.11946")],
        "compare",
    ),
    Card("res2net", "2019", [VARIANTS["res2net50_26w_4s"].paper], "layers"),
    Card(
        "transformer",
        "2017–2021",
        [
            Paper("Vaswani et al.", 2017, "Attention Is All You Need", "1706.03762"),
            Paper(
                "Radford et al.",
                2021,
                "Learning Transferable Visual Models From Natural Language Supervision",
                "2103.00020",
            ),
        ],
        "schedules",
    ),
)
"""The cards in the order in which they are shown."""


class TimelineSection:
    """The cards; nothing on them is chosen."""

    def __init__(self) -> None:
        self.inputs: list[Any] = []
        self.outputs = [gr.HTML("", elem_id="architecture-timeline")]

    def show(self) -> tuple[str]:
        """All cards."""
        return (timeline(),)


def timeline() -> str:
    """All cards as a list, as HTML."""
    about = escape(say("architectures.timeline.about"))
    return f'<p class="note">{about}</p><ol class="timeline">{"".join(map(_card, CARDS))}</ol>'


def _card(card: Card) -> str:
    name, changed = (say(f"architectures.timeline.{part}.{card.name}") for part in ("name", "changed"))
    drawn = block_diagram(HISTORIC_BLOCKS[card.name], name, current_language())
    papers = "".join(f"<cite>{_paper(paper)}</cite>" for paper in card.papers)
    return (
        f'<li data-name="{escape(card.name)}"><h2><time>{escape(card.year)}</time> {escape(name)}</h2>'
        f"<p>{escape(changed)}</p>{papers}{_link(card.shown_by)}<figure>{drawn}</figure></li>"
    )


def _paper(paper: Paper) -> str:
    """Authors, title and year, with a link where the paper is on arXiv."""
    said = escape(f"{paper.authors} {paper.year}: {paper.title}")
    if not paper.arxiv:
        return said
    address = f"https://arxiv.org/abs/{paper.arxiv}"
    return f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">{said}</a>'


def _link(shown_by: str) -> str:
    """The way to the experiment, or to the part of this page, that shows it."""
    if shown_by in HERE:
        said = say("architectures.timeline.here", part=say(f"architectures.section.{shown_by}"))
        return f'<a class="shown-by" href="#learn/architectures/{shown_by}">{escape(said)}</a>'
    said = escape(say("architectures.timeline.experiment", about=say(f"architectures.timeline.shows.{shown_by}")))
    return f'<a class="shown-by" href="#learn/{shown_by}" data-experiment="{shown_by}">{said}</a>'
