"""What the functions behind a tab's buttons need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import gradio as gr

from webui_page.parts import Parts
from webui_page.tabs.notices import PRIVATE
from webui_page.words import Words

Fields = TypeVar("Fields")


@dataclass(frozen=True)
class Actions(Generic[Fields]):
    """What a tab's buttons do is a subclass of this."""

    parts: Parts
    t: Words
    fields: Fields
    """The tab's components."""


def ended_by(button: gr.Button, working: Any, say: Callable[[], str], status: gr.HTML) -> None:
    """Let ``button`` end the event ``working`` and say so.

    One after the other: said at the same time, it would at times be written over by the last words of what it ends.
    """
    button.click(None, cancels=[working], **PRIVATE).then(say, None, [status], **PRIVATE)
