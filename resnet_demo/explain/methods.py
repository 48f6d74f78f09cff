"""The register of saliency methods.

Imports no torch until a method is run, so that the page and the command line can list the methods before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resnet_demo.texts import AppError, text

if TYPE_CHECKING:
    from torch import Tensor

    from resnet_demo.explain.activations import ForwardPass
    from resnet_demo.explain.cam import Progress

DEFAULT_METHOD = "gradcam"


@dataclass(frozen=True)
class Method:
    """One method: `maps` turns a pass into maps (K, N, h, w).

    Its texts are `explain.method.<name>` and `explain.about.<name>`.
    `layered`: it works on the activations of any layer; the others work on the input pixels. `differentiable`: it needs
    the gradients of the pass. `slow`: it takes hundreds of passes and reports its progress.
    """

    name: str
    maps: Callable[[ForwardPass, Progress], Tensor]
    layered: bool = True
    differentiable: bool = False
    slow: bool = False

    def title(self, language: str) -> str:
        """Its name in this language."""
        return text(f"explain.method.{self.name}", language)

    def about(self, language: str) -> str:
        """What it does, in one sentence."""
        return text(f"explain.about.{self.name}", language)


def _by_gradient(name: str, formula: str) -> Method:
    """Channels weighted by their gradients, by a formula of `explain.cam`."""

    def maps(run: ForwardPass, progress: Progress) -> Tensor:  # noqa: ARG001
        from resnet_demo.explain import cam

        return cam.weigh(getattr(cam, formula), run)

    return Method(name, maps, differentiable=True)


def _by_activation(name: str, function: str, *, slow: bool) -> Method:
    """Channels weighted without gradients, by a function of `explain.cam`."""

    def maps(run: ForwardPass, progress: Progress) -> Tensor:
        from resnet_demo.explain import cam

        found: Tensor = getattr(cam, function)(run, progress)
        return found

    return Method(name, maps, slow=slow)


def _by_pixel(name: str, function: str, *, slow: bool) -> Method:
    """The size of the attributions to the input pixels, by a function of `explain.gradients`."""

    def maps(run: ForwardPass, progress: Progress) -> Tensor:
        from resnet_demo.explain import gradients

        return gradients.magnitude(getattr(gradients, function)(run, progress))

    return Method(name, maps, layered=False, slow=slow)


METHODS = {
    method.name: method
    for method in (
        _by_gradient("gradcam", "gradcam"),
        _by_gradient("gradcam++", "gradcam_plus_plus"),
        _by_gradient("hirescam", "hirescam"),
        _by_gradient("layercam", "layercam"),
        _by_gradient("xgradcam", "xgradcam"),
        _by_activation("eigencam", "eigencam", slow=False),
        _by_activation("scorecam", "scorecam", slow=True),
        _by_activation("ablationcam", "ablationcam", slow=True),
        _by_pixel("guidedbackprop", "guided_backprop", slow=False),
        _by_pixel("smoothgrad", "smoothgrad", slow=True),
        _by_pixel("integratedgradients", "integrated_gradients", slow=True),
    )
}
"""Every method by its name; the command line's help and the page's list come from here."""


def method_named(name: str) -> Method:
    """The method of this name.

    Raises:
        AppError: there is no such method; the message lists the choices.
    """
    if name not in METHODS:
        raise AppError("explain.problem.unknown_method", name=name, choices=", ".join(METHODS))
    return METHODS[name]
