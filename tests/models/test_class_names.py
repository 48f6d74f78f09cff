"""Every class of the known label sets has a Chinese name of its own, and the right one where English is ambiguous."""

from __future__ import annotations

import doctest
import re
import unicodedata
from collections import Counter

import pytest

from resnet_demo.models import class_names as module
from resnet_demo.models import saved
from resnet_demo.models.class_names import class_names, label_sets
from resnet_demo.models.pretrained import imagenet_ids, imagenet_labels
from resnet_demo.settings import BUILT_IN_MODELS

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SETS = dict(label_sets("zh-CN"))

LATIN = {"CD播放机", "iPod播放器", "T恤衫", "福特T型车"}
"""The names that a Chinese reader writes with Latin letters."""

SIMPLIFIED = "gb2312"
"""What this character set holds is written so in the mainland; it has no traditional characters."""
BEYOND_GB2312 = set("䴕狆獴羱鲉鸮鹀鹟")
"""Of animals' names, not in that set; all of them are simplified, or never had another form."""

TRICKY = {
    "n01514668": "公鸡",  # cock
    "n01558993": "旅鸫",  # robin: the American one
    "n01580077": "松鸦",  # jay
    "n01601694": "河乌",  # water ouzel
    "n01608432": "鸢",  # kite: the bird
    "n01664065": "红海龟",  # loggerhead: the turtle
    "n01756291": "角响尾蛇",  # sidewinder
    "n01770393": "蝎子",
    "n01776313": "蜱虫",  # tick
    "n01817953": "非洲灰鹦鹉",  # African grey
    "n01847000": "公鸭",  # drake
    "n01871265": "长牙象",  # tusker
    "n01943899": "海螺",  # conch
    "n02012849": "鹤",  # crane: the bird
    "n02074367": "儒艮",
    "n02086910": "蝴蝶犬",  # papillon
    "n02088364": "比格犬",
    "n02091032": "意大利灵缇犬",
    "n02096051": "万能梗",  # Airedale
    "n02096177": "凯恩梗",  # cairn: the terrier
    "n02101556": "克伦伯猎犬",  # clumber
    "n02106030": "苏格兰牧羊犬",  # collie
    "n02108089": "拳师犬",  # boxer
    "n02110958": "巴哥犬",  # pug
    "n02111277": "纽芬兰犬",  # Newfoundland
    "n02112137": "松狮犬",  # chow
    "n02113186": "卡迪根威尔士柯基犬",  # Cardigan: the dog
    "n02963159": "开襟毛衣",  # cardigan
    "n02119022": "赤狐",
    "n02123159": "虎纹猫",  # tiger cat
    "n02226429": "蚱蜢",
    "n02229544": "蟋蟀",  # cricket
    "n02231487": "竹节虫",  # walking stick
    "n02276258": "红蛱蝶",  # admiral
    "n02277742": "眼蝶",  # ringlet
    "n02279972": "帝王蝶",  # monarch
    "n02328150": "安哥拉兔",  # Angora
    "n02389026": "栗色马",  # sorrel
    "n02412080": "公绵羊",  # ram
    "n02497673": "环尾狐猴",  # Madagascar cat
    "n02509815": "小熊猫",  # lesser panda
    "n02606052": "三色刺蝶鱼",  # rock beauty
    "n02704792": "水陆两用车",  # amphibian: the vehicle
    "n02747177": "垃圾桶",  # ashcan
    "n02814860": "灯塔",  # beacon
    "n02817516": "熊皮帽",  # bearskin
    "n02869837": "系带女帽",  # bonnet
    "n02879718": "弓",  # bow
    "n02892201": "纪念铜牌",  # brass
    "n02930766": "出租车",  # cab
    "n03126707": "起重机",  # crane: the machine
    "n03250847": "鼓槌",  # drumstick
    "n03325584": "羽毛围巾",  # feather boa
    "n03337140": "文件柜",  # file
    "n03590841": "南瓜灯",
    "n03595614": "T恤衫",  # jersey
    "n03642806": "膝上型电脑",  # laptop
    "n03832673": "笔记本电脑",  # notebook
    "n03710637": "紧身连衣裤",  # maillot
    "n03710721": "连体泳衣",  # maillot tank suit
    "n03786901": "研钵",  # mortar
    "n03793489": "鼠标",  # mouse
    "n03803284": "动物口套",  # muzzle
    "n03825788": "奶嘴",  # nipple
    "n03854065": "管风琴",  # organ
    "n03929660": "拨片",  # pick
    "n03947888": "海盗船",  # pirate
    "n03954731": "刨子",  # plane
    "n04037443": "赛车",  # racer
    "n04118776": "直尺",  # rule
    "n04243546": "老虎机",  # slot
    "n04367480": "拖把",  # swab
    "n04456115": "火炬",  # torch
    "n04515003": "立式钢琴",  # upright
    "n04523525": "拱顶",  # vault
    "n04554684": "洗衣机",  # washer
    "n04592741": "机翼",  # wing
    "n09193705": "高山",  # alp
    "n12620546": "蔷薇果",  # hip
    "n12768682": "七叶树果实",  # buckeye
    "n13133613": "玉米穗",  # ear
}


def test_the_known_label_sets() -> None:
    assert set(SETS) == {imagenet_labels(), CIFAR10, saved.description.read_folder(BUILT_IN_MODELS / "flowers").labels}
    assert SETS[CIFAR10] == ("飞机", "汽车", "鸟", "猫", "鹿", "狗", "青蛙", "马", "船", "卡车")


def test_all_thousand_have_a_name_of_their_own() -> None:
    assert set(module._translations("zh-CN")["imagenet"]) == set(imagenet_ids())
    names = Counter(SETS[imagenet_labels()])
    assert len(names) == 1000, [name for name, count in names.items() if count > 1]


@pytest.mark.parametrize("labels", SETS, ids=len)
def test_names_are_simplified_chinese(labels: tuple[str, ...]) -> None:
    for label, name in zip(labels, SETS[labels], strict=True):
        assert name == unicodedata.normalize("NFC", name).strip() != "", label
        letters = name if name not in LATIN else re.sub("[A-Za-z]", "", name)
        unlike = [letter for letter in letters if not re.fullmatch("[\u3400-\u4dbf\u4e00-\u9fff]", letter)]
        assert not unlike, (label, name)
        traditional = [letter for letter in letters if letter not in BEYOND_GB2312 and not _in_gb2312(letter)]
        assert not traditional, (label, name, traditional)


def _in_gb2312(letter: str) -> bool:
    return letter.encode(SIMPLIFIED, "ignore") != b""


def test_homonyms_and_names_that_mislead() -> None:
    names = dict(zip(imagenet_ids(), SETS[imagenet_labels()], strict=True))
    assert {wordnet_id: names[wordnet_id] for wordnet_id in TRICKY} == TRICKY


def test_names_are_those_of_a_whole_label_set() -> None:
    """A crane of one's own may be the bird or the machine, so it stays a crane."""
    assert class_names(imagenet_labels(), "zh-CN").full("crane") == "起重机（crane）"
    assert class_names(list(imagenet_labels()), "zh-CN").short("crane bird") == "鹤"
    for own in (("crane", "daisy"), imagenet_labels()[:-1], tuple(reversed(CIFAR10)), (*CIFAR10, "boat"), ()):
        names = class_names(own, "zh-CN")
        assert [names.full(label) for label in own] == [names.short(label) for label in own] == list(own)


def test_english_and_languages_without_names_show_labels() -> None:
    for language in ("en", "fr", "../zh-CN"):
        names = class_names(CIFAR10, language)
        assert [names.full(label) for label in CIFAR10] == list(CIFAR10)


def test_the_docstring() -> None:
    assert doctest.testmod(module).failed == 0
