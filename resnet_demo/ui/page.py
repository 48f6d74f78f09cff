"""The page: header, tabs, language and theme; and the one way in which a page of ours is launched."""

from __future__ import annotations

import socket
from collections.abc import Callable
from html import escape
from importlib import import_module
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from resnet_demo.data import decoding_budget
from resnet_demo.settings import ASSETS, Settings
from resnet_demo.texts import AppError, text
from resnet_demo.ui.components.term import lay_out_explanations
from resnet_demo.ui.security import content_policy, file_access
from resnet_demo.ui.security.request_filter import RequestFilter
from resnet_demo.ui.security.retention import start_cleanup
from resnet_demo.ui.security.visitor_limits import VisitorLimits, believing
from resnet_demo.ui.server import disk_full, fair_queue, link_preview, memory_trim, session_store, skipped_outputs
from resnet_demo.ui.server.closed_streams import ClosedStreams
from resnet_demo.ui.server.compression import Compression
from resnet_demo.ui.server.fair_queue import FairQueue
from resnet_demo.ui.server.page_cache import PageCache
from resnet_demo.ui.server.session_store import Sessions
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.static_files import static
from resnet_demo.ui.tabs import TABS
from resnet_demo.ui.translations import Translations, translate_page
from resnet_demo.ui.visitor_context import say

SWEEP_SECONDS = 600

SANS = ("system-ui", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")
MONO = ("ui-monospace", "Cascadia Mono", "Menlo", "DejaVu Sans Mono", "monospace")


def build(settings: Settings) -> gr.Blocks:
    """The whole page; nothing is loaded or listened to yet."""
    with gr.Blocks(
        title=text("page.title"),
        analytics_enabled=False,
        delete_cache=(SWEEP_SECONDS, settings.keep_seconds),
    ) as demo:
        translations, services, session = Translations(), Services(settings), Session()
        with gr.Row(elem_id="header"):
            header: dict[str, Any] = {"js_on_load": static("header.js"), "elem_id": "brand"}
            translations.create(gr.HTML, {"value": lambda: _header(settings)}, **header)
            translations.create_selector()
            session.lay_out_header(translations)
        lay_out_explanations()
        gr.HTML(html_template="", js_on_load=static("mend.js"), apply_default_css=False, elem_id="mend")
        with gr.Tabs(elem_id="content", overflow_behavior="wrap") as tabs:
            for name, module in TABS.items():
                with translations.create(gr.Tab, {"label": f"page.tabs.{name}"}, id=name):
                    import_module(module).build(translations, services, session)
        for name, state in session.navigation.items():
            state.change(_opener(name), None, tabs, queue=False, show_progress="hidden", api_visibility="private")
        translations.connect(demo)
        session.connect(demo)

        def leave(request: gr.Request) -> None:
            for tell in services.when_session_ends:
                tell(str(request.session_hash))

        demo.unload(leave)
    return demo


def _opener(name: str) -> Callable[[], gr.Tabs]:
    return lambda: gr.Tabs(selected=name)


def launch(demo: gr.Blocks, settings: Settings) -> str:
    """Serve `demo` with all security measures, and return its address; the caller keeps the process alive.

    Raises:
        AppError: it cannot listen at the address that the settings name.
        RuntimeError: this Gradio cannot be secured.
    """
    file_access.restrict_file_access(demo)
    decoding_budget.set_limits(settings)
    disk_full.report_full_disk(demo)
    link_preview.write_previews()
    content_policy.mark_scripts()
    translate_page()
    sessions = _share_fairly(demo, settings)
    _check_address(settings)
    start_cleanup(settings, SWEEP_SECONDS)
    memory_trim.begin()
    with believing(settings):
        _serve(demo, settings, sessions)
    session_store.keep(demo, sessions)
    return str(demo.local_url)


def _share_fairly(demo: gr.Blocks, settings: Settings) -> Sessions:
    """Bound what each visitor may ask for and what is kept of all; returns what is to keep their sessions."""
    for part in (session_store, fair_queue, skipped_outputs):
        part.check_gradio()
    skipped_outputs.process_only_changed(demo)
    # Closed: a POST to /run would go past the queue, and past how many may be served together.
    demo.queue(api_open=False)
    demo._queue = queue = FairQueue(demo, settings)
    fair_queue.give_way_between_results(demo, queue)
    sessions = Sessions(settings)
    sessions.in_use = queue.is_in_use
    sessions.when_dropped.append(queue.forget)
    return sessions


def _serve(demo: gr.Blocks, settings: Settings, sessions: Sessions) -> None:
    demo.launch(
        server_name=f"[{settings.host}]" if ":" in settings.host else settings.host,
        server_port=settings.port,
        share=settings.share,
        inbrowser=settings.open_browser,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=True,
        run_history=False,
        footer_links=[],
        favicon_path=ASSETS / "icon.png",
        max_file_size=settings.max_upload_bytes,
        app_kwargs={
            "middleware": [
                Middleware(RequestFilter, settings=settings),
                Middleware(disk_full.FailedUploads),
                Middleware(VisitorLimits, settings=settings, connected=sessions.connected),
                Middleware(ClosedStreams),
                Middleware(Compression),
                Middleware(PageCache),
            ]
        },
        theme=_theme(),
        # Not `css=`: Gradio would rewrite its selectors, and keep rules for small screens from what lies outside.
        head=f"<style>{static('page.css', 'look_inside.css', 'learn.css', 'learn_architectures.css')}</style>",
    )


def _check_address(settings: Settings) -> None:
    """Gradio itself would try a wrong address for minutes."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port or 0), family=family).close()
    except OSError as error:
        address = f"{settings.host}:{settings.port}" if settings.port else settings.host
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise AppError("app.problem.address", address=address, reason=reason) from error


def _theme() -> gr.Theme:
    """Fonts of the visitor's own system, so that the page asks nothing of any other place."""
    colors = gr.themes.colors
    return gr.themes.Base(
        primary_hue=colors.teal,
        secondary_hue=colors.teal,
        neutral_hue=colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        background_fill_primary_dark="*neutral_900",
        block_background_fill_dark="*neutral_900",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_text_color="white",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        body_text_color_subdued="*neutral_600",
        color_accent_soft="*primary_100",
        color_accent_soft_dark="*primary_900",
    )


def _header(settings: Settings) -> str:
    icon = (ASSETS / "icon.svg").read_text(encoding="utf-8").replace("<svg ", '<svg aria-hidden="true" ', 1)
    skip, title = (escape(say(key)) for key in ("page.skip", "page.title"))
    privacy = say("page.privacy.local")
    if settings.public:
        privacy = say("page.privacy.public", hours=settings.keep_seconds // 3600)
    return (
        f'<a class="skip" href="#content">{skip}</a>'
        f'<div class="brand">{icon}<div><h1>{title}</h1><p>{escape(privacy)}</p></div></div>'
    )
