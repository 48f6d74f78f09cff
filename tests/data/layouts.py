"""Folders as people have them, each with the classes, parts and problems that a person would expect.

A layout is written as `folder: photos`; `files` are what lies beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.data.drawn import jpeg, write

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class LayoutCase:
    """Folders with so many photos each, single photos by path, other files, and what is expected of them.

    `refused` is the key of the sentence where the folder cannot be used.
    """

    folders: Mapping[str, int]
    classes: Counts = field(default_factory=dict)
    parts: Mapping[str, str | list[str]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    other: Mapping[str, int] | None = None
    refused: str = ""

    def lay(self, root: Path) -> Path:
        """Make the folder; no two photos are alike."""
        names = [f"{folder}/{number}.jpg" for folder, count in self.folders.items() for number in range(count)]
        names += self.photos
        write(root, {name.lstrip("/"): jpeg(number) for number, name in enumerate(names)})
        return write(root, dict(self.files))


def whole(*names: str, each: int = 3) -> Counts:
    return {name: {"all": each} for name in names}


def learnt(*names: str, train: int = 3, **others: int) -> Counts:
    return {name: {"train": train, **others} for name in names}


def in_each(parts: str, classes: str = "cat dog", each: int = 3) -> dict[str, int]:
    return {f"{part}/{name}": each for part in parts.split() for name in classes.split()}


def two(train: str, test: str) -> LayoutCase:
    """Two folders of the same two classes: the one to learn from, the other to test with."""
    return LayoutCase(in_each(f"{train} {test}"), learnt("cat", "dog", test=3), {"train": train, "test": test})


def table(rows: str, encoding: str = "utf-8") -> bytes:
    return rows.replace(" ", "\n").encode(encoding)


def numbered(*patterns: str) -> tuple[str, ...]:
    return tuple(pattern.format(number) for pattern in patterns for number in range(3))


IDS = "x1 x2 x3 x4 x5 x6"
NAMED = tuple(f"images/{name}.jpg" for name in IDS.split())
BREEDS = "id,breed x1,pug x2,pug x3,pug x4,lab x5,lab x6,lab"

LAYOUTS: dict[str, LayoutCase] = {
    "class folders": LayoutCase(in_each("."), whole("cat", "dog")),
    "train and test": two("train", "test"),
    "train, val and test": LayoutCase(
        in_each("train val test"),
        learnt("cat", "dog", val=3, test=3),
        {"train": "train", "val": "val", "test": "test"},
    ),
    "capitals": two("TRAIN", "Test"),
    "sets": two("training_set", "test_set"),
    "sets with hyphens": two("training-set", "testing-set"),
    "humps": two("TrainImages", "TestImages"),
    "one word": two("trainset", "testset"),
    "images": two("train_images", "test_images"),
    "data": two("train_data", "test_data"),
    "years": two("train2017", "test2017"),
    "numbered": two("01_train", "02_test"),
    "an affix": two("flowers-train", "flowers-test"),
    "Chinese": LayoutCase(
        in_each("训练集 验证集 测试集", "猫 狗"),
        learnt("猫", "狗", val=3, test=3),
        {"train": "训练集", "val": "验证集", "test": "测试集"},
    ),
    "Chinese, short": two("训练", "测试"),
    "Spanish": two("entrenamiento", "prueba"),
    "French": LayoutCase(
        in_each("entraînement validation"),
        learnt("cat", "dog", val=3),
        {"train": "entraînement", "val": "validation"},
    ),
    "German": two("Training", "Prüfung"),
    "Russian": two("обучение", "тест"),
    "Japanese": LayoutCase(
        in_each("学習 検証 テスト"),
        learnt("cat", "dog", val=3, test=3),
        {"train": "学習", "val": "検証", "test": "テスト"},
    ),
    "Korean": LayoutCase(
        in_each("훈련 검증 테스트"),
        learnt("cat", "dog", val=3, test=3),
        {"train": "훈련", "val": "검증", "test": "테스트"},
    ),
    "dev and eval": LayoutCase(
        in_each("train dev eval"),
        learnt("cat", "dog", val=3, test=3),
        {"train": "train", "val": "dev", "test": "eval"},
    ),
    "holdout": two("train", "hold-out"),
    "abbreviated": LayoutCase(
        in_each("tr va te"), learnt("cat", "dog", val=3, test=3), {"train": "tr", "val": "va", "test": "te"}
    ),
    "in a word": two("xtrain", "xtest"),
    "learn and check": LayoutCase(
        in_each("learn check"), learnt("cat", "dog", val=3), {"train": "learn", "val": "check"}
    ),
    "one folder like train": two("train", "unseen"),
    "hints with other classes": LayoutCase(
        {"new/cat": 3, "new/dog": 3, "learn/rose": 3, "learn/tulip": 3},
        {"learn": {"all": 6}, "new": {"all": 6}},
        other={"cat": 3, "dog": 3, "rose": 3, "tulip": 3},
    ),
    "two of a part": LayoutCase(
        in_each("train val val2"),
        learnt("cat", "dog", val=6),
        {"train": "train", "val": ["val", "val2"]},
    ),
    "scenes": LayoutCase(
        {**in_each("seg_train/seg_train seg_test/seg_test"), "seg_pred/seg_pred": 4},
        learnt("cat", "dog", test=3),
        {"train": "seg_train", "test": "seg_test"},
        ignored=("seg_pred",),
    ),
    "train alone": LayoutCase(in_each("train"), learnt("cat", "dog"), {"train": "train"}),
    "test alone": LayoutCase(in_each("test"), whole("cat", "dog")),
    "an archive called train": LayoutCase(
        in_each("train/train train/test"),
        learnt("cat", "dog", test=3),
        {"train": "train/train", "test": "train/test"},
    ),
    "wrapped": LayoutCase(
        {**in_each("data/train data/test"), "notes": 2},
        learnt("cat", "dog", test=3),
        {"train": "data/train", "test": "data/test"},
        ignored=("notes",),
    ),
    "classes beside their test": LayoutCase(
        {**in_each(".", each=5), **in_each("test")},
        learnt("cat", "dog", train=5, test=3),
        {"train": ".", "test": "test"},
    ),
    "split within the classes": LayoutCase(
        {"cat/train": 4, "cat/test": 2, "dog/train": 4, "dog/test": 2},
        learnt("cat", "dog", train=4, test=2),
        {"train": "*/train", "test": "*/test"},
    ),
    "part and class in one name": LayoutCase(
        {"train_cat": 4, "train_dog": 4, "test_cat": 2, "test_dog": 2},
        learnt("cat", "dog", train=4, test=2),
        {"train": ["train_cat", "train_dog"], "test": ["test_cat", "test_dog"]},
    ),
    "beside the parts": LayoutCase(
        {**in_each("train val"), "results": 2, "runs/exp1": 2, "test1": 4, "extra/cat": 2},
        learnt("cat", "dog", val=3),
        {"train": "train", "val": "val", "test": "test1"},
        ignored=("results", "runs", "test1", "extra"),
    ),
    "a train among vehicles": LayoutCase({"train": 4, "bus": 4, "car": 4}, whole("bus", "car", "train", each=4)),
    "trains of kinds among vehicles": LayoutCase(
        {"train/steam": 4, "train/diesel": 4, "bus": 6, "car": 6},
        {"bus": {"all": 6}, "car": {"all": 6}, "train": {"all": 8}},
        other={"bus": 6, "car": 6, "diesel": 4, "steam": 4},
    ),
    "a test among tubes": LayoutCase({"test": 4, "blank": 4}, whole("blank", "test", each=4)),
    "trains in parts": LayoutCase(
        in_each("train test", "train bus"), learnt("bus", "train", test=3), {"train": "train", "test": "test"}
    ),
    "words that hold words": LayoutCase(
        {"interval": 3, "restraint": 3, "contest": 3}, whole("contest", "interval", "restraint")
    ),
    "pieces of a class": LayoutCase(
        {"daisy/batch1": 3, "daisy/batch2": 3, "daisy/augmented": 3, "rose/batch1": 3, "rose/a": 1},
        {"daisy": {"all": 9}, "rose": {"all": 4}},
    ),
    "pieces in parts": LayoutCase(
        {"train/daisy/a": 3, "train/daisy/b": 3, "train/rose": 4, "val/daisy": 2},
        {"daisy": {"train": 6, "val": 2}, "rose": {"train": 4}},
        {"train": "train", "val": "val"},
        problems=(),
    ),
    "Tiny ImageNet": LayoutCase(
        {"train/n01443537/images": 3, "train/n01629819/images": 3, "val/images": 4, "test/images": 4},
        learnt("n01443537", "n01629819"),
        {"train": "train", "val": "val", "test": "test"},
        ignored=("val", "test"),
    ),
    "images in each class": LayoutCase({"cat/images": 3, "dog/images": 3}, whole("cat", "dog")),
    "kinds under one root": LayoutCase(in_each("animals"), whole("cat", "dog"), other={"animals": 6}),
    "kinds under two roots": LayoutCase(
        {**in_each("animals"), "plants/rose": 3},
        {"animals": {"all": 6}, "plants": {"all": 3}},
        other={"cat": 3, "dog": 3, "rose": 3},
    ),
    "days": LayoutCase(
        {"monday/cat": 2, "monday/dog": 2, "tuesday/cat": 2, "tuesday/dog": 1},
        {"cat": {"all": 4}, "dog": {"all": 3}},
        other={"monday": 4, "tuesday": 3},
    ),
    "digits": LayoutCase(in_each("train test", "0 1"), learnt("0", "1", test=3), {"train": "train", "test": "test"}),
    "junk": LayoutCase(
        {**in_each("."), "@eaDir": 2, "cat/@eaDir": 2, "lost+found": 1, "$RECYCLE.BIN": 2, "_cache": 1, "Thumbs": 2}
        | {"System Volume Information": 1, ".thumbnails": 2, "__pycache__": 1},
        whole("cat", "dog"),
        ignored=(
            *("@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"),
            *(".thumbnails", "Thumbs", "_cache", "__pycache__"),
        ),
    ),
    "spellings": LayoutCase(
        {"Daisy": 2, "daisy": 3, "roses ": 2, "roses": 3}, {"daisy": {"all": 5}, "roses": {"all": 5}}
    ),
    "letters": LayoutCase({"A": 3, "a": 3, "b": 3}, whole("A", "a", "b")),
    "a file that is none": LayoutCase(
        in_each("."), whole("cat", "dog"), files={"cat/9.jpg": b"<html>"}, problems=("not_an_image",)
    ),
    "near-empty": LayoutCase({"cat": 3, "dog": 1}, {"cat": {"all": 3}, "dog": {"all": 1}}, problems=("too_few",)),
    "loose photos": LayoutCase({**in_each("."), "": 2}, whole("cat", "dog"), problems=("unlabelled",)),
    "a set and its test": LayoutCase(
        in_each("rps/rps rps-test-set/rps-test-set"),
        learnt("cat", "dog", test=3),
        {"train": "rps", "test": "rps-test-set"},
    ),
    "a set and its validation": LayoutCase(
        in_each("cat-or-dog validation-cat-or-dog"),
        learnt("cat", "dog", val=3),
        {"train": "cat-or-dog", "val": "validation-cat-or-dog"},
    ),
    "a nested copy": LayoutCase(in_each(". pets"), whole("cat", "dog", each=6), other={"cat": 3, "dog": 3, "pets": 6}),
    "masks beside the images": LayoutCase(
        {"sick/images": 3, "sick/masks": 3, "well/images": 3, "well/masks": 3},
        whole("sick", "well"),
        ignored=("sick/masks", "well/masks"),
    ),
    "images of each camera": LayoutCase(
        {"amazon/images/bike": 3, "amazon/images/mug": 3, "dslr/images/bike": 3, "dslr/images/mug": 3},
        whole("bike", "mug", each=6),
        other={"amazon": 6, "dslr": 6},
    ),
    "a test without classes in a folder of its name": LayoutCase(
        {**in_each("asl_train/asl_train", "A B"), "asl_test/asl_test": 2},
        learnt("A", "B"),
        {"train": "asl_train", "test": "asl_test"},
        ignored=("asl_test",),
    ),
    "persons who wrote digits": LayoutCase(
        in_each("alice bob", "0 1 2 3 4 5", each=2),
        whole(*"012345", each=4),
        other={"alice": 12, "bob": 12},
    ),
    "a table": LayoutCase({}, whole("lab", "pug"), photos=NAMED, files={"labels.csv": table(BREEDS)}),
    "a table of an old Windows": LayoutCase(
        {},
        whole("猫", "狗"),
        photos=NAMED,
        files={"标签.csv": table("文件;类别 x1.jpg;猫 x2.jpg;猫 x3.jpg;猫 x4.jpg;狗 x5.jpg;狗 x6.jpg;狗", "gbk")},
    ),
    "a table without head": LayoutCase(
        {},
        whole("lab", "pug"),
        photos=NAMED,
        files={"list.tsv": table(BREEDS.removeprefix("id,breed ").replace(",", "\t"), "utf-16")},
    ),
    "a table with parts": LayoutCase(
        {},
        learnt("lab", "pug", train=2, test=1),
        {"train": "all.csv", "test": "all.csv"},
        problems=("too_few",),
        photos=NAMED,
        files={
            "all.csv": table(
                "path,kind,set images/x1.jpg,pug,train images/x2.jpg,pug,train images/x3.jpg,pug,test "
                "images/x4.jpg,lab,train images/x5.jpg,lab,train images/x6.jpg,lab,test"
            )
        },
    ),
    "tables of parts": LayoutCase(
        {},
        learnt("lab", "pug", train=2, test=1),
        {"train": "train.csv", "test": "test.csv"},
        problems=("too_few",),
        photos=NAMED,
        files={
            "train.csv": table("id,breed x1,pug x2,pug x4,lab x5,lab"),
            "test.csv": table("id,breed x3,pug x6,lab"),
        },
    ),
    "a Kaggle contest": LayoutCase(
        {"test": 6},
        learnt("lab", "pug"),
        {"train": "train"},
        ignored=("test",),
        photos=tuple(f"train/{number}.jpg" for number in range(6)),
        files={
            "labels.csv": table("id,breed 0,pug 1,pug 2,pug 3,lab 4,lab 5,lab"),
            "sample_submission.csv": table("id,lab,pug 0,0.5,0.5 1,0.5,0.5"),
        },
    ),
    "tables of numbered parts": LayoutCase(
        {"train": 6, "test": 6},
        learnt("lab", "pug", test=3),
        {"train": "train.csv", "test": "test.csv"},
        files={
            "train.csv": table("id,breed 0,pug 1,pug 2,pug 3,lab 4,lab 5,lab"),
            "test.csv": table("id,breed 0,lab 1,lab 2,lab 3,pug 4,pug 5,pug"),
        },
    ),
    "photos in two chunks and a table": LayoutCase(
        {},
        whole("lab", "pug"),
        photos=("skin_1/x1.jpg", "skin_1/x2.jpg", "skin_1/x3.jpg", "skin_2/x4.jpg", "skin_2/x5.jpg", "skin_2/x6.jpg"),
        files={"metadata.csv": table("age;image;dx 50;x1;pug 50;x2;pug 60;x3;pug 50;x4;lab 60;x5;lab 60;x6;lab")},
    ),
    "one folder and a table": LayoutCase(
        {},
        whole("lab", "pug"),
        photos=tuple(f"my dogs/{name}.jpg" for name in IDS.split()),
        files={"labels.csv": table(BREEDS)},
    ),
    "one folder, classes in names": LayoutCase(
        {}, whole("rose", "tulip"), photos=numbered("flowers/rose_{}.jpg", "flowers/tulip_{}.jpg")
    ),
    "names and a list of numbers": LayoutCase(
        {},
        whole("Abyssinian", "great_pyrenees"),
        photos=numbered("images/Abyssinian_{}.jpg", "images/great_pyrenees_{}.jpg"),
        files={
            "annotations/list.txt": b"".join(
                f"{name}_{number} {kind} {kind}\n".encode()
                for kind, name in enumerate(("Abyssinian", "great_pyrenees"), 1)
                for number in range(3)
            )
        },
    ),
    "class folders and a table": LayoutCase(
        {},
        whole("a", "b"),
        photos=numbered("a/{}.jpg", "b/1{}.jpg"),
        files={"colours.csv": table("file,colour 0,red 1,blue 2,red 10,red 11,blue 12,blue")},
    ),
    "boxes in a table": LayoutCase(
        {},
        refused="photo_labels.problem.unread_table",
        photos=NAMED,
        files={
            "boxes.csv": table(
                "file,class,xmin x1,pug,1 x1,lab,2 x2,pug,1 x2,lab,2 x3,pug,1 x3,lab,2 x4,pug,3 x4,lab,3"
            )
        },
    ),
    "names": LayoutCase({}, whole("cat", "dog"), photos=numbered("cat.{}.jpg", "dog.{}.jpg")),
    "names in a folder": LayoutCase(
        {},
        whole("oxeye_daisy", "rose"),
        photos=numbered("all/oxeye_daisy_{}.png", "all/rose ({}).jpg"),
    ),
    "names in train": LayoutCase(
        {"test1": 4},
        learnt("cat", "dog"),
        {"train": "train"},
        ignored=("test1",),
        photos=numbered("train/cat.{}.jpg", "train/dog.{}.jpg"),
    ),
    "numbers first": LayoutCase({}, whole("cat", "dog"), photos=numbered("{}-cat.jpg", "{}1-dog.jpg")),
    "photos of a camera": LayoutCase(
        {}, refused="image_folder.problem.no_classes", photos=tuple(f"IMG_{n}.jpg" for n in range(4))
    ),
    "two cameras": LayoutCase(
        {}, refused="image_folder.problem.no_classes", photos=("IMG_1.jpg", "IMG_2.jpg", "DSC_1.jpg", "DSC_2.jpg")
    ),
    "parts without classes": LayoutCase({"train": 3, "test": 3}, refused="image_folder.problem.no_classes"),
    "YOLO": LayoutCase(
        {"images/train": 3, "images/val": 3},
        refused="image_folder.problem.no_classes",
        files={"labels/train/0.txt": b"0 0.5 0.5 0.1 0.1\n"},
    ),
    "COCO": LayoutCase(
        {"images": 3}, refused="photo_labels.problem.json", files={"annotations/instances.json": b'{"images": []}'}
    ),
    "VOC": LayoutCase(
        {"JPEGImages": 3}, refused="photo_labels.problem.boxes", files={"Annotations/0.xml": b"<annotation/>"}
    ),
    "images and masks": LayoutCase({"images": 3, "masks": 3}, refused="image_folder.problem.no_classes"),
    "a list of synsets": LayoutCase(
        {"val": 3}, refused="photo_labels.problem.synsets", files={"LOC_synset_mapping.txt": b"n01440764 tench\n"}
    ),
    "one column a class": LayoutCase(
        {},
        refused="photo_labels.problem.unread_table",
        photos=NAMED,
        files={"onehot.csv": table("a,b,c 1,0,0 0,1,0")},
    ),
}
