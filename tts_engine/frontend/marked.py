"""A script through the stages: what the author fixed is put among the pieces, and places come back into the source."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from tts_engine.frontend.characters import Folded, fold, silence
from tts_engine.frontend.conventions import Conventions
from tts_engine.frontend.normalization import Normalized, normalize
from tts_engine.frontend.pieces import Kind, Piece
from tts_engine.frontend.reading import Notice, Phoneme, Sentence
from tts_engine.frontend.readings import Syllable
from tts_engine.frontend.sandhi import HIDDEN, Spoken
from tts_engine.frontend.script import Fixed, Script

_STAND_IN = "字"
"""Stands for one that is not Chinese and has a Chinese reading."""


def normalized(script: Script, conventions: Conventions) -> Normalized:
    """Pieces and notices, placed in ``script.text``.

    Raises:
        UnreadableTextError: a script that nobody here reads.
    """
    folded, silent = fold(script.text, conventions)
    if not script.fixed:
        found = normalize(folded, script.text, conventions)
        return Normalized(_overridden(script, found.pieces), (*silent, *found.notices))
    pieces: list[Piece] = []
    notices = [notice for one in silent for notice in _without_holds(script, one)]
    begin = 0
    for position in [*sorted(script.fixed), len(script.text)]:
        stretch = _stretch(folded, begin, position)
        found = normalize(stretch, script.text, conventions)
        pieces += found.pieces
        notices += found.notices
        if position in script.fixed:
            pieces += _fixed(script.fixed[position], position, script, conventions)
        begin = position + 1
    return Normalized(_overridden(script, pieces), tuple(notices))


def marked(pieces: Sequence[Piece], syllables: Sequence[Syllable]) -> list[Syllable]:
    """Syllables with the readings that the pieces were given; before tone sandhi."""
    return [
        replace(
            syllable,
            text=HIDDEN if piece.is_final else syllable.text,
            pinyin=piece.pinyin or syllable.pinyin,
            rule=piece.rule if piece.pinyin else syllable.rule,
        )
        for piece, syllable in zip(pieces, syllables, strict=True)
    ]


def restored(pieces: Sequence[Piece], phrase: Sequence[Spoken]) -> list[Spoken]:
    """After tone sandhi: final readings as they were given, hidden characters as they were written."""
    return [_restored(pieces[spoken.first : spoken.last], spoken) for spoken in phrase]


def _restored(pieces: Sequence[Piece], spoken: Spoken) -> Spoken:
    if not any(piece.is_final or piece.shown for piece in pieces):
        return spoken
    text = "".join(piece.shown or piece.text for piece in pieces)
    first = pieces[0]
    if len(pieces) > 1 or not first.is_final:
        return replace(spoken, text=text)
    return replace(spoken, text=text, pinyin=first.pinyin, citation=first.pinyin, rule=first.rule)


def placed(sentence: Sentence, script: Script, begin: int, end: int) -> Sentence:
    """A sentence of ``script.text`` as one of the source, with its prosody.

    Args:
        sentence: placed in ``script.text``.
        script: knows the places.
        begin: of the sentence in the source.
        end: of the sentence in the source.
    """
    tokens = tuple(
        replace(token, begin=b, end=e) for token in sentence.tokens for b, e in [script.place(token.begin, token.end)]
    )
    phonemes = tuple(_placed(phoneme, script) for phoneme in sentence.phonemes)
    return replace(sentence, begin=begin, end=end, tokens=tokens, phonemes=phonemes, style=script.style(sentence.begin))


def _placed(phoneme: Phoneme, script: Script) -> Phoneme:
    begin, end = script.place(phoneme.begin, phoneme.end)
    return replace(phoneme, begin=begin, end=end, prosody=script.prosody(phoneme.begin))


def _stretch(folded: Folded, begin: int, end: int) -> Folded:
    """The part of ``folded`` that stands for ``[begin, end)``."""
    first, last = bisect_left(folded.begins, begin), bisect_left(folded.begins, end)
    return Folded(folded.text[first:last], folded.begins[first:last], folded.ends[first:last])


def _without_holds(script: Script, notice: Notice) -> list[Notice]:
    """The notice less what stands for something fixed."""
    found = []
    begin = notice.begin
    for position in [p for p in range(notice.begin, notice.end) if p in script.fixed] + [notice.end]:
        if position > begin:
            found.append(silence(script.text, begin, position))
        begin = position + 1
    return found


def _fixed(fixed: Fixed, position: int, script: Script, conventions: Conventions) -> list[Piece]:
    """What is read at ``position``."""
    place = (position, position + 1)
    if fixed.pause_ms is not None:
        return [Piece("", *place, Kind.MARK, "，", fixed.rule, pause_ms=fixed.pause_ms)]
    begin, end = script.place(*place)
    written = script.source[begin:end]
    if fixed.sounds:
        return [Piece(written, *place, Kind.ENGLISH, "", fixed.rule, sounds=fixed.sounds)]
    if fixed.pinyin:
        given = {"is_final": True, "shown": written, "rule": fixed.rule}
        return [Piece(_STAND_IN, *place, Kind.HAN, pinyin=pinyin, **given) for pinyin in fixed.pinyin]  # type: ignore[arg-type]  # of three types
    folded, _ = fold(fixed.text, conventions)
    found = normalize(folded, fixed.text, conventions)
    rules = [f"{fixed.rule}+{piece.rule}" if piece.rule else fixed.rule for piece in found.pieces]
    return [
        replace(piece, begin=position, end=position + 1, rule=rule)
        for piece, rule in zip(found.pieces, rules, strict=True)
    ]


def _overridden(script: Script, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    if not script.overrides:
        return tuple(pieces)
    out: list[Piece] = []
    passed = 0
    for piece in pieces:
        override = script.overrides.get(piece.begin) if piece.kind is Kind.HAN else None
        if override and piece.begin not in script.fixed:
            passed = override.end
            shown = script.text[piece.begin : override.end]
            given = replace(piece, end=override.end, pinyin=override.pinyin, is_final=override.is_final)
            out.append(replace(given, rule=override.rule, shown=shown))
        elif piece.begin >= passed:
            out.append(piece)
    return tuple(out)
