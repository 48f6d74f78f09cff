"""The residual network: stem, stages of blocks and head; and the ImageNet variants.

He et al. 2016, table 1, with torchvision's names: the paper's conv2_x to conv5_x are `layer1` to `layer4`,
which are also called `stage1` to `stage4`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from resnet_demo.models.blocks import PlainBlock, PreActivationBlock, ResidualBlock, conv3x3
from resnet_demo.texts import AppError

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
        small_images: the stem for images of some 32 pixels, a 3x3 without stride or pool (section 4.2).
    """

    head_is_linear: ClassVar[bool] = True
    """Whether the logits are linear in the output of the last stage."""

    def __init__(
        self,
        make_block: MakeBlock,
        depths: Sequence[int],
        widths: Sequence[int],
        *,
        classes: int,
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
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @property
    def can_zero_init(self) -> bool:
        """Whether every block can start as its shortcut alone, and still learn."""
        return all(block.can_zero_init for block in self.blocks().values())

    def zero_init_residual(self) -> None:
        """Let every block start as its shortcut alone.

        Raises:
            AppError: one could not learn from there, as plain and Highway blocks.
        """
        for block in self.blocks().values():
            if not block.has_shortcut or not block.can_zero_init:
                raise AppError("models.no_zero_init")
            block.zero_residual()

    def forward_stem(self, images: Tensor) -> Tensor:
        """Normalised (N, 3, H, W) -> (N, width, H / 4, W / 4); with `small_images` H and W stay."""
        features: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        return features

    def forward_head(self, features: Tensor) -> Tensor:
        """The output of the last stage (N, C, H, W) -> logits (N, classes)."""
        logits: Tensor = self.fc(torch.flatten(self.avgpool(features), start_dim=1))
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Normalised (N, 3, H, W) -> logits (N, classes)."""
        features = self.forward_stem(images)
        for stage in self.stages().values():
            features = stage(features)
        return self.forward_head(features)

    def forward_to(self, name: str, images: Tensor) -> Tensor:
        """The output of the stem, a stage or a block: normalised (N, 3, H, W) -> (N, C, h, w).

        Raises:
            AppError: there is no such layer.
        """
        features = self.forward_stem(images)
        for block in list(self.blocks().values())[: self._blocks_up_to(name)]:
            features = block(features)
        return features

    def forward_from(self, name: str, features: Tensor) -> Tensor:
        """The logits (N, classes) for the output (N, C, h, w) of the stem, a stage or a block.

        Raises:
            AppError: there is no such layer.
        """
        for block in list(self.blocks().values())[self._blocks_up_to(name) :]:
            features = block(features)
        return self.forward_head(features)

    def is_last(self, name: str) -> bool:
        """Whether only the head follows a stage or a block.

        Raises:
            AppError: there is no such layer.
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
            AppError: there is no such layer; the message lists all.
        """
        layers: Mapping[str, nn.Module] = {**self.stages(), **self.blocks()}
        if stage_name(name) in layers:
            return layers[stage_name(name)]
        choices = [f"{stage} ({stage}.0 … .{len(blocks) - 1})" for stage, blocks in self.stages().items()]
        raise AppError("models.unknown_layer", name=name, choices=", ".join(choices))


class PreActivationResNet(ResNet):
    """A ResNet with pre-activation blocks; the first and the last are special (2016b, appendix).

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
        make_block: MakeBlock,
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


def imagenet_resnet(depth: int, make_block: MakeBlock, classes: int, *, preactivation: bool) -> ResNet:
    """A network of `depth` layers for ImageNet (table 1), with fresh weights."""
    kind = PreActivationResNet if preactivation else ResNet
    return kind(make_block, BLOCKS_PER_STAGE[depth], WIDTHS, classes=classes)
