"""The timeline: every block drawn, every card with its paper and a way to what shows it."""

from __future__ import annotations

import re

from resnet_demo.labs.experiments import EXPERIMENTS
from resnet_demo.plots.historic_blocks import HISTORIC_BLOCKS
from resnet_demo.ui.tabs.learn.timeline import CARDS, HERE, timeline
from resnet_demo.ui.visitor_context import in_each_language


def test_every_block_has_a_card() -> None:
    assert [card.name for card in CARDS] == list(HISTORIC_BLOCKS)
    for shown in in_each_language(timeline):
        assert shown.count("<svg") == shown.count("<li ") == len(CARDS)


def test_cards_lead_to_experiments_that_there_are() -> None:
    linked = re.findall(r'href="#learn/(\w+)" data-experiment="(\w+)"', timeline())
    assert all(address == name for address, name in linked)
    assert {name for _, name in linked} <= set(EXPERIMENTS)
    assert {card.shown_by for card in CARDS} - set(EXPERIMENTS) <= set(HERE)


def test_papers_are_named_and_linked() -> None:
    shown = timeline()
    assert "He et al. 2016: Deep Residual Learning for Image Recognition" in shown
    assert 'href="https://arxiv.org/abs/1512.03385"' in shown
    assert "Krizhevsky et al. 2012" in shown
    assert all(" 20" in paper.title or paper.year > 2000 for card in CARDS for paper in card.papers)
