"""Settings: flags, variables and surroundings, and which of them wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_demo.settings import Settings, find_settings, is_loopback

SCREEN = {"DISPLAY": ":0"}


@pytest.mark.parametrize(
    ("argv", "environ", "field", "value"),
    [
        ([], {}, "host", "127.0.0.1"),
        ([], {}, "port", None),
        ([], {}, "public", False),
        (["--host", "0.0.0.0"], {}, "host", "0.0.0.0"),
        (["--host", "[::1]"], {}, "host", "::1"),
        ([], {"RESNET_DEMO_HOST": "::1"}, "host", "::1"),
        (["--host", "localhost"], {"RESNET_DEMO_HOST": "0.0.0.0"}, "host", "localhost"),
        ([], {"GRADIO_SERVER_NAME": "0.0.0.0"}, "host", "0.0.0.0"),
        (["--port", "8000"], {"RESNET_DEMO_PORT": "9000"}, "port", 8000),
        ([], {"RESNET_DEMO_PORT": "9000", "GRADIO_SERVER_PORT": "7000"}, "port", 9000),
        ([], {"GRADIO_SERVER_PORT": "7000"}, "port", 7000),
        ([], {"GRADIO_SERVER_PORT": "²"}, "port", None),
        (["--share"], {}, "share", True),
        ([], {"RESNET_DEMO_SHARE": "yes"}, "share", True),
        (["--home", "/a/b"], {"RESNET_DEMO_HOME": "/c"}, "home", Path("/a/b")),
        ([], {"RESNET_DEMO_HOME": "/c"}, "home", Path("/c")),
        ([], {"RESNET_DEMO_WEIGHTS": "/w"}, "weights", Path("/w")),
        ([], {"RESNET_DEMO_MAX_MEGAPIXELS": "12"}, "max_pixels", 12_000_000),
        ([], {"RESNET_DEMO_NAMES": "Demo.example.org, other.example"}, "names", ("demo.example.org", "other.example")),
        ([], {"SPACE_ID": "a/b", "SPACE_HOST": "a-b.hf.space"}, "space_host", "a-b.hf.space"),
        ([], {"SPACE_ID": "a/b"}, "host", "0.0.0.0"),
    ],
)
def test_found(argv: list[str], environ: dict[str, str], field: str, value: object) -> None:
    assert getattr(find_settings(argv, environ), field) == value


@pytest.mark.parametrize(
    ("argv", "environ", "public"),
    [
        ([], {}, False),
        (["--host", "127.0.0.2"], {}, False),
        (["--host", "0.0.0.0"], {}, True),
        (["--host", "192.168.1.5"], {}, True),
        (["--host", "a.example"], {}, True),
        (["--host", "0.0.0.0", "--no-public"], {}, False),
        (["--host", "0.0.0.0"], {"RESNET_DEMO_PUBLIC": "0"}, False),
        (["--public"], {}, True),
        ([], {"RESNET_DEMO_PUBLIC": "1"}, True),
        (["--no-public"], {"RESNET_DEMO_PUBLIC": "1"}, False),
        (["--share", "--no-public"], {}, True),
        (["--no-public"], {"SPACE_ID": "a/b"}, True),
    ],
)
def test_public(argv: list[str], environ: dict[str, str], public: bool) -> None:
    settings = find_settings(argv, environ)
    assert settings.public is public
    assert settings.local_paths_allowed is not public


def test_public_keeps_less_and_for_less_time() -> None:
    private, public = find_settings([], {}), find_settings(["--public"], {})
    assert public.keep_seconds < private.keep_seconds == Settings().keep_seconds
    assert public.max_stored_bytes < private.max_stored_bytes
    assert public.max_runs
    assert public.max_training_seconds
    assert private.max_runs is private.max_training_seconds is None
    assert public.max_memory_share == 0.5
    assert private.max_memory_share is None


def test_strangers_pictures_may_be_less_large_unless_it_is_said_otherwise() -> None:
    private, public = find_settings([], {}), find_settings(["--public"], {})
    assert public.max_pixels < private.max_pixels == Settings().max_pixels
    assert public.max_decoding_bytes
    assert private.max_decoding_bytes is None
    said = find_settings(["--public"], {"RESNET_DEMO_MAX_MEGAPIXELS": "200"})
    assert (said.max_pixels, said.max_decoding_bytes) == (200_000_000, None)


@pytest.mark.parametrize(
    ("argv", "environ", "opens"),
    [
        ([], SCREEN, True),
        ([], {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ([], {}, False),
        (["--no-browser"], SCREEN, False),
        ([], {**SCREEN, "RESNET_DEMO_NO_BROWSER": "1"}, False),
        ([], {**SCREEN, "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, False),
        (["--host", "0.0.0.0"], SCREEN, False),
        ([], {**SCREEN, "SPACE_ID": "a/b"}, False),
    ],
)
def test_browser_on_linux(
    argv: list[str], environ: dict[str, str], opens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert find_settings(argv, environ).open_browser is opens


@pytest.mark.parametrize(
    ("argv", "environ", "said"),
    [
        (["--port", "70000"], {}, "70000"),
        (["--port", "-1"], {}, "-1"),
        (["--port", "0"], {}, "1 to 65535"),
        (["--port", "0"], {"RESNET_DEMO_PORT": "9000"}, "1 to 65535"),
        ([], {"RESNET_DEMO_PORT": "http"}, "RESNET_DEMO_PORT"),
        ([], {"RESNET_DEMO_PORT": "0"}, "RESNET_DEMO_PORT"),
        ([], {"RESNET_DEMO_MAX_MEGAPIXELS": "-5"}, "RESNET_DEMO_MAX_MEGAPIXELS"),
        ([], {"RESNET_DEMO_SHARE": "perhaps"}, "perhaps"),
        ([], {"RESNET_DEMO_SHARE": "perhaps", "LANG": "zh_CN.UTF-8"}, "应为"),
        (["--nonsense"], {}, "--nonsense"),
        (["--home", "~nosuchuser/x"], {}, "~nosuchuser/x names a user"),
        ([], {"RESNET_DEMO_HOME": "~nosuchuser/x"}, "RESNET_DEMO_HOME: ~nosuchuser/x names a user"),
        ([], {"RESNET_DEMO_WEIGHTS": "~nosuchuser/x"}, "RESNET_DEMO_WEIGHTS: ~nosuchuser/x names a user"),
    ],
)
def test_mistakes_are_named(
    argv: list[str], environ: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        find_settings(argv, environ)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_program_that_was_called_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        find_settings(["--nonsense"], {})
    assert capsys.readouterr().err.startswith("usage: app.py ")
    with pytest.raises(SystemExit):
        find_settings([], {"RESNET_DEMO_PORT": "http"}, program="python -m resnet_demo")
    assert capsys.readouterr().err.startswith("python -m resnet_demo: error: RESNET_DEMO_PORT")


def test_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.1", "localhost.evil.example", "")))
