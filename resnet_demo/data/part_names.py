"""Which part of a data set a folder's name stands for: training, validation or test photos, in many languages."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

SplitName = Literal["train", "val", "test"]
"""A split of a data set: training, validation or test photos."""

SPLIT_NAMES: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What programs call them."""

_WORDS: dict[SplitName, str] = {
    "train": "train training trained trn trainval 训练 訓練 entrenamiento entrenar apprentissage "
    "entrainement treino "
    "treinamento addestramento обучение обучающая обучающий тренировка тренировочная 学習 훈련 학습 trening "
    "opleiding "
    "egitim",
    "val": "val valid validation validate validating valids vali dev devel development eval evaluation 验证 "
    "驗證 校验 検証 "
    "검증 validacion validacao validierung validatie validazione convalida валидация валидационная проверка "
    "walidacja "
    "dogrulama",
    "test": "test testing tests tst holdout heldout 测试 測試 prueba pruebas teste testes prova pruefung "
    "prufung testen "
    "тест тестовая тестовый тестирование テスト 테스트 시험 essai",
}
_FILLERS = (
    "set sets data dataset datasets split splits image images img imgs photo photos picture pictures pic "
    "pics folder "
    "folders dir file files sample samples subset part raw new final full all clean cropped crop resized jpg "
    "jpeg png x "
    "px v version of the for de la le des d el den der the conjunto datos imagenes ensemble donnees jeu "
    "daten bilder "
    "fotos imagens dados набор выборка данные изображения 集 集合 组 数据 數據 数据集 图片 图像 影像 照片 "
    "样本 用 データ セット 画像 "
    "데이터 세트 집합 이미지"
)


def normalised(name: str) -> str:
    """A name without capitals, accents and blanks at its ends, for comparing."""
    plain = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(letter for letter in plain if unicodedata.category(letter) != "Mn")


PART_WORDS: dict[str, SplitName] = {normalised(word): part for part, words in _WORDS.items() for word in words.split()}
FILLERS = frozenset(normalised(word) for word in _FILLERS.split())
_TWO_WORDS = re.compile(r"\b(hold|held)[\s_.-]+out\b", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class PartName:
    """What a name says: the part, and the words in it that say something else (`seg` of `seg_train`)."""

    part: SplitName
    rest: str = ""


def part_name(name: str) -> PartName | None:
    """Which part a folder's name stands for; None if for none, or for more than one.

    Numbers, capitals, separators and words such as `set` or `images` do not matter: `training_set`, `Train-2017`,
    `testImages`, `训练集`.
    """
    words = unicodedata.normalize("NFKC", _TWO_WORDS.sub("holdout", name))
    whole = "".join(_LETTERS.findall(normalised(words)))
    if whole in PART_WORDS:
        return PartName(PART_WORDS[whole])
    found: set[SplitName] = set()
    rest: list[str] = []
    for word in _LETTERS.findall(_HUMP.sub(" ", words)):
        part, other = _read_word(normalised(word))
        if part:
            found.add(part)
        if other:
            rest.append(word)
    return PartName(found.pop(), " ".join(rest)) if len(found) == 1 else None


def _read_word(word: str) -> tuple[SplitName | None, bool]:
    """The part that a word stands for, and whether it says something else; `trainset` is two words in one."""
    if word in PART_WORDS:
        return PART_WORDS[word], False
    for size in range(len(word) - 1, 1, -1):
        for known, left in ((word[:size], word[size:]), (word[-size:], word[:-size])):
            if known in PART_WORDS and left in FILLERS and (len(left) > 2 or not left.isascii()):  # not "latest"
                return PART_WORDS[known], False
    return None, word not in FILLERS


def split_of(word: str) -> SplitName | None:
    """The part that a word in a table stands for."""
    found = part_name(word)
    return found.part if found and not found.rest else None
