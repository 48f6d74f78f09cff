"""The page as a whole: what Gradio's script is told of its events."""

from __future__ import annotations

from pathlib import Path

from resnet_demo.settings import Settings
from resnet_demo.ui import page

FOLLOWED = {"recall_photos"}
"""Events behind which comes, as the next one, what would listen to the change."""


def test_states_that_others_listen_to_are_written_in_the_queue(tmp_path: Path) -> None:
    """Gradio 6.31 does not tell the page which states an event past the queue has changed."""
    config = page.build(Settings(home=tmp_path / "home")).get_config_file()
    states = {one["id"] for one in config["components"] if one["type"] == "state"}
    targets = [tuple(target) for one in config["dependencies"] for target in one["targets"]]
    heard = {number for number, event in targets if event == "change" and number in states}
    assert len(heard) >= 6
    unqueued = [one for one in config["dependencies"] if not one["queue"] and heard & set(one["outputs"])]
    assert {one["api_name"] for one in unqueued} == FOLLOWED


def test_no_choice_is_lost_that_comes_while_another_is_under_way(tmp_path: Path) -> None:
    """By default Gradio 6.31 drops it; with `always_last` it repeats the first one's click, not the last one's."""
    modes = {"input": {"always_last", "multiple"}, "select": {"multiple"}, "choose": {"multiple"}}
    config = page.build(Settings(home=tmp_path / "home")).get_config_file()
    found = [
        (one["api_name"], event, one["trigger_mode"])
        for one in config["dependencies"]
        for _, event in one["targets"]
        if event in modes
    ]
    assert {event for _, event, _ in found} == set(modes)
    assert [(name, event, mode) for name, event, mode in found if mode not in modes[event]] == []
