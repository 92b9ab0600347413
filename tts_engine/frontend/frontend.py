"""Text → phonemes: the stages in order."""

from __future__ import annotations

import contextlib
import copy
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from operator import attrgetter
from pathlib import Path

from tts_engine.errors import EmptyTextError, UnreadableTextError
from tts_engine.frontend import inline, marked, passages, sandhi, ssml
from tts_engine.frontend.conventions import Conventions
from tts_engine.frontend.emoticons import load_names
from tts_engine.frontend.english import English
from tts_engine.frontend.lexicon import Lexicon, LexiconFile, LexiconState
from tts_engine.frontend.passages import Passage, is_readable
from tts_engine.frontend.phonemes import EDGE
from tts_engine.frontend.phrasing import BREATH_PAUSE, PAUSE, SENTENCE, break_levels
from tts_engine.frontend.pieces import Kind, Piece
from tts_engine.frontend.pinyin import syllable_phonemes
from tts_engine.frontend.reading import Notice, Phoneme, Reading, Sentence, Token
from tts_engine.frontend.readings import Readings, Syllable
from tts_engine.frontend.rules.counting import CLASSIFIER
from tts_engine.frontend.script import Script
from tts_engine.frontend.segmentation import END_PAUSES, Chunk, continued, split, strength
from tts_engine.frontend.ssml import INLINE, Markup
from tts_engine.recent import Recent

KEPT = 8_000
"""Characters of the sentences that were read last and are kept: some 4 MB. A short one counts as ``LEAST``."""
LEAST = 16


class Frontend:
    """Reads Chinese with English in it. Knows Mandarin, knows nothing about sound.

    Any number of threads may share one: after construction only what it remembers changes, and that never shows.
    """

    def __init__(self, conventions: Conventions = Conventions(), lexicon: Path | None = None) -> None:  # noqa: B008  # frozen
        """Load the dictionaries: about a second and 80 MB.

        Args:
            conventions: how numbers, units and emoji are said.
            lexicon: the user's own words, watched for changes.

        Raises:
            LexiconError: the lexicon is not right.
        """
        if conventions.emoji == "named":
            load_names()
        self._conventions = conventions
        self._lexicon = LexiconFile(lexicon)
        self._readings = Readings()
        self._english = English()
        self._kept: Recent[Sentence] = Recent(KEPT, _weight)

    def with_lexicon(self, lexicon: Path | None) -> Frontend:
        """The same reader with other words of the user's; the dictionaries and what is remembered are shared.

        Raises:
            LexiconError: the lexicon is not right.
        """
        other = copy.copy(self)
        other._lexicon = LexiconFile(lexicon)
        return other

    def read(self, text: str, markup: Markup = INLINE) -> Reading:
        """Read a whole text.

        Raises:
            EmptyTextError: nothing in it is spoken.
            UnreadableTextError: a word in a script that has no reading here.
            MarkError, SSMLError: mark-up in it is not right.
        """
        lexicon = self._lexicon.current()
        script = lexicon.apply(ssml.parse(text, markup) if markup.ssml else inline.parse(text))
        found = self._prepared(script)
        sentences = tuple(self._sentences(script, found))
        if not any(phoneme.tone for sentence in sentences for phoneme in sentence.phonemes):
            raise EmptyTextError()
        return Reading(script.source, sentences, found.notices, lexicon.digest)

    def passage(self, text: str, markup: Markup = INLINE) -> Passage:
        """Read a text while it is spoken; its sentences are those of ``read``.

        Raises:
            EmptyTextError: nothing in it is spoken.
            UnreadableTextError: a word in a script that has no reading here.
            MarkError, SSMLError: mark-up in it is not right.
        """
        if markup.ssml or not is_readable(text):
            reading = self.read(text, markup)
            sentences = _with_notices(iter(reading.sentences), reading.notices)
            return Passage(text, reading.lexicon, sentences)
        if "pause" in text.lower():
            inline.parse(text)
        lexicon = self._lexicon.current()
        parts = ((begin, text[begin:end]) for begin, end in passages.parts(text))
        sentences = (one for begin, part in parts for one in self._part(part, begin, lexicon))
        first: list[tuple[Sentence, tuple[Notice, ...]]] = []
        for one in sentences:
            first.append(one)
            if any(phoneme.tone for phoneme in one[0].phonemes):
                return Passage(text, lexicon.digest, chain(first, sentences))
        raise EmptyTextError()

    def _part(self, text: str, offset: int, lexicon: Lexicon) -> Iterator[tuple[Sentence, tuple[Notice, ...]]]:
        """The sentences of a plain part of a text that begins at ``offset`` of the whole."""
        script = lexicon.apply(inline.parse(text))
        found = self._prepared(script)
        notices = tuple(replace(one, begin=one.begin + offset, end=one.end + offset) for one in found.notices)
        sentences = self._sentences(script, found)
        return _with_notices((shifted(sentence, offset) for sentence in sentences), notices)

    @property
    def lexicon_digest(self) -> str:
        """Of the user's lexicon as the file is now."""
        return self._lexicon.current().digest

    @property
    def lexicon(self) -> LexiconState:
        """The user's words as the file is now, and what is wrong with it."""
        words = len(self._lexicon.current().entries)
        return LexiconState(words, self._lexicon.error)

    def _prepared(self, script: Script) -> _Prepared:
        """Everything but the reading of words, which takes nearly all of the time."""
        with _placing_errors(script):
            found = marked.normalized(script, self._conventions)
        chunks: list[Chunk] = []
        for pieces, end in _by_style(found.pieces, script):
            chunks += continued(split(pieces, end, self._readings.word_ends), chunks)
        notices = [replace(one, begin=b, end=e) for one in found.notices for b, e in [script.place(one.begin, one.end)]]
        notices = sorted([*script.notices, *notices], key=lambda notice: notice.begin)
        return _Prepared(tuple(chunks), tuple(notices))

    def _sentences(self, script: Script, found: _Prepared) -> Iterator[Sentence]:
        borders = [0, *(script.place(one.begin, one.begin)[0] for one in found.chunks[1:]), len(script.source)]
        for chunk, begin, end in zip(found.chunks, borders, borders[1:], strict=False):
            with _placing_errors(script):
                sentence = self._remembered(chunk, script.text)
            yield sentence if script.is_plain else marked.placed(sentence, script, begin, end)

    def _remembered(self, chunk: Chunk, text: str) -> Sentence:
        """``_sentence``, or the one that was made of the same pieces lately, moved to this place.

        The pieces hold all that a sentence is made from: what conventions, mark-up and the user's words said of it.
        """
        key = (chunk.end - chunk.begin, *(_key(piece, chunk.begin) for piece in chunk.pieces))
        known = self._kept.find(key)
        if known is None:
            return self._kept.keep(key, self._sentence(chunk, text))
        return shifted(known, chunk.begin - known.begin)

    def _sentence(self, chunk: Chunk, text: str) -> Sentence:
        pieces = [piece for piece in chunk.pieces if piece.kind is not Kind.SILENT]
        syllables = self._syllables(pieces)
        writer = _Writer()
        for begin, end in _stretches(pieces):
            if pieces[begin].kind is Kind.MARK:
                writer.pause(pieces[begin:end])
            else:
                self._read(writer, pieces[begin:end], syllables[begin:end])
        _check_readable(writer.tokens, text)
        return writer.sentence(chunk)

    def _syllables(self, pieces: Sequence[Piece]) -> list[Syllable | None]:
        """What the dictionaries say of each piece, in the context of them all."""
        text, places = "", []
        for piece in pieces:
            text += " " if text and piece.kind is Kind.ENGLISH else ""
            places.append(len(text))
            text += piece.text
        read = self._readings.read(text) if any(piece.kind is Kind.HAN for piece in pieces) else []
        return [
            replace(one, is_digit=True) if piece.text == "一" and one and _ends_number(pieces, index) else one
            for index, (place, piece) in enumerate(zip(places, pieces, strict=True))
            for one in [read[place] if piece.kind is Kind.HAN else None]
        ]

    def _read(self, writer: _Writer, pieces: Sequence[Piece], syllables: Sequence[Syllable | None]) -> None:
        """Read a stretch without marks: Chinese characters and English words."""
        levels = break_levels(pieces, syllables)
        begin = 0
        for index, piece in enumerate(pieces):
            if piece.kind is Kind.ENGLISH:
                sounds, rule = (piece.sounds, "") if piece.sounds else self._english.pronounce(piece.text)
                writer.english(piece, sounds, rule, levels[index])
                begin = index + 1
            elif index + 1 == len(pieces) or levels[index] >= PAUSE or pieces[index + 1].kind is Kind.ENGLISH:
                phrase = [syllable for syllable in syllables[begin : index + 1] if syllable]
                said = pieces[begin : index + 1]
                spoken = marked.restored(said, sandhi.apply(marked.marked(said, phrase)))
                writer.chinese(said, spoken, levels[begin : index + 1])
                begin = index + 1
            if levels[index] >= PAUSE:
                writer.breathe(piece.end)


@dataclass(frozen=True)
class _Prepared:
    """A text cut into sentences that nobody has read yet."""

    chunks: tuple[Chunk, ...]
    notices: tuple[Notice, ...]


_UNPLACED = attrgetter(*(one.name for one in fields(Piece) if one.name not in ("begin", "end")))


def _key(piece: Piece, origin: int) -> tuple[object, ...]:
    """All of a piece, with its place counted from ``origin``."""
    return (piece.begin - origin, piece.end - origin, *_UNPLACED(piece))


def _weight(sentence: Sentence) -> int:
    return max(LEAST, sentence.end - sentence.begin, len(sentence.phonemes))


@contextlib.contextmanager
def _placing_errors(script: Script) -> Iterator[None]:
    """What cannot be read is named where it stands in the caller's text."""
    try:
        yield
    except UnreadableTextError as error:
        raise UnreadableTextError(error.word, *script.place(error.begin, error.end)) from None


def shifted(sentence: Sentence, offset: int) -> Sentence:
    """A sentence ``offset`` characters further on."""
    if not offset:
        return sentence
    tokens = tuple(replace(one, begin=one.begin + offset, end=one.end + offset) for one in sentence.tokens)
    phonemes = tuple(replace(one, begin=one.begin + offset, end=one.end + offset) for one in sentence.phonemes)
    begin, end = sentence.begin + offset, sentence.end + offset
    return replace(sentence, begin=begin, end=end, tokens=tokens, phonemes=phonemes)


def _with_notices(
    sentences: Iterator[Sentence], notices: tuple[Notice, ...]
) -> Iterator[tuple[Sentence, tuple[Notice, ...]]]:
    for sentence in sentences:
        yield sentence, notices
        notices = ()


class _Writer:
    """Collects the tokens and phonemes of one sentence."""

    def __init__(self) -> None:
        self.tokens: list[Token] = []
        self.phonemes: list[Phoneme] = []

    def chinese(self, pieces: Sequence[Piece], phrase: Sequence[sandhi.Spoken], levels: Sequence[int]) -> None:
        for spoken in phrase:
            first, last = pieces[spoken.first], pieces[spoken.last - 1]
            rule = f"{first.rule}+{spoken.rule}" if first.rule and not first.pinyin else spoken.rule
            level = levels[spoken.last - 1]
            self.tokens.append(Token(first.begin, last.end, spoken.text, spoken.pinyin, spoken.citation, rule, level))
            for symbol, tone in syllable_phonemes(spoken.pinyin) if spoken.pinyin else ():
                place = last if symbol == "rr" else first
                self.phonemes.append(Phoneme(symbol, tone, place.begin, place.end))

    def english(self, piece: Piece, sounds: Sequence[tuple[str, int]], rule: str, level: int) -> None:
        rule = "+".join(filter(None, (piece.rule, rule)))
        self.tokens.append(Token(piece.begin, piece.end, piece.text, piece.text, piece.text, rule, level))
        self.phonemes.extend(Phoneme(symbol, tone, piece.begin, piece.end) for symbol, tone in sounds)

    def breathe(self, place: int) -> None:
        """A short pause that nobody wrote."""
        self.phonemes.append(Phoneme(BREATH_PAUSE, 0, place, place))

    def pause(self, marks: Sequence[Piece]) -> None:
        """The strongest of the marks, nothing before the first sound; a length that the author gave counts alone."""
        given = [piece.pause_ms for piece in marks if piece.pause_ms is not None]
        mark = max(marks, key=lambda piece: strength(piece.pause))
        if any(given) or (self.phonemes and not given):
            length_ms = sum(given) if given else None
            self.phonemes.append(Phoneme(mark.pause, 0, mark.begin, mark.end, pause_ms=length_ms))
        if self.tokens:
            level = SENTENCE if mark.pause in END_PAUSES else PAUSE
            self.tokens[-1] = replace(self.tokens[-1], boundary=level)

    def sentence(self, chunk: Chunk) -> Sentence:
        written = "".join(piece.text for piece in chunk.pieces).replace("\n", "")
        if self.tokens:
            last = self.tokens[-1] = replace(self.tokens[-1], boundary=SENTENCE)
            if last.text == "吗" and self.phonemes[-1].tone:  # asked without a mark
                self.phonemes.append(Phoneme("？", 0, last.end, last.end))
        return Sentence(chunk.begin, chunk.end, written.strip(), tuple(self.tokens), _enclosed(self.phonemes))


def _ends_number(pieces: Sequence[Piece], index: int) -> bool:
    """Whether the piece ends a score, a ratio, a model or a code that counts nothing that follows."""
    after = pieces[index + 1 : index + 4]
    if pieces[index].rule and after and after[0].text == "日":
        return True
    if pieces[index].rule == "model" and index and pieces[index - 1].kind is Kind.ENGLISH:
        return True  # B1层, T1航站楼
    if pieces[index].rule in ("", "cardinal", "money", "unit"):
        return False
    if after and after[0].rule:
        return after[0].text in ("到", "杠")
    return not CLASSIFIER.match("".join(piece.text for piece in after))


def _stretches(pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """Spans of neighbouring pieces that are heard without a pause, and of marks in a row."""
    found: list[tuple[int, int]] = []
    for index, piece in enumerate(pieces):
        if index and (piece.kind is Kind.MARK) == (pieces[index - 1].kind is Kind.MARK):
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found


def _by_style(pieces: Sequence[Piece], script: Script) -> list[tuple[list[Piece], int]]:
    """Pieces that one voice says in one mood, and where in the text they end."""
    borders = [position for position, _ in script.styles if position]
    groups: list[list[Piece]] = [[] for _ in range(len(borders) + 1)]
    for piece in pieces:
        groups[bisect_right(borders, piece.begin)].append(piece)
    return list(zip(groups, [*borders, len(script.text)], strict=True))


def _check_readable(tokens: Sequence[Token], text: str) -> None:
    for token in tokens:
        if not token.pinyin:
            raise UnreadableTextError(text[token.begin : token.end], token.begin, token.end)


def _enclosed(phonemes: Sequence[Phoneme]) -> tuple[Phoneme, ...]:
    """Silence at both ends; nothing where nothing is said."""
    if not phonemes:
        return ()
    first, last = phonemes[0], phonemes[-1]
    begin = replace(first, symbol=EDGE, tone=0, end=first.begin, pause_ms=None)
    return (begin, *phonemes, replace(last, symbol=EDGE, tone=0, begin=last.end, pause_ms=None))
