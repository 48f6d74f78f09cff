"""Our maps beside those of pytorch-grad-cam and Captum, on the same weights and the same photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import pytorch_grad_cam
import torch
import torchvision
from captum.attr import GuidedBackprop, IntegratedGradients, NoiseTunnel, Saliency
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection
from torch import Tensor, nn

from resnet_demo.explain import gradients
from resnet_demo.explain.activations import ForwardPass
from resnet_demo.explain.cam import Progress
from resnet_demo.explain.methods import METHODS
from resnet_demo.explain.saliency_maps import explain
from resnet_demo.explain.targets import best, difference, named
from resnet_demo.inference import Classifier, open_model
from resnet_demo.models import variants
from resnet_demo.models.resnet import ResNet
from resnet_demo.settings import Settings
from tests.models.oracles import enliven, noise

CLASSES = 5
SIDE = 64
SMALL_SIDE = 32
"""For methods that take hundreds of passes."""
BY_GRADIENT = {
    "gradcam": pytorch_grad_cam.GradCAM,
    "gradcam++": pytorch_grad_cam.GradCAMPlusPlus,
    "hirescam": pytorch_grad_cam.HiResCAM,
    "layercam": pytorch_grad_cam.LayerCAM,
    "xgradcam": pytorch_grad_cam.XGradCAM,
}
BY_CHANNEL = {"scorecam": pytorch_grad_cam.ScoreCAM, "ablationcam": pytorch_grad_cam.AblationCAM}
ALL = BY_GRADIENT | BY_CHANNEL
NAMES = ["resnet18", pytest.param("resnet50", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=NAMES)
def pair(request: pytest.FixtureRequest) -> tuple[ResNet, nn.Module]:
    """One of our networks, and torchvision's with the same weights."""
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(request.param, weights=None, num_classes=CLASSES)
    enliven(theirs, noise(8, 3, SIDE, SIDE))
    ours = variants.build(request.param, classes=CLASSES)
    ours.load_state_dict(theirs.state_dict())
    return ours.eval(), theirs


def theirs_of(network: nn.Module, layer: str, method: str, photos: Tensor, targets: Sequence[object]) -> Tensor:
    """pytorch-grad-cam's maps (N, H, W)."""
    with ALL[method](network, [network.get_submodule(layer)]) as oracle:
        return torch.from_numpy(oracle(photos, list(targets)))


def assert_alike(ours: Tensor, theirs: Tensor) -> None:
    """Each of our maps (N, h, w), stretched over the photo, goes with theirs (N, H, W); not all are empty."""
    stretched = nn.functional.interpolate(ours[:, None], theirs.shape[-2:], mode="bilinear")[:, 0]
    assert theirs.any()
    for mine, other in zip(stretched, theirs, strict=True):
        assert mine.any() == other.any()
        assert not other.any() or np.corrcoef(mine.ravel(), other.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("layer", ["layer4", "layer3.0", "layer1"])
@pytest.mark.parametrize("method", BY_GRADIENT)
def test_maps_by_gradient(pair: tuple[ResNet, nn.Module], method: str, layer: str) -> None:
    ours, theirs = pair
    photos = noise(3, 3, SIDE, SIDE, seed=2)
    first, second = explain(ours, photos, METHODS[method], layer, [named(1), named(4)]).values
    for values, index in ((first, 1), (second, 4)):
        expected = theirs_of(theirs, layer, method, photos, [ClassifierOutputTarget(index)] * 3)
        assert_alike(values, expected)


@pytest.mark.parametrize("layer", ["layer4", "layer2"])
def test_why_one_and_not_the_other(pair: tuple[ResNet, nn.Module], layer: str) -> None:
    ours, theirs = pair
    photos = noise(3, 3, SIDE, SIDE, seed=2)
    values = explain(ours, photos, METHODS["gradcam"], layer, [difference(named(0), named(3))]).values[0]
    assert_alike(values, theirs_of(theirs, layer, "gradcam", photos, [lambda logits: logits[0] - logits[3]] * 3))


@pytest.mark.parametrize("method", BY_CHANNEL)
@pytest.mark.parametrize(
    ("pair", "layer"),
    [
        ("resnet18", "layer1"),
        pytest.param("resnet18", "layer2", marks=pytest.mark.slow),
        pytest.param("resnet50", "layer1", marks=pytest.mark.slow),
    ],
    indirect=["pair"],
)
def test_maps_by_channel(pair: tuple[ResNet, nn.Module], method: str, layer: str) -> None:
    """pytorch-grad-cam divides Ablation-CAM's weights by the score, which turns the map round where that is below zero.

    We do not; where the score is above zero, as here, both are the same.
    """
    ours, theirs = pair
    photos = noise(2, 3, SMALL_SIDE, SMALL_SIDE, seed=2)
    maps = explain(ours, photos, METHODS[method], layer, [best()])
    assert maps.logits.amax(dim=1).min() > 0
    targets = [ClassifierOutputTarget(int(index)) for index in maps.logits.argmax(dim=1)]
    assert_alike(maps.values[0], theirs_of(theirs, layer, method, photos, targets))


@pytest.mark.parametrize("layer", ["layer4", "layer2"])
def test_eigencam_up_to_its_sign(pair: tuple[ResNet, nn.Module], layer: str) -> None:
    """Theirs has the sign that the decomposition happens to give; ours grows with the strength of the activations."""
    ours, _ = pair
    photos = noise(3, 3, SIDE, SIDE, seed=2)
    with torch.no_grad():
        activations = ours.forward_to(layer, photos)
    values = explain(ours, photos, METHODS["eigencam"], layer).values[0]
    for found, component, strength in zip(
        values, get_2d_projection(activations.numpy()), activations.norm(dim=1), strict=True
    ):
        same = np.corrcoef(component.ravel(), strength.ravel())[0, 1] > 0
        expected = np.maximum(component if same else -component, 0)
        np.testing.assert_allclose(found, expected / expected.max(), atol=1e-3)


def attributions(
    method: Callable[[ForwardPass, Progress], Tensor], network: ResNet, photos: Tensor, index: int
) -> npt.NDArray[np.float32]:
    """Ours, (N, 3, H, W), before they become maps."""
    run = ForwardPass(network, photos, network.stage_names[-1], [named(index)], differentiable=False)
    return np.asarray(method(run, lambda *_: None)[0])


def assert_same(found: npt.NDArray[np.float32], expected: Tensor) -> None:
    """As large, and alike; single pixels may differ, where some ReLU's input is as good as zero."""
    theirs = expected.detach().numpy()
    assert np.corrcoef(found.ravel(), theirs.ravel())[0, 1] > 0.999
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(theirs), rel=1e-3)


def test_guided_backpropagation(pair: tuple[ResNet, nn.Module]) -> None:
    ours, theirs = pair
    photos = noise(2, 3, SIDE, SIDE, seed=2)
    with pytest.warns(UserWarning, match="Setting backward hooks"):
        expected = GuidedBackprop(theirs).attribute(photos.clone().requires_grad_(), target=2)
    found = attributions(gradients.guided_backprop, ours, photos, 2)
    assert_same(found, expected)


def test_smoothgrad_with_the_same_noise(pair: tuple[ResNet, nn.Module]) -> None:
    ours, theirs = pair
    photo = noise(1, 3, SIDE, SIDE, seed=2)
    torch.manual_seed(0)
    expected = NoiseTunnel(Saliency(theirs)).attribute(
        photo,
        nt_type="smoothgrad",
        nt_samples=gradients.SAMPLES,
        stdevs=gradients.NOISE * float(photo.max() - photo.min()),
        target=2,
        abs=False,
    )
    found = attributions(gradients.smoothgrad, ours, photo, 2)
    assert_same(found, expected)


def test_integrated_gradients(pair: tuple[ResNet, nn.Module]) -> None:
    ours, theirs = pair
    photos = noise(2, 3, SMALL_SIDE, SMALL_SIDE, seed=2)
    expected = IntegratedGradients(theirs).attribute(photos, target=2, n_steps=gradients.STEPS)
    found = attributions(gradients.integrated_gradients, ours, photos, 2)
    assert_same(found, expected)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_real_weights_and_photos(name: str, shared: Path, tmp_path: Path) -> None:
    """The very network that the page and the command line explain, its norms folded."""
    settings = Settings(home=tmp_path, weights=shared / "weights")
    classifier = Classifier(open_model(name, settings), settings, device="cpu")
    theirs = torchvision.models.get_model(name, weights=None)
    theirs.load_state_dict(classifier.model.network.state_dict())
    (batch,) = classifier.batches(sorted((shared / "data" / "imagenet_samples").iterdir())[::20])
    photos = classifier.normalised(batch)
    for layer in ("layer4", "layer3"):
        for method in BY_GRADIENT:
            maps = explain(classifier.engines.folded(), photos, METHODS[method], layer)
            targets = [ClassifierOutputTarget(int(index)) for index in maps.logits.argmax(dim=1)]
            assert_alike(maps.values[0], theirs_of(theirs.eval(), layer, method, photos, targets))
