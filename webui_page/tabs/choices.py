"""Voices, feelings and formats, as every tab offers them. What the engine cannot do is not offered."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

from tts_engine.checkpoint import NEUTRAL
from webui_page.body import FORMATS
from webui_page.files import PREFIX
from webui_page.parts import Parts
from webui_page.words import Words

FILES = tuple(name for name in FORMATS if name != "pcm")
"""Formats that a player opens; PCM has no header to say what it is."""

_FEELINGS = {
    NEUTRAL: "平静",
    "happy": "开心",
    "angry": "生气",
    "sad": "难过",
    "afraid": "害怕",
    "surprised": "惊讶",
    "gentle": "温柔",
}
_GENDERS = {"female": "女", "male": "男", "neutral": "中性", "child": "童"}


def voices(parts: Parts, t: Words) -> list[tuple[str, str]]:
    """Title and name of every voice that everybody may use."""
    known = [(t.name(v.title), v.name) for v in parts.desk.engine.voices]
    return known + [(v.title, v.name) for v in parts.library.public()]


def feelings(parts: Parts, t: Words) -> list[tuple[str, str]]:
    """Title and name of every feeling, neutral first."""
    return [(feeling_title(name, t), name) for name in (NEUTRAL, *parts.desk.engine.emotions) if name]


def feeling_title(name: str, t: Words) -> str:
    """What people call a feeling."""
    return t.name(_FEELINGS.get(name, name))


def cards(parts: Parts, t: Words, chosen: str = "") -> dict[str, Any]:
    """What ``CARDS`` draws; texts are escaped here, for the template puts them in as they are.

    The page's own copy of this travels back with each request: only ``chosen`` is read from it, and checked.
    """
    rows = [(v.name, t.name(v.title), t.name(_GENDERS.get(v.gender, v.gender))) for v in parts.desk.engine.voices]
    rows += [(v.name, v.title, t("自己的")) for v in parts.library.public()]
    names = [name for name, _, _ in rows]
    return {
        "chosen": chosen if chosen in names else names[0],
        "legend": t("音色"),
        "sample": t("试听"),
        "voices": [
            {
                "name": escape(name),
                "title": escape(title),
                "kind": kind,
                "source": f"{PREFIX}/samples/{quote(name, safe='')}",
            }
            for name, title, kind in rows
        ],
    }


CARDS = """<fieldset class="cards"><legend>${value.legend}</legend>${value.voices.map((v) => `
<div class="card"><label><input type="radio" name="voice" value="${v.name}"
 ${v.name === value.chosen ? 'checked' : ''}><span><b>${v.title}</b><small>${v.kind}</small></span></label>
<button type="button" data-source="${v.source}" aria-label="${value.sample} ${v.title}">▶</button></div>`).join('')}
</fieldset>"""

CARDS_SCRIPT = """
const sound = new Audio();
const buttons = () => element.querySelectorAll('button[data-source]');
const show = () => buttons().forEach((b) => {
  const playing = !sound.paused && sound.getAttribute('src') === b.dataset.source;
  b.textContent = playing ? '■' : '▶';
  b.classList.toggle('playing', playing);
});
for (const kind of ['play', 'pause', 'ended', 'error']) sound.addEventListener(kind, show);
element.addEventListener('change', (event) => {
  if (event.target.name === 'voice') props.value = { ...props.value, chosen: event.target.value };
});
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-source]');
  if (!button) return;
  const same = !sound.paused && sound.getAttribute('src') === button.dataset.source;
  if (same) return sound.pause();
  sound.src = button.dataset.source;
  sound.play().catch(() => { button.textContent = '✕'; });
});
"""


def chosen_voice(value: object) -> str:
    """The name that the cards' copy says; empty where it says nothing."""
    name = value.get("chosen") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""
