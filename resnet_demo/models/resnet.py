"""The residual network: a stem, stages of blocks, a head; and how the ImageNet networks are put together.

He et al. 2016, table 1, with torchvision's names: the paper's conv2_x to conv5_x are `layer1` to `layer4`,
which are also called `stage1` to `stage4`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
from torch import Tensor, nn

from resnet_demo.models.blocks import (
    BasicBlock,
    Bottleneck,
    HighwayBlock,
    PlainBlock,
    PreActivationBasic,
    PreActivationBlock,
    PreActivationBottleneck,
    Res2NetBlock,
    ResidualBlock,
    conv3x3,
)
from resnet_demo.texts import AppError

if TYPE_CHECKING:
    from resnet_demo.models.variants import Variant

Block = ResidualBlock | PlainBlock
MakeBlock = Callable[[int, int, int], Block]
"""(channels in, width, stride) -> a block."""

BLOCKS_PER_STAGE = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
WIDTHS = (64, 128, 256, 512)


def stage_name(name: str) -> str:
    """`layer3` -> `stage3`, `layer3.1` -> `stage3.1`; any other name as it is."""
    return re.sub(r"^layer(?=\d)", "stage", name)


class ResNet(nn.Module):
    """A stem, stages of blocks, a head.

    ```
    7x7 /2 ─ BN ─ ReLU ─ max pool /2 ─┬─ layer1 ─ layer2 /2 ─ layer3 /2 ─ layer4 /2 ─┬─ mean ─ fc
    └───────────── stem ─────────────┘   stage1    stage2      stage3      stage4       └─ head ─┘
    ```
    Images of 224 pixels a side are 56 after the stem and stage 1, then 28, 14 and 7.

    Args:
        make_block: makes every block.
        depths: blocks in each stage.
        widths: width of each stage.
        classes: how many logits.
        zero_init_residual: every block starts as its shortcut alone.
        small_images: the stem for images of some 32 pixels, a 3x3 without stride or pool (section 4.2).

    Raises:
        AppError: `zero_init_residual` with plain or Highway blocks.
    """

    head_is_linear: ClassVar[bool] = True
    """Whether the logits are linear in what leaves the last stage."""

    def __init__(
        self,
        make_block: MakeBlock,
        depths: Sequence[int],
        widths: Sequence[int],
        *,
        classes: int,
        zero_init_residual: bool = False,
        small_images: bool = False,
    ) -> None:
        super().__init__()
        channels = widths[0]
        self.conv1 = conv3x3(3, channels) if small_images else nn.Conv2d(3, channels, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.maxpool = nn.Identity() if small_images else nn.MaxPool2d(3, stride=2, padding=1)
        self.stage_names = tuple(f"stage{number}" for number in range(1, len(depths) + 1))
        for number, (depth, width) in enumerate(zip(depths, widths, strict=True), start=1):
            stage = nn.Sequential()
            for index in range(depth):
                block = make_block(channels, width, 2 if number > 1 and index == 0 else 1)
                channels = block.out_channels
                stage.append(block)
            self.add_module(f"layer{number}", stage)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)
        self._initialise(zero_init_residual)

    def _initialise(self, zero_init_residual: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if zero_init_residual:
            for block in self.blocks().values():
                # A Highway block's H(x) ends in a ReLU: from zero it could not learn.
                if isinstance(block, PlainBlock | HighwayBlock):
                    raise AppError("models.no_zero_init")
                block.zero_residual()

    def forward_stem(self, images: Tensor) -> Tensor:
        """Normalised (N, 3, H, W) -> (N, width, H / 4, W / 4); with `small_images` H and W stay."""
        features: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        return features

    def forward_head(self, features: Tensor) -> Tensor:
        """The last stage's (N, C, H, W) -> logits (N, classes)."""
        logits: Tensor = self.fc(torch.flatten(self.avgpool(features), start_dim=1))
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Normalised (N, 3, H, W) -> logits (N, classes)."""
        features = self.forward_stem(images)
        for stage in self.stages().values():
            features = stage(features)
        return self.forward_head(features)

    def forward_stages(self, images: Tensor) -> dict[str, Tensor]:
        """What leaves `stem`, `stage1`, ..., in order; `forward_head` turns the last into the logits."""
        features = self.forward_stem(images)
        outputs = {"stem": features}
        for name, stage in self.stages().items():
            features = stage(features)
            outputs[name] = features
        return outputs

    def forward_to(self, name: str, images: Tensor) -> Tensor:
        """What leaves the stem, a stage or a block: normalised (N, 3, H, W) -> (N, C, h, w).

        Raises:
            AppError: there is none of that name.
        """
        features = self.forward_stem(images)
        for block in list(self.blocks().values())[: self._blocks_up_to(name)]:
            features = block(features)
        return features

    def forward_from(self, name: str, features: Tensor) -> Tensor:
        """The logits (N, classes) for what left the stem, a stage or a block, (N, C, h, w).

        Raises:
            AppError: there is none of that name.
        """
        for block in list(self.blocks().values())[self._blocks_up_to(name) :]:
            features = block(features)
        return self.forward_head(features)

    def is_last(self, name: str) -> bool:
        """Whether nothing but the head follows a stage or a block.

        Raises:
            AppError: there is none of that name.
        """
        return self._blocks_up_to(name) == len(self.blocks())

    def _blocks_up_to(self, name: str) -> int:
        if name == "stem":
            return 0
        self.layer(name)  # or else it is refused here
        part = f"{stage_name(name)}."
        return max(number for number, block in enumerate(self.blocks(), start=1) if f"{block}.".startswith(part))

    def stages(self) -> dict[str, nn.Sequential]:
        """The stages by name, in order."""
        return {name: getattr(self, name.replace("stage", "layer")) for name in self.stage_names}

    def blocks(self) -> dict[str, Block]:
        """Every block by name, in order: `stage1.0`, `stage1.1`, ..."""
        blocks: dict[str, Any] = {}
        for name, stage in self.stages().items():
            blocks.update((f"{name}.{index}", block) for index, block in enumerate(stage))
        return blocks

    def layer(self, name: str) -> nn.Module:
        """A stage or a block: `stage4` or `stage3.1`, in torchvision's words `layer4` or `layer3.1`.

        Raises:
            AppError: there is none of that name; the message lists those that there are.
        """
        layers: Mapping[str, nn.Module] = {**self.stages(), **self.blocks()}
        if stage_name(name) in layers:
            return layers[stage_name(name)]
        choices = [f"{stage} ({stage}.0 … .{len(blocks) - 1})" for stage, blocks in self.stages().items()]
        raise AppError("models.unknown_layer", name=name, choices=", ".join(choices))


class PreActivationResNet(ResNet):
    """The same with pre-activation blocks, where the first and the last are special (2016b, appendix).

    ```
    7x7 /2 ─ max pool /2 ─┬─ layer1 ─ layer2 /2 ─ layer3 /2 ─ layer4 /2 ─┬─ BN ─ ReLU ─ mean ─ fc
    └─────── stem ───────┘                                                  └──────── head ────────┘
    ```
    The stem leaves norm and ReLU to the first block, which has them before its split. The last sum gets a
    norm and a ReLU of its own in the head (`norm`): every stage's output, the last too, is the bare sum.
    """

    head_is_linear = False

    def __init__(
        self,
        make_block: Callable[[int, int, int], PreActivationBlock],
        depths: Sequence[int],
        widths: Sequence[int],
        **options: Any,
    ) -> None:
        super().__init__(make_block, depths, widths, **options)
        del self.bn1
        self.norm = nn.BatchNorm2d(self.fc.in_features)
        first = cast(PreActivationBlock, self.layer("stage1.0"))
        first.activates_before_split = True

    def forward_stem(self, images: Tensor) -> Tensor:
        features: Tensor = self.maxpool(self.conv1(images))
        return features

    def forward_head(self, features: Tensor) -> Tensor:
        return super().forward_head(self.relu(self.norm(features)))


def imagenet_resnet(variant: Variant, classes: int, zero_init_residual: bool) -> ResNet:
    """Any variant for ImageNet, with fresh weights."""
    depths = BLOCKS_PER_STAGE[variant.depth]
    basic = variant.depth < 50
    if variant.family == "preact_resnet":
        preactivation = PreActivationBasic if basic else PreActivationBottleneck
        return PreActivationResNet(
            preactivation, depths, WIDTHS, classes=classes, zero_init_residual=zero_init_residual
        )
    grouped = partial(Bottleneck, groups=variant.groups, width_per_group=variant.width_per_group)
    blocks: dict[str, MakeBlock] = {
        "resnet": BasicBlock if basic else Bottleneck,
        "resnet_stride1x1": partial(Bottleneck, stride_on="1x1"),
        "resnext": grouped,
        "wide_resnet": grouped,
        "res2net": partial(Res2NetBlock, width_per_group=variant.width_per_group, scale=variant.scale),
        "highway": HighwayBlock,
        "plain": PlainBlock,
    }
    return ResNet(blocks[variant.family], depths, WIDTHS, classes=classes, zero_init_residual=zero_init_residual)
