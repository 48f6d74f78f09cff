"""Networks compared on the page: what ships, and a measurement."""

from __future__ import annotations

import pytest

from resnet_demo.labs.family import NAMES
from resnet_demo.texts import AppError
from resnet_demo.ui.tabs.learn.architectures import ArchitecturesSection
from resnet_demo.ui.tabs.learn.family_plot import measure, members, plot, table
from tests.plots.drawn_svg import named, read


def test_every_network_is_a_point_and_a_row(section: ArchitecturesSection) -> None:
    drawn, listed = section.family.show("multiply_adds")
    assert set(named(read(drawn))) == set(NAMES) == set(members())
    assert listed.count("<tr>") == len(NAMES) + 1
    assert "python -m resnet_demo lab family" in listed
    assert "78.57 %" in listed


def test_the_axis_is_chosen() -> None:
    assert plot("parameters") != plot("multiply_adds")
    assert plot("<nonsense>") == plot("multiply_adds")
    assert table() == table()


def test_two_networks_are_timed() -> None:
    said = list(measure("resnet18", "efficientnet_b0"))
    assert len(said) == 3
    assert "images per second" in said[1]
    assert "resnet18" in said[-1]
    assert "efficientnet_b0" in said[-1]
    assert "threads" in said[-1]


def test_nothing_else_is_timed() -> None:
    with pytest.raises(AppError):
        list(measure("resnet18", "os.system"))
