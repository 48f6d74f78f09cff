"""A network with its labels, preprocessing and provenance: what every loader returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.texts import Message

if TYPE_CHECKING:
    from torch import Tensor

    from resnet_demo.models.resnet import ResNet


@dataclass(frozen=True)
class TrainingInfo:
    """How a model was trained, if it was trained here; empty for any other.

    `parent` is the model that it started from, `data` the fingerprint of the photos, `metrics` names and
    figures. Logits are divided by `temperature` before softmax (Guo et al. 2017, section 4.2); below
    `threshold` the best probability means "none of these".
    """

    parent: str | None = None
    data: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    temperature: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Model:
    """A network ready for inference: in evaluation mode, float32, on the CPU.

    `name` is what `--model` was given. `origin` is the web address of the weights, None where they are a local
    file; `licence` is None where it is unknown. `top1` is the published accuracy in percent, None where
    nobody published one for these very weights. `notes` are what was assumed about a file that does not say all.
    """

    name: str
    variant: str
    network: ResNet
    labels: tuple[str, ...]
    spec: ImageSpec
    licence: str | None
    origin: str | None
    top1: float | None = None
    training_info: TrainingInfo = field(default_factory=TrainingInfo)
    notes: tuple[Message, ...] = ()

    def calibrated(self, logits: Tensor) -> Tensor:
        """Logits (..., classes) after temperature scaling (Guo et al. 2017, section 4.2)."""
        return logits / (self.training_info.temperature or 1.0)

    @property
    def provenance(self) -> Message:
        """Origin and licence of the weights, as a sentence."""
        place = "local" if self.origin is None else "web"
        known = "unknown" if self.licence is None else "known"
        fields = {"origin": self.origin or "", "licence": self.licence or ""}
        return Message(f"models.provenance.{place}_{known}", fields)
