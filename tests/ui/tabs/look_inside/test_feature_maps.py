"""The channels of a part as tiles, and one of them over the photo."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.ui.tabs.look_inside import feature_maps
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.feature_maps import FeatureMapsSection, Order
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.visitor_context import speaking
from tests.ui.tabs.look_inside.nonsense import NONSENSE


@pytest.fixture
def section(events: SectionEvents) -> FeatureMapsSection:
    return FeatureMapsSection(events)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("order", feature_maps.ORDERS)
@pytest.mark.parametrize("part", ["stem", "stage1", "stage2.0"])
def test_tiles_are_the_channels(
    section: FeatureMapsSection, context: EventContext, part: str, order: Order, language: str
) -> None:
    with speaking(language):
        shown = section.show(context.with_selection(part=part), order, "all")
    channels = 32 if part == "stage2.0" else 16
    tiles = shown[section.tiles]
    assert tiles.count("<button") == channels
    assert part in shown[section.about]
    first = int(tiles.split('data-name="')[1].split('"')[0])
    assert shown[section.over]["value"].shape == (40, 48, 3)
    assert text("look.maps.channel", language, channel=first) in shown[section.channel]
    assert shown[section.filters]["visible"] == (part == "stem")


def test_a_tile_is_laid_over_the_photo(section: FeatureMapsSection, context: EventContext) -> None:
    shown = section.show_channel(replace(context, sent={"name": "5"}), "strongest")
    assert shown[section.over]["label"] == text("look.maps.channel", channel=5)
    assert "5" in shown[section.channel]


@pytest.mark.parametrize("sent", [*NONSENSE, {"name": "64"}, {"name": "stage1"}])
def test_what_is_no_channel_is_a_sentence(section: FeatureMapsSection, context: EventContext, sent: object) -> None:
    with pytest.raises(AppError):
        section.show_channel(replace(context, sent=sent), "strongest")


def test_a_photo_that_is_gone_is_a_sentence(section: FeatureMapsSection, context: EventContext) -> None:
    assert context.inspected.photo.path is not None
    context.inspected.photo.path.unlink()
    with pytest.raises(AppError, match=text("look.gone")[:20]):
        section.show(context, "strongest", "64")
