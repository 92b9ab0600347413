"""What a tab says about its work, as HTML: one sentence, how far it is, what stayed silent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from tts_engine.errors import TTSError
from webui_page.problems import RefusalError
from webui_page.words import Words

Update = dict[Any, Any]
"""New values by component, as Gradio takes and gives them."""

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Of every event: it is the page's own."""


def status(said: str, part: float | None = None, is_error: bool = False, notices: Sequence[str] = ()) -> str:
    """A sentence that screen readers announce.

    Args:
        said: plain text.
        part: 0 to 1 of the work; None shows no bar.
        is_error: the sentence is urgent.
        notices: a list below it.
    """
    bar = "" if part is None else f'<progress value="{part:.4f}" max="1" aria-label="{escape(said)}"></progress>'
    rows = "".join(f"<li>{escape(notice)}</li>" for notice in notices)
    below = f'<ul class="notices">{rows}</ul>' if rows else ""
    role = "alert" if is_error else "status"
    return f'<div role="{role}" class="{role}"><p>{escape(said)}</p>{bar}{below}</div>'


@contextlib.contextmanager
def refusing(t: Words, title: str) -> Iterator[None]:
    """Show what is wrong as a sentence in a corner of the page."""
    try:
        yield
    except (TTSError, RefusalError) as error:
        raise toast(t.sentence(error), title) from error


def toast(sentence: str, title: str) -> gr.Error:
    """To be raised: ends the event and shows both; Gradio drops titles and takes what it shows for HTML."""
    return gr.Error(escape(f"{title} · {sentence}", quote=False), print_exception=False)
