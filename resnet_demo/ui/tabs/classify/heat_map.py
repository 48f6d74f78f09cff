"""Heat maps: a classified photo with the saliency map of its best class, made once for each photo and model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from resnet_demo.texts import AppError
from resnet_demo.ui.services import Services
from resnet_demo.ui.tabs.classify.results import Results

if TYPE_CHECKING:
    from resnet_demo.inference import Classifier


def heat_map(results: Results, number: int, services: Services) -> str | None:
    """The file of the photo in the row `number` with its saliency map laid over it, by the default method.

    None where the photo has been cleared away.

    Raises:
        AppError: the model is gone, or the disk is full.
    """
    made = results.heat_map(number)
    if made is not None:
        return made
    photo = results.open(number)
    if photo is None or not results.rows[number].prediction.guesses:
        return None
    return results.save_heat_map(number, _painted(results, number, photo, services.classifier(results.model.name)))


def _painted(results: Results, number: int, photo: Image.Image, classifier: Classifier) -> Image.Image:
    from resnet_demo.data.images import Problem
    from resnet_demo.explain import targets
    from resnet_demo.explain.explainer import Explainer
    from resnet_demo.explain.overlay import OPACITY, overlay_map

    row = results.rows[number]
    assert row.photo.path is not None  # or it could not have been opened
    target = targets.named(row.prediction.guesses[0].index)
    [found] = Explainer(classifier).explain([row.photo.path], targets=[target], crop_mode=results.view)
    if isinstance(found, Problem):
        raise AppError("look.gone")
    return Image.fromarray(overlay_map(photo, found.size, found.seen, found.maps[0], OPACITY))
