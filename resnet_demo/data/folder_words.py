"""Folders that do not name a class: containers such as `images`, and pieces of a class such as `batch1`."""

from __future__ import annotations

import re

from resnet_demo.data.part_names import normalised

_CONTAINERS = (
    "images image imgs img photos photo pictures picture pics pic data dataset datasets jpg jpeg jpegs "
    "jpegimages png files raw input inputs archive all samples classes labels labelled labeled annotated "
    "sorted 图片 图像 照片 影像 数据 数据集 画像 写真 이미지 사진 bilder fotos imagenes imagens фото "
    "изображения"
)
CONTAINERS = frozenset(map(normalised, _CONTAINERS.split()))
"""Names of folders that only hold something."""

_PIECES = (
    "batch aug augs augment augmented augmentation augmentations original originals orig part chunk shard "
    "piece old new "
    "extra more misc set group folder subfolder sub dir copy backup resized cropped crop crops flipped "
    "rotated mirrored "
    "noisy blurred indoor indoors outdoor outdoors close closeup closeups far near front back side top "
    "bottom left right "
    "day night sunny cloudy good bad clean edited unedited selected web google bing flickr camera cam phone "
    "scan scans "
    "video videos frame frames clip seq sequence view views small large big medium "
    "增强 原图 批次"
)
_SESSIONS = (
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december session day week month fold batch user subject person camera cam "
    "site device "
    "folder set group part chunk shard run take trip visit location plot "
    "第一天 第二天 星期一 星期二"
)
_PIECE_WORDS = frozenset(map(normalised, _PIECES.split()))
_SESSION_WORDS = frozenset(map(normalised, _SESSIONS.split()))
_LETTERS = re.compile(r"[^\W\d_]+")


def is_container(name: str) -> bool:
    """Whether a folder's name says only that something is in it."""
    return "".join(_LETTERS.findall(normalised(name))) in CONTAINERS


def is_piece(name: str) -> bool:
    """Whether a folder's name says nothing of what its photos show: `images`, `batch1`, `augmented`."""
    words = _LETTERS.findall(normalised(name))
    return is_container(name) or (
        bool(words) and all(word in _PIECE_WORDS or len(word) == 1 for word in words[1:]) and words[0] in _PIECE_WORDS
    )


def is_number_or_letter(name: str) -> bool:
    """Whether a folder is only counted: `1`, `02`, `a`; a class may be called so, and a piece of one too."""
    return not _LETTERS.findall(normalised(name)) or len(normalised(name)) == 1


def is_session(name: str) -> bool:
    """Whether a folder's name says when, where or by whom photos were taken: `monday`, `session 2`, `2024-05-01`."""
    words = _LETTERS.findall(normalised(name))
    return all(word in _SESSION_WORDS for word in words)


_OUTPUTS = (
    "result results run runs log logs output outputs out prediction predictions pred preds figure figures "
    "fig plot plots "
    "checkpoint checkpoints ckpt weights model models doc docs screenshot screenshots example examples unlabeled "
    "unlabelled unsup unsorted unknown trash tmp temp cache demo exp experiment experiments notebook "
    "notebooks assets web "
    "static thumbnails annotations annotation labels masks mask submission submissions vis visualization "
    "visualizations "
    "wandb tensorboard heatmaps gradcam"
)
_OUTPUT_WORDS = frozenset(map(normalised, _OUTPUTS.split()))
_BESIDE = "mask masks label labels annotation annotations segmentation segmentations seg bbox bboxes depth xml"
_BESIDE_IMAGES = frozenset(_BESIDE.split())


def is_output(name: str) -> bool:
    """Whether a folder seems to hold what a program made: `results`, `runs`, `seg_pred`."""
    return any(word in _OUTPUT_WORDS for word in _LETTERS.findall(normalised(name)))


def is_no_class(name: str) -> bool:
    """Whether a folder of photos names no class where all others are so too: `images`, `masks`."""
    return is_container(name) or normalised(name) in _BESIDE_IMAGES
