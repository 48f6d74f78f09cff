"""The tabs of the page: layout and wiring, no arithmetic."""

from __future__ import annotations

TABS = {
    "classify": "resnet_demo.ui.tabs.classify.tab",
    "finetune": "resnet_demo.ui.tabs.finetune.tab",
    "look_inside": "resnet_demo.ui.tabs.look_inside.tab",
    "learn": "resnet_demo.ui.tabs.learn.tab",
}
"""Every tab by its name, in the page's order: the module whose `build` lays it out. Its label is `page.tabs.<name>`."""
