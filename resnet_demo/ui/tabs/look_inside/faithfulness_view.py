"""Faithfulness of the saliency map: deletion and insertion curves, and the sanity check with random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from resnet_demo.explain.methods import method_named
from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.ui.components.term import say_with_terms, term
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.view import note
from resnet_demo.ui.visitor_context import current_language, say

if TYPE_CHECKING:
    from resnet_demo.explain.faithfulness import Faithfulness
    from resnet_demo.explain.sanity_check import SanityCheck

MAP_SHARE, FAITHFUL_SHARE = 0.05, 0.6
"""How much of the whole work is done behind the map and behind the first test, about."""


def check_faithfulness(context: EventContext, method: str) -> Iterator[str]:
    """Run both tests on the map that is shown; what they have found so far, as HTML."""
    from resnet_demo.explain import saliency_maps
    from resnet_demo.explain.faithfulness import faithfulness
    from resnet_demo.explain.sanity_check import sanity_check

    inspection, selection, row = context.inspection, context.selection, method_named(method)
    context.share(0.0)
    maps = saliency_maps.explain(
        inspection.network,
        inspection.image,
        row,
        context.part,
        [inspection.target(selection.target_class, selection.contrast_class)],
        lambda done, total: context.share(MAP_SHARE * done / total),
    )
    heat, target_weights = maps.values[0, 0].cpu().numpy(), maps.target_weights[0, 0]
    if not heat.any():
        yield note(escape(say("explain.empty")))
        return
    faithful = faithfulness(
        inspection.network, inspection.image, heat, target_weights, progress=_part(context, MAP_SHARE, FAITHFUL_SHARE)
    )
    said = _faithful(faithful)
    if row.slow and row.layered:
        yield said + note(escape(say("look.faithfulness.slow")))
        return
    yield said
    network = inspection.model.network
    image = inspection.image.to(next(network.parameters()).device)
    progress = _part(context, FAITHFUL_SHARE, 1.0)
    yield said + _sane(sanity_check(network, image, row, context.part, target_weights.to(image), progress=progress))


def _part(context: EventContext, start: float, end: float) -> Callable[[int, int], None]:
    return lambda done, total: context.share(start + (end - start) * done / total)


def _faithful(found: Faithfulness) -> str:
    """The verdict, and both curves beside those of the random maps."""
    plots = "".join(_plot(found, kind) for kind in ("deletion", "insertion"))
    title, verdict = say_with_terms("look.faithfulness.title"), found.verdict().say(current_language())
    return f'<h3>{title}</h3><p>{escape(verdict)}</p><div class="pair">{plots}</div>'


def _plot(found: Faithfulness, kind: str) -> str:
    own = getattr(found.curves, kind)
    random = np.mean([getattr(curve, kind) for curve in found.random], axis=0).tolist()
    area = f"{kind}_area"
    areas = getattr(found.curves, area), float(np.mean([getattr(curve, area) for curve in found.random]))
    lines = [
        Line(
            say(f"look.faithfulness.{name}", area=f"{below:.2f}"),
            [(100 * step / (len(line) - 1), value) for step, value in enumerate(line)],
        )
        for name, line, below in zip(("map", "random"), (own, random), areas, strict=True)
    ]
    title = say(f"look.faithfulness.{kind}")
    across, up = Axis(0, 100, say(f"look.faithfulness.{kind}.share")), Axis(0, 1, title, "{:.1f}")
    said = say("look.faithfulness.said", title=title, map=f"{areas[0]:.2f}", random=f"{areas[1]:.2f}")
    return f"<div>{curves(lines, across, up, alt_text=said)}</div>"


def _sane(found: SanityCheck) -> str:
    """The verdict, and how alike the maps are once a part and all behind it have forgotten."""
    cells = "".join(
        f"<div><dt>{escape(part)}</dt><dd>{similarity:.2f}</dd></div>" for part, similarity in found.similarity.items()
    )
    title = term("sanity_check", say("look.faithfulness.sanity"))
    about = say("look.faithfulness.sanity.about")
    verdict = found.verdict().say(current_language())
    return f"<h3>{title}</h3><p>{escape(verdict)}</p>{note(escape(about))}<dl>{cells}</dl>"
