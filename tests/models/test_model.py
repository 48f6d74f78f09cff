"""What a model says of itself to people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tiny import tiny_model


@pytest.mark.parametrize(
    ("origin", "licence", "said"),
    [
        (None, None, "local, licence unknown"),
        (None, "MIT", "local, licence MIT"),
        ("https://example.org/w.pth", None, "https://example.org/w.pth, licence unknown"),
        ("https://example.org/w.pth", "MIT", "https://example.org/w.pth, licence MIT"),
    ],
)
def test_provenance(origin: str | None, licence: str | None, said: str) -> None:
    model = replace(tiny_model(), origin=origin, licence=licence)
    assert model.provenance.say() == said
    assert model.provenance.say("zh-CN") != said
