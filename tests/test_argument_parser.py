"""Help and errors of every command in the reader's language: nothing of argparse's English is left in Chinese."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from resnet_demo.argument_parser import Parser
from resnet_demo.cli import build_parser
from resnet_demo.labs.experiments import EXPERIMENTS
from resnet_demo.settings import find_settings
from resnet_demo.terminal import columns

ENGLISH = re.compile(r"[A-Za-z]+(?: [A-Za-z]+){2,}")
"""Three words in a row: no name, flag or term of the field has as many."""
LINE = 80
CODE = re.compile(r"python -m resnet_demo[\w ]*|\[[^\]]*\]|\{[^}]*\}|--[\w-]+")


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of all its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command)


CHINESE = {parser.prog: parser for parser in parsers(build_parser("zh-CN"))}


def english_in(said: str) -> list[str]:
    return ENGLISH.findall(CODE.sub("", said))


@pytest.fixture(autouse=True)
def line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(LINE + 2))  # argparse leaves two of them free


def test_there_is_a_parser_for_each_command() -> None:
    assert len(CHINESE) == 1 + 10 + 7 + len(EXPERIMENTS)
    assert english_in("show this help message and exit")


@pytest.mark.parametrize("program", CHINESE)
def test_no_english_sentence_is_left_in_the_help(program: str) -> None:
    said = CHINESE[program].format_help()
    assert english_in(said) == []
    assert not re.search(r"usage|options|positional|\b(?:FILE|FOLDER|NAME|MODEL|DIR|COMMAND)\b", said)
    assert said.startswith(f"用法：{program}")
    assert not re.search(r" (?=\n)|\n{3}", said)


@pytest.mark.parametrize("program", CHINESE)
def test_help_stands_below_itself_and_fits_the_line(program: str) -> None:
    """Chinese letters take two columns of a terminal each."""
    _, _, options = CHINESE[program].format_help().partition("选项:\n")
    starts = {columns(found[0]) for found in re.finditer(r"^ {2}-.*? {2,}(?=\S)", options, re.MULTILINE)}
    starts |= {len(found[0]) for found in re.finditer(r"^ {10,}(?=\S)", options, re.MULTILINE)}
    assert len(starts) == 1, options
    assert max(columns(said) for said in options.splitlines()) <= LINE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "缺少必需的参数：命令"),
        ("classify", "缺少必需的参数：路径"),
        ("explain a.jpg", "缺少必需的参数：--out"),
        ("clasify", "参数 命令：无效的取值 'clasify'（可选："),
        ("classify a.jpg --view half", "参数 --view：无效的取值 'half'（可选："),
        ("classify a.jpg --top", "参数 --top：需要一个值"),
        ("classify a.jpg --json=yes", "参数 --json：不接受值，却给出了 'yes'"),
        ("classify a.jpg --json --csv a.csv", "参数 --csv：不能与 --json 同时使用"),
        ("classify a.jpg --unknown expected one argument", "无法识别的参数：--unknown"),
        ("train photos --see", "参数 --seed：需要一个值"),
        ("train photos --val-s 0.1 --s 3", "--s 有歧义，可能是 --s"),
        ("runs resume --more-epochs many name", "参数 --more-epochs：“many”不是 0 到 1000 之间的整数"),
    ],
)
def test_errors(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        CHINESE["python -m resnet_demo"].parse_args(arguments.split())
    usage, _, error = capsys.readouterr().err.rpartition("python -m resnet_demo")
    assert ended.value.code == 2
    assert usage.startswith("用法：")
    assert said in error
    assert "错误：" in error
    assert english_in(error) == [] or "--unknown" in arguments


def test_the_page_s_program_speaks_chinese_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"LANG": "zh_CN.UTF-8"}
    for arguments, said in ((["--help"], "监听地址"), (["--port", "http"], "参数 --port：无效的取值 'http'")):
        with pytest.raises(SystemExit):
            find_settings(arguments, environ)
        captured = capsys.readouterr()
        assert said in captured.out + captured.err
        assert english_in(captured.out + captured.err) == []


def test_english_is_as_argparse_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = Parser(prog="p", language="en"), argparse.ArgumentParser(prog="p")
    for parser in (ours, theirs):
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--view", choices=("crop", "whole"))
        parser.add_argument("--top", metavar="N", help="how many " * 30)
    assert ours.format_usage() == theirs.format_usage()
    assert ours.format_help().replace("this help and", "this help message and") == theirs.format_help()
    for arguments in ([], ["a", "--top"], ["a", "--view", "half"], ["a", "b"]):
        errors = []
        for parser in (ours, theirs):
            with pytest.raises(SystemExit):
                parser.parse_args(arguments)
            errors.append(capsys.readouterr().err)
        assert errors[0] == errors[1]


def test_what_a_terminal_obeys_is_spelt_out(capsys: pytest.CaptureFixture[str]) -> None:
    for language in ("en", "zh-CN"):
        with pytest.raises(SystemExit):
            Parser(prog="p", language=language).parse_args(["\x1b]0;own\x07\n"])
        assert r"\x1b]0;own\x07\n" in capsys.readouterr().err
