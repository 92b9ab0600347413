"""When what is heard, in the form that a caller asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sound.subtitles import Line, Word, captions, lrc_line, sentences, srt_cue

Kind = Literal["characters", "sentences", "srt", "lrc"]


def kind_of(asked: bool | str) -> Kind | None:
    """What a request's ``timestamps`` means; ``true`` is characters."""
    if asked is True:
        return "characters"
    return None if asked is False else asked  # type: ignore[return-value]  # the schema allows nothing else


@dataclass
class Captions:
    """Timings of one text, given all at once or a sentence at a time, in their order. Belongs to one request."""

    text: str
    kind: Kind | None
    _count: int = field(default=0)
    """Cues written so far."""

    @property
    def are_by_sentence(self) -> bool:
        """Whether a part of a sentence is too little to say anything of."""
        return self.kind in ("sentences", "srt", "lrc")

    def of(self, timings: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """``sentences`` or ``subtitles`` for these timings; nothing where they say it themselves."""
        if not self.are_by_sentence:
            return {}
        words = [Word(spot["begin_ms"], spot["end_ms"], spot["begin"], spot["end"]) for spot in timings]
        if self.kind == "sentences":
            return {"sentences": [asdict(line) for line in sentences(self.text, words)]}
        return {"subtitles": "".join(self._cue(line) for line in captions(self.text, words))}

    def _cue(self, line: Line) -> str:
        self._count += 1
        return srt_cue(self._count, line) if self.kind == "srt" else lrc_line(line)
