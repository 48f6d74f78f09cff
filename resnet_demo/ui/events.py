"""Events of the page: each handler gets the visitor and the language from here, and has its errors told here."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gradio.utils import get_type_hints

from resnet_demo.ui.errors import visitor_errors
from resnet_demo.ui.session import Session
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import Visitor, speaking, visited_by

Handler = Callable[..., Any]

# By default Gradio drops each event that comes while one of the same listener is under way.
LAST_CHOICE: dict[str, Any] = {"trigger_mode": "always_last"}
"""Options of a listener for a value that is chosen: the last of several quick choices counts."""
EACH_CLICK: dict[str, Any] = {"trigger_mode": "multiple"}
"""Options of a listener that is sent what was clicked: Gradio 6.31 would run the last one with the first one's data."""

_IN_FRONT = tuple(
    inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in ("event_language", "event_visitor")
)


class Events:
    """Makes the listeners of a page, whose visitor and language are in `session` and `translations`."""

    def __init__(self, translations: Translations, session: Session) -> None:
        self._translations, self._session = translations, session

    def handler(self, fn: Handler, inputs: Any = None, outputs: Any = None, **options: Any) -> dict[str, Any]:
        """Arguments of a Gradio listener: `button.click(**events.handler(fn, [box], [html], queue=False))`.

        Gradio sends the language and the visitor's token before `inputs`. While `fn` runs, a function or a generator,
        they are `visitor_context.current_language()` and `current_visitor()`, and what it raises is told to the
        visitor. Its other parameters are as Gradio has them: first `inputs`, then `gr.EventData`, `gr.Request` and
        `gr.Progress`. A script that is given as `js` gets those two values first, too, and has to return them.
        """
        context = [self._translations.selector, self._session.visitor]
        return {"fn": in_context(fn), "inputs": [*context, *_components(inputs)], "outputs": outputs, **options}


def in_context(fn: Handler) -> Handler:
    """`fn` with two parameters in front, the language and the visitor's token as a browser sends them."""
    wrapped = _generator(fn) if inspect.isgeneratorfunction(fn) else _function(fn)
    functools.update_wrapper(wrapped, fn)
    # What Gradio looks at; through `__wrapped__` it would find `fn` and miss the two parameters.
    del wrapped.__dict__["__wrapped__"]
    wrapped.__annotations__ = get_type_hints(fn)
    signature = inspect.signature(fn)
    wrapped.__dict__["__signature__"] = signature.replace(parameters=[*_IN_FRONT, *signature.parameters.values()])
    return wrapped


def _function(fn: Handler) -> Handler:
    def handle(language: object, visitor: object, /, *given: Any, **named: Any) -> Any:
        with _answering(language, visitor):
            return fn(*given, **named)

    return handle


def _generator(fn: Handler) -> Handler:
    def handle(language: object, visitor: object, /, *given: Any, **named: Any) -> Iterator[Any]:
        # Gradio asks for each result in another thread, with other context variables.
        results = fn(*given, **named)
        try:
            while True:
                with _answering(language, visitor):
                    try:
                        result = next(results)
                    except StopIteration:
                        return
                yield result
        finally:
            with _answering(language, visitor):
                results.close()

    return handle


@contextmanager
def _answering(language: object, visitor: object) -> Iterator[None]:
    with speaking(language), visited_by(Visitor.from_browser(visitor)), visitor_errors():
        yield


def _components(inputs: Any) -> Sequence[Any]:
    if inputs is None:
        return []
    return inputs if isinstance(inputs, list | tuple) else [inputs]
