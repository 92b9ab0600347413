"""A sound with its text, in which ``player.js`` marks the character that is heard. Knows HTML, knows no Gradio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from tts_engine.synthesizer import Timing

SCRIPT = Path(__file__).with_name("player.js").read_text(encoding="utf-8")


def player(source: str, label: str, karaoke: str) -> str:
    """The browser's own player over the text.

    Args:
        source: address of the sound.
        label: what the player is called, for who cannot see it.
        karaoke: of ``marked_text``.
    """
    return (
        f'<div class="player"><audio controls preload="auto" src="{escape(source)}" aria-label="{escape(label)}">'
        "</audio>"
        f'<p class="karaoke" lang="zh-CN" tabindex="0">{karaoke}</p></div>'
    )


def marked_text(text: str, timings: Sequence[Timing], lead_s: float, is_marked_up: bool = False) -> str:
    """The text, each stretch that is heard with its time.

    Args:
        text: of the caller.
        timings: in the order in which they are heard.
        lead_s: seconds that the file plays before the speech.
        is_marked_up: the text is SSML: only what is heard is shown.
    """
    return "".join(_stretches(text, timings, lead_s, is_marked_up))


def _stretches(text: str, timings: Sequence[Timing], lead_s: float, is_marked_up: bool) -> Iterator[str]:
    position = 0
    for timing in timings:
        if not is_marked_up:
            yield _plain(text[position : timing.begin])
        at, end = lead_s + timing.begin_ms / 1000, lead_s + timing.end_ms / 1000
        said = text[max(position, timing.begin) : timing.end]
        yield f'<span data-at="{at:.3f}" data-end="{end:.3f}">{_plain(said)}</span>'
        position = max(position, timing.end)
    if not is_marked_up:
        yield _plain(text[position:])


def _plain(text: str) -> str:
    return escape(text).replace("\n", "<br>")
