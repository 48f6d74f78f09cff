"""Is the map true: what becomes of the answer without the places it names, and of the map without the weights."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.texts import text
from resnet_demo.ui.tabs.look_inside.desk import View, note

if TYPE_CHECKING:
    from resnet_demo.explain.faithfulness import Faithfulness
    from resnet_demo.explain.sanity import Sanity

FAITHFUL_SHARE = 0.6
"""Of the whole work, about."""


def prove(view: View, method: str, other: object) -> Any:
    """Put the map that is shown to both tests."""
    from resnet_demo.explain import methods
    from resnet_demo.explain.faithfulness import faithfulness
    from resnet_demo.explain.sanity import sanity

    look, row = view.look, methods.method_named(method)
    view.share(0.0)
    maps = methods.explain(look.network, look.image, row, view.part, [look.target(view.wanted, other)])
    heat, wanted = maps.values[0, 0].cpu().numpy(), maps.wanted[0, 0]
    if not heat.any():
        return gr.update(value=note(escape(text("explain.empty", view.language))), visible=True)
    faithful = faithfulness(look.network, look.image, heat, wanted, progress=_part(view, 0.0, FAITHFUL_SHARE))
    said = _faithful(faithful, view.language)
    if row.slow and row.layered:
        said += note(escape(text("look.proof.slow", view.language)))
    else:
        network, image = look.model.network, look.image.to(next(look.model.network.parameters()).device)
        progress = _part(view, FAITHFUL_SHARE, 1.0)
        said += _sane(sanity(network, image, row, view.part, wanted.to(image), progress=progress), view.language)
    return gr.update(value=said, visible=True)


def _part(view: View, start: float, end: float) -> Callable[[int, int], None]:
    return lambda done, total: view.share(start + (end - start) * done / total)


def _faithful(found: Faithfulness, language: str) -> str:
    """The verdict, and both curves beside those of the random maps."""
    plots = "".join(_plot(found, kind, language) for kind in ("deletion", "insertion"))
    title = text("look.proof.title", language)
    return f'<h3>{escape(title)}</h3><p>{escape(found.verdict().say(language))}</p><div class="pair">{plots}</div>'


def _plot(found: Faithfulness, kind: str, language: str) -> str:
    own = getattr(found.curves, kind)
    random = np.mean([getattr(curve, kind) for curve in found.random], axis=0).tolist()
    area = f"{kind}_area"
    areas = getattr(found.curves, area), float(np.mean([getattr(curve, area) for curve in found.random]))
    lines = [
        Line(
            text(f"look.proof.{name}", language, area=f"{below:.2f}"),
            [(100 * step / (len(line) - 1), value) for step, value in enumerate(line)],
        )
        for name, line, below in zip(("map", "random"), (own, random), areas, strict=True)
    ]
    title = text(f"look.proof.{kind}", language)
    across, up = Axis(0, 100, text(f"look.proof.{kind}.share", language)), Axis(0, 1, title, "{:.1f}")
    said = text("look.proof.said", language, title=title, map=f"{areas[0]:.2f}", random=f"{areas[1]:.2f}")
    return f"<div>{curves(lines, across, up, said=said)}</div>"


def _sane(found: Sanity, language: str) -> str:
    """The verdict, and how alike the maps are once a part and all behind it have forgotten."""
    cells = "".join(
        f"<div><dt>{escape(part)}</dt><dd>{similarity:.2f}</dd></div>" for part, similarity in found.similarity.items()
    )
    title, about = text("look.proof.sanity", language), text("look.proof.sanity.about", language)
    return (
        f"<h3>{escape(title)}</h3><p>{escape(found.verdict().say(language))}</p>{note(escape(about))}<dl>{cells}</dl>"
    )
