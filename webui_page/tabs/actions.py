"""What the functions behind a tab's buttons need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from webui_page.parts import Parts
from webui_page.words import Words

Fields = TypeVar("Fields")


@dataclass(frozen=True)
class Actions(Generic[Fields]):
    """What a tab's buttons do is a subclass of this."""

    parts: Parts
    t: Words
    fields: Fields
    """The tab's components."""
