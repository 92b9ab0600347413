"""Text → phonemes: the stages in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tts_engine.errors import EmptyTextError, UnreadableTextError
from tts_engine.frontend import sandhi
from tts_engine.frontend.characters import fold
from tts_engine.frontend.conventions import Conventions
from tts_engine.frontend.emoticons import load_names
from tts_engine.frontend.english import English
from tts_engine.frontend.normalization import normalize
from tts_engine.frontend.phonemes import EDGE
from tts_engine.frontend.phrasing import BREATH_PAUSE, PAUSE, SENTENCE, break_levels
from tts_engine.frontend.pieces import Kind, Piece
from tts_engine.frontend.pinyin import syllable_phonemes
from tts_engine.frontend.reading import Phoneme, Reading, Sentence, Token
from tts_engine.frontend.readings import Readings, Syllable
from tts_engine.frontend.segmentation import END_PAUSES, Chunk, split, strength


class Frontend:
    """Reads Chinese with English in it. Knows Mandarin, knows nothing about sound.

    Immutable after construction, so any number of threads may share one.
    """

    def __init__(self, conventions: Conventions = Conventions()) -> None:  # noqa: B008  # frozen
        """Load the dictionaries: about 2 s and 170 MB.

        Args:
            conventions: how numbers, units and emoji are said.
        """
        if conventions.emoji == "named":
            load_names()
        self._conventions = conventions
        self._readings = Readings()
        self._english = English()

    def read(self, text: str) -> Reading:
        """Read a whole text.

        Raises:
            EmptyTextError: nothing in it is spoken.
            UnreadableTextError: a word in a script that has no reading here.
        """
        folded, silent = fold(text, self._conventions)
        normalized = normalize(folded, text, self._conventions)
        chunks = split(normalized.pieces, len(text), self._readings.word_ends)
        sentences = tuple(self._sentence(chunk, text) for chunk in chunks)
        if not any(sentence.phonemes for sentence in sentences):
            raise EmptyTextError()
        notices = sorted((*silent, *normalized.notices), key=lambda notice: notice.begin)
        return Reading(text, sentences, tuple(notices))

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
        return [read[place] if piece.kind is Kind.HAN else None for place, piece in zip(places, pieces, strict=True)]

    def _read(self, writer: _Writer, pieces: Sequence[Piece], syllables: Sequence[Syllable | None]) -> None:
        """Read a stretch without marks: Chinese characters and English words."""
        levels = break_levels(pieces, syllables)
        begin = 0
        for index, piece in enumerate(pieces):
            if piece.kind is Kind.ENGLISH:
                sounds, rule = self._english.pronounce(piece.text)
                writer.english(piece, sounds, rule, levels[index])
                begin = index + 1
            elif index + 1 == len(pieces) or levels[index] >= PAUSE or pieces[index + 1].kind is Kind.ENGLISH:
                phrase = [syllable for syllable in syllables[begin : index + 1] if syllable]
                writer.chinese(pieces[begin : index + 1], sandhi.apply(phrase), levels[begin : index + 1])
                begin = index + 1
            if levels[index] >= PAUSE:
                writer.breathe(piece.end)


class _Writer:
    """Collects the tokens and phonemes of one sentence."""

    def __init__(self) -> None:
        self.tokens: list[Token] = []
        self.phonemes: list[Phoneme] = []

    def chinese(self, pieces: Sequence[Piece], phrase: Sequence[sandhi.Spoken], levels: Sequence[int]) -> None:
        for spoken in phrase:
            first, last = pieces[spoken.first], pieces[spoken.last - 1]
            rule = f"{first.rule}+{spoken.rule}" if first.rule else spoken.rule
            level = levels[spoken.last - 1]
            self.tokens.append(Token(first.begin, last.end, spoken.text, spoken.pinyin, spoken.citation, rule, level))
            for symbol, tone in syllable_phonemes(spoken.pinyin) if spoken.pinyin else ():
                place = last if symbol == "rr" else first
                self.phonemes.append(Phoneme(symbol, tone, place.begin, place.end))

    def english(self, piece: Piece, sounds: Sequence[tuple[str, int]], rule: str, level: int) -> None:
        rule = f"{piece.rule}+{rule}" if piece.rule else rule
        self.tokens.append(Token(piece.begin, piece.end, piece.text, piece.text, piece.text, rule, level))
        self.phonemes.extend(Phoneme(symbol, tone, piece.begin, piece.end) for symbol, tone in sounds)

    def breathe(self, place: int) -> None:
        """A short pause that nobody wrote."""
        self.phonemes.append(Phoneme(BREATH_PAUSE, 0, place, place))

    def pause(self, marks: Sequence[Piece]) -> None:
        """The strongest of the marks, nothing before the first sound."""
        if self.phonemes:
            mark = max(marks, key=lambda piece: strength(piece.pause))
            self.phonemes.append(Phoneme(mark.pause, 0, mark.begin, mark.end))
            level = SENTENCE if mark.pause in END_PAUSES else PAUSE
            self.tokens[-1] = replace(self.tokens[-1], boundary=level)

    def sentence(self, chunk: Chunk) -> Sentence:
        written = "".join(piece.text for piece in chunk.pieces).replace("\n", "")
        if self.tokens:
            self.tokens[-1] = replace(self.tokens[-1], boundary=SENTENCE)
        return Sentence(chunk.begin, chunk.end, written.strip(), tuple(self.tokens), _enclosed(self.phonemes))


def _stretches(pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """Spans of neighbouring pieces that are heard without a pause, and of marks in a row."""
    found: list[tuple[int, int]] = []
    for index, piece in enumerate(pieces):
        if index and (piece.kind is Kind.MARK) == (pieces[index - 1].kind is Kind.MARK):
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found


def _check_readable(tokens: Sequence[Token], text: str) -> None:
    for token in tokens:
        if not token.pinyin:
            raise UnreadableTextError(text[token.begin : token.end], token.begin, token.end)


def _enclosed(phonemes: Sequence[Phoneme]) -> tuple[Phoneme, ...]:
    """Silence at both ends; nothing where nothing is said."""
    if not phonemes:
        return ()
    first, last = phonemes[0], phonemes[-1]
    begin = replace(first, symbol=EDGE, tone=0, end=first.begin)
    return (begin, *phonemes, replace(last, symbol=EDGE, tone=0, begin=last.end))
