"""The encoding of an archive's names, found from the names alone: short class names in each language's code page."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from resnet_demo.data.name_encoding import ArchiveNames, find_encoding
from resnet_demo.models import class_names

CLASSES = [
    *(("gbk", name) for name in ("玫瑰 向日葵", "左 右", "正常 缺陷", "可回收物 有害垃圾 厨余垃圾", "裂纹 划痕 凹坑")),
    *(("big5", name) for name in ("繁體 玫瑰", "貓 狗", "正常 瑕疵", "可回收 一般垃圾", "蘋果 香蕉")),
    *(("cp932", name) for name in ("ひまわり バラ", "猫 犬", "桜 梅", "正常 異常", "良品 不良品", "りんご みかん")),
    *(("cp949", name) for name in ("장미 해바라기", "고양이 강아지", "정상 불량", "사과 바나나", "한국어")),
    *(("cp866", name) for name in ("роза подсолнух", "Кошки Собаки", "да нет", "НОРМА БРАК", "Ёлка Дуб")),
    *(("cp1251", name) for name in ("роза подсолнух", "Кошки Собаки")),
    *(("cp437", name) for name in ("café naïve", "Blüten Märchen", "Größe Straße", "Äpfel Übung")),
    *(("cp850", name) for name in ("maçã limão", "São João")),
    *(("cp1252", name) for name in ("café naïve", "pâté crème", "Größe Straße", "maçã limão")),
    *(("utf-8", name) for name in ("玫瑰", "café", "роза", "장미", "ひ")),
]


@pytest.mark.parametrize(("encoding", "classes"), CLASSES)
def test_class_names_of_each_language(encoding: str, classes: str) -> None:
    names = [f"{name}/IMG_{number}.jpg" for name in classes.split(" ") for number in range(3)]
    raw = [name.encode(encoding) for name in names]
    found = ArchiveNames(list)
    found.found(raw)
    assert [found.decoded(name) for name in raw] == names


@pytest.mark.parametrize(("count", "most_wrong"), [(1, 0.06), (3, 0.02), (8, 0.0)])
def test_chinese_names_of_all_kinds(count: int, most_wrong: float) -> None:
    """ImageNet's classes in Chinese, drawn at random: one name alone may be too little, eight are not."""
    path = Path(class_names.__file__).with_name("class_names.zh-CN.json")
    known = sorted(json.loads(path.read_text(encoding="utf-8"))["imagenet"].values())
    known = [name for name in known if name.encode("gbk", "ignore").decode("gbk") == name]
    draw = random.Random(0)
    wrong = 0
    for _ in range(100):
        names = draw.sample(known, count)
        decoder = ArchiveNames(list)
        decoder.found([name.encode("gbk") for name in names])
        wrong += [decoder.decoded(name.encode("gbk")) for name in names] != names
    assert wrong <= 100 * most_wrong


@pytest.mark.parametrize(
    "raw", [[], [b"a/b.jpg"], [b"\x81"], [b"\x00\x81", b"\xff\xfe\x00"], [bytes([byte]) for byte in range(256)]]
)
def test_any_bytes_have_a_name(raw: list[bytes]) -> None:
    find_encoding(raw)
    decoder = ArchiveNames(lambda: raw)
    assert all(isinstance(decoder.decoded(name), str) for name in raw)
