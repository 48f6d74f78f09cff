"""The answered photo, shown by itself: its picture or heat map, its classes, and the way into the network."""

from __future__ import annotations

from typing import Any, TypeGuard

import gradio as gr

from resnet_demo.texts import AppError
from resnet_demo.ui.components.bars import bars
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import NavigationRequest
from resnet_demo.ui.tabs.classify.heat_map import heat_map
from resnet_demo.ui.tabs.classify.results import Results
from resnet_demo.ui.translations import Translations

Updates = dict[Any, Any]


class PhotoPanel:
    """The panel, laid out where it is made; its places are there before there is an answer."""

    def __init__(self, translations: Translations, services: Services) -> None:
        self._services = services
        keep = services.settings.keep_seconds
        self.selected_row = gr.State(None, time_to_live=keep)  # the number of a row of the results
        self.photo = gr.Image(  # its label is the photo's name
            interactive=False,
            show_label=True,
            label="",
            height=380,
            buttons=["fullscreen"],
            elem_id="classify-photo",
        )
        with gr.Row(elem_id="classify-photo-actions"):
            self.heat = translations.create(
                gr.Checkbox,
                {"label": "classify.heat_map"},
                value=False,
                container=False,
                interactive=True,
                min_width=0,
                elem_id="classify-heat-map",
            )
            self.look_inside_button = translations.create(
                gr.Button,
                {"value": "classify.look_inside"},
                interactive=False,
                size="sm",
                min_width=0,
                elem_id="classify-look-inside",
            )
        self.bars = gr.HTML(elem_id="classify-prediction")
        self.outputs = [self.photo, self.bars, self.look_inside_button, self.selected_row]

    def show(self, results: Results, number: object, heat: bool) -> Updates:
        """The photo of a row, with its heat map where that is wanted and there already; none for no row."""
        if not _is_row(number, results):
            return self.clear()
        results.request_picture()
        row = results.rows[number]
        picture = (results.heat_map(number) if heat else None) or results.picture(number)
        return {
            self.photo: gr.update(value=picture, label=row.photo.name),
            self.bars: bars(row.prediction.guesses, results.names),
            self.look_inside_button: gr.update(interactive=True),
            self.selected_row: number,
        }

    def translated(self, results: Results, number: object) -> Updates:
        """The classes of the row that is shown, in the current language."""
        if not _is_row(number, results):
            return {}
        return {self.bars: bars(results.rows[number].prediction.guesses, results.names)}

    def clear(self) -> Updates:
        """No photo."""
        return {
            self.photo: gr.update(value=None, label=""),
            self.bars: "",
            self.look_inside_button: gr.update(interactive=False),
            self.selected_row: None,
        }

    def show_picture(self, results: Results | None, number: object, heat: bool) -> Any:
        """The photo that is shown, with or without its heat map, which is made where there is none yet.

        Nothing where another picture was asked for meanwhile: it may have come already.
        """
        if results is None or not _is_row(number, results):
            return gr.skip()
        is_newest = results.request_picture()
        picture = heat_map(results, number, self._services) if heat else results.picture(number)
        return gr.update(value=picture) if picture is not None and is_newest() else gr.skip()


def _is_row(number: object, results: Results) -> TypeGuard[int]:
    """Whether this, which comes from a browser, is the number of a row that was answered."""
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(results.rows):
        return False
    return results.rows[number].prediction.problem is None


def request_look_inside(results: Results | None, number: int | None) -> Any:
    """To see where the network looked for the class that it named first."""
    if results is None or number is None:
        raise AppError("classify.gone")
    row = results.rows[number]
    if row.photo.path is None or not row.photo.path.is_file():
        raise AppError("look.gone")
    return NavigationRequest(results.model.name, row.photo, target_class=row.prediction.guesses[0].index)
