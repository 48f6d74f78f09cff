"""Starts the page and keeps it until a signal ends it: `python app.py`, or `resnet-demo`."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading

from resnet_demo.settings import find_settings, prepare_home
from resnet_demo.terminal import log_visibly, print_line
from resnet_demo.texts import AppError, language_of, text, visible
from resnet_demo.ui.server.upload_folder import sweep, upload_folder

INTERRUPTED = 128 + signal.SIGINT


def main(program: str = "app.py") -> None:
    """Run until a signal ends it, quietly; `program` is how the person called it, for messages."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(program)
    except KeyboardInterrupt:  # while starting; later Gradio takes it
        sys.exit(INTERRUPTED)


def run(program: str) -> None:
    """Read the settings, show the page, and load torch behind it so that the first click is quick."""
    gc.disable()  # what is loaded until the page answers stays; to look through it takes a sixth of the time
    log_visibly()
    settings = find_settings(sys.argv[1:], program=program)
    language = language_of(os.environ)
    try:
        prepare_home(settings)
    except AppError as error:
        sys.exit(visible(error.say(language)))
    with upload_folder() as uploads:
        # Gradio reads these while it is imported: uploads go when the app ends, nothing is reported to anybody,
        # and its own look at the page it serves does not go through a proxy.
        os.environ.update(GRADIO_TEMP_DIR=str(uploads), GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1")
        for name in ("no_proxy", "NO_PROXY"):
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost,127.0.0.1,::1"]))
        page = importlib.import_module("resnet_demo.ui.page")
        demo = page.build(settings)
        try:
            print_line(text("app.ready", language, url=page.launch(demo, settings)), flush=True)
        except AppError as error:
            sys.exit(visible(error.say(language)))
        gc.freeze()
        gc.enable()
        threading.Thread(target=sweep, daemon=True).start()
        threading.Thread(target=importlib.import_module, args=("resnet_demo.inference",), daemon=True).start()
        demo.block_thread()
