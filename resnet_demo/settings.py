"""The settings of the app: where it runs and its limits, in one frozen record."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from resnet_demo.argument_parser import Parser
from resnet_demo.texts import AppError, language_of, text

PREFIX = "RESNET_DEMO_"
DEFAULT_PORT = 7860
MAX_PORT = 65_535
SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
USER_VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME")
"""Where Python's `getpass.getuser` looks before it asks for an account."""
MEGABYTE = 1_000_000
GIGABYTE = 1_000 * MEGABYTE
PUBLIC_PIXELS = 64_000_000
PUBLIC_DECODING_BYTES = 512 * MEGABYTE
"""Enough for 50 megapixels in every format of phones: HEIC takes up to 500 MB, JPEG far less."""
HAS_HOME_FOLDER = os.path.expanduser("~") != "~"  # noqa: PTH111  Path's own raises where there is none
"""Whether the user has a home folder: one without an account and without HOME, as in containers, has none."""
NOWHERE = Path(os.devnull, "resnet_demo")
"""The data home of a user who has no home folder and names no other: nothing can be written there."""
DEFAULT_HOME = Path(platformdirs.user_data_dir("resnet_demo")) if HAS_HOME_FOLDER else NOWHERE
ASSETS = next((one for place in Path(__file__).parents[:2] if (one := place / "assets").is_dir()), Path("assets"))
"""In the package if installed, else at the top of the checkout."""
BUILT_IN_MODELS = ASSETS / "models"


@dataclass(frozen=True)
class Settings:
    """Where the app runs, what it may do there, and its limits.

    `public` means that anybody may reach the page: then no widget and no endpoint takes a path of
    this machine. A share link and a Space always are; an address other than loopback is unless said otherwise.
    Uploads and, on a public page, ended runs are kept for `keep_seconds` and may fill `max_stored_bytes` in that time.
    A visitor of a public page may have `max_runs` that run or wait; each may take `max_training_seconds` at a time
    and `max_memory_share` of the machine's memory. An event of the page may take `max_event_seconds` while others wait.
    Pictures of more than `max_pixels` are refused. Those that are decoded at one time may take `max_decoding_bytes`
    together, and what would take more by itself is refused; None takes a share of the machine's memory instead, and a
    picture that would take more by itself is decoded alone.
    `built_in_models` is the folder of the built-in models, and `default_model` the default one.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    share: bool = False
    public: bool = False
    open_browser: bool = False
    home: Path = DEFAULT_HOME
    weights: Path | None = None
    built_in_models: Path = BUILT_IN_MODELS
    space_host: str | None = None
    names: tuple[str, ...] = ()
    max_pixels: int = 100_000_000
    max_decoding_bytes: int | None = None
    max_upload_bytes: int = 50 * MEGABYTE
    max_request_bytes: int = 200 * MEGABYTE
    max_photos: int = 2_000
    max_dataset_photos: int = 20_000
    keep_seconds: int = 86_400
    max_stored_bytes: int = 50 * GIGABYTE
    max_runs: int | None = None
    max_training_seconds: int | None = None
    max_memory_share: float | None = None
    max_event_seconds: int | None = None
    default_model: str = "flowers"

    @property
    def local_paths_allowed(self) -> bool:
        """Whether visitors may name files and folders of this machine."""
        return not self.public

    @property
    def home_flag(self) -> tuple[str, ...]:
        """The flags for this home on a command line; empty for the default one."""
        return () if self.home == DEFAULT_HOME else ("--home", str(self.home))


def prepare_home(settings: Settings) -> None:
    """Let libraries that look for a home folder find the data home, where the user has none.

    Raises:
        AppError: no data home was named either.
    """
    if HAS_HOME_FOLDER:
        return
    if settings.home == NOWHERE:
        raise AppError("app.problem.no_home")
    os.environ["HOME"] = str(settings.home)
    if not any(map(os.environ.get, USER_VARIABLES)):
        os.environ[USER_VARIABLES[0]] = PREFIX.lower().strip("_")


def is_loopback(host: str) -> bool:
    """Whether `host` can be reached only from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def find_settings(
    argv: Sequence[str] = (), environ: Mapping[str, str] | None = None, program: str = "app.py"
) -> Settings:
    """Find the settings from flags, environment variables and the platform; flags take precedence.

    Args:
        argv: `app.py`'s arguments, without the program's name.
        environ: the environment; this process's own if absent.
        program: the name of the program, for messages.

    Raises:
        SystemExit: an unknown flag or a value of the wrong kind, as argparse does it.
    """
    environ = os.environ if environ is None else environ
    language = language_of(environ)
    # Without arguments only a variable can be wrong, and the usage of flags would lead astray.
    parser = _parser(program, None if argv else argparse.SUPPRESS, language)
    given = parser.parse_args(argv)
    on_space = bool(environ.get("SPACE_ID"))
    usual_host = "0.0.0.0" if on_space else Settings.host  # noqa: S104  a Space is reached from outside
    host = given.host or _variable(environ, "HOST") or environ.get("GRADIO_SERVER_NAME") or usual_host
    host = host.strip("[]")
    port: int | None = given.port
    if port is None:
        port = _number(parser, environ, "PORT", language) or _gradio_port(environ)
    if port is not None and not 0 < port <= MAX_PORT:
        parser.error(text("app.problem.port_range", language, port=port, most=MAX_PORT))
    share = given.share or _switch(parser, environ, "SHARE", language) or False
    public = given.public if given.public is not None else _switch(parser, environ, "PUBLIC", language)
    home = given.home or _path(parser, environ, "HOME", language) or DEFAULT_HOME
    megapixels = _number(parser, environ, "MAX_MEGAPIXELS", language)
    # A share link and a Space are open to everybody: no flag makes them private.
    public = share or on_space or (not is_loopback(host) if public is None else public)
    no_browser = given.no_browser or _switch(parser, environ, "NO_BROWSER", language)
    return Settings(
        host=host,
        port=port,
        share=share,
        public=public,
        open_browser=not (on_space or no_browser) and is_loopback(host) and _has_screen(environ),
        home=home.absolute(),
        weights=_path(parser, environ, "WEIGHTS", language),
        space_host=environ.get("SPACE_HOST"),
        names=tuple((_variable(environ, "NAMES") or "").lower().replace(",", " ").split()),
        max_pixels=megapixels * 1_000_000 if megapixels else PUBLIC_PIXELS if public else Settings.max_pixels,
        max_decoding_bytes=PUBLIC_DECODING_BYTES if public and not megapixels else None,
        keep_seconds=3_600 if public else Settings.keep_seconds,
        max_stored_bytes=5 * GIGABYTE if public else Settings.max_stored_bytes,
        max_runs=3 if public else None,
        max_training_seconds=7_200 if public else None,
        max_memory_share=0.5 if public else None,
        max_event_seconds=20 if public else None,
    )


def _parser(program: str, usage: str | None, language: str) -> Parser:
    description = text("app.help.description", language)
    parser = Parser(prog=program, usage=usage, description=description, language=language)
    parser.add_argument("--host", help=text("app.help.host", language))
    parser.add_argument("--port", type=int, help=text("app.help.port", language, port=DEFAULT_PORT))
    parser.add_argument("--share", action="store_true", help=text("app.help.share", language))
    parser.add_argument(
        "--public",
        action=argparse.BooleanOptionalAction,
        default=None,
        help=text("app.help.public", language),
    )
    parser.add_argument("--home", type=folder_flag(language), help=text("app.help.home", language))
    parser.add_argument("--no-browser", action="store_true", help=text("app.help.no_browser", language))
    return parser


def _variable(environ: Mapping[str, str], name: str) -> str | None:
    return environ.get(PREFIX + name) or None


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path with `~` expanded; one with an unknown user stays unchanged."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  Path's own raises where there is no such user


def folder_flag(language: str) -> Callable[[str], Path]:
    """A converter for argparse from a flag's value to an absolute folder; an unknown user is an error."""

    def read(value: str) -> Path:
        path = expanded(value)
        if str(path).startswith("~"):
            raise argparse.ArgumentTypeError(text("app.problem.no_user", language, path=value))
        return path.absolute()

    return read


def _path(parser: argparse.ArgumentParser, environ: Mapping[str, str], name: str, language: str) -> Path | None:
    value = _variable(environ, name)
    try:
        return folder_flag(language)(value) if value else None
    except argparse.ArgumentTypeError as error:
        parser.error(f"{PREFIX + name}: {error}")


def _number(parser: argparse.ArgumentParser, environ: Mapping[str, str], name: str, language: str) -> int | None:
    value = _variable(environ, name)
    if value is None:
        return None
    if not value.isdecimal() or int(value) == 0:
        parser.error(text("app.problem.number", language, name=PREFIX + name, value=value))
    return int(value)


def _switch(parser: argparse.ArgumentParser, environ: Mapping[str, str], name: str, language: str) -> bool | None:
    value = _variable(environ, name)
    if value is None:
        return None
    if value.lower() not in SWITCH:
        parser.error(text("app.problem.switch", language, name=PREFIX + name, value=value))
    return SWITCH[value.lower()]


def _gradio_port(environ: Mapping[str, str]) -> int | None:
    value = environ.get("GRADIO_SERVER_PORT", "")
    return int(value) if value.isdecimal() else None


def _has_screen(environ: Mapping[str, str]) -> bool:
    if environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in {"win32", "darwin"} or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
