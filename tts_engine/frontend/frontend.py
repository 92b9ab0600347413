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
from tts_engine.frontend.pieces import Kind, Piece
from tts_engine.frontend.pinyin import syllable_phonemes
from tts_engine.frontend.reading import Phoneme, Reading, Sentence, Token
from tts_engine.frontend.readings import Readings
from tts_engine.frontend.segmentation import Chunk, split, strength


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
        tokens: list[Token] = []
        phonemes: list[Phoneme] = []
        for run in _runs(chunk.pieces):
            if run[0].kind is Kind.HAN:
                self._read_chinese(run, tokens, phonemes)
            elif run[0].kind is Kind.ENGLISH:
                self._read_english(run[0], tokens, phonemes)
            elif run[0].kind is Kind.MARK:
                _pause(run, phonemes)
        written = "".join(piece.text for piece in chunk.pieces).replace("\n", "")
        _check_readable(tokens, text)
        return Sentence(chunk.begin, chunk.end, written.strip(), tuple(tokens), _enclosed(phonemes))

    def _read_chinese(self, run: Sequence[Piece], tokens: list[Token], phonemes: list[Phoneme]) -> None:
        _, syllables = self._readings.read("".join(piece.text for piece in run))
        for spoken in sandhi.apply(syllables):
            first, last = run[spoken.first], run[spoken.last - 1]
            rule = f"{first.rule}+{spoken.rule}" if first.rule else spoken.rule
            tokens.append(Token(first.begin, last.end, spoken.text, spoken.pinyin, spoken.citation, rule))
            for symbol, tone in syllable_phonemes(spoken.pinyin) if spoken.pinyin else ():
                place = last if symbol == "rr" else first
                phonemes.append(Phoneme(symbol, tone, place.begin, place.end))

    def _read_english(self, piece: Piece, tokens: list[Token], phonemes: list[Phoneme]) -> None:
        sounds, rule = self._english.pronounce(piece.text)
        rule = f"{piece.rule}+{rule}" if piece.rule else rule
        tokens.append(Token(piece.begin, piece.end, piece.text, piece.text, piece.text, rule))
        phonemes.extend(Phoneme(symbol, tone, piece.begin, piece.end) for symbol, tone in sounds)


def _runs(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Neighbouring pieces that are read together: Chinese without a pause, marks in a row, one English word.

    Silent pieces stand in nobody's way.
    """
    runs: list[list[Piece]] = []
    for piece in pieces:
        if piece.kind is Kind.SILENT:
            continue
        if runs and runs[-1][0].kind is piece.kind and piece.kind is not Kind.ENGLISH:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def _pause(marks: Sequence[Piece], phonemes: list[Phoneme]) -> None:
    """The strongest of the marks, nothing before the first sound."""
    if phonemes:
        mark = max(marks, key=lambda piece: strength(piece.pause))
        phonemes.append(Phoneme(mark.pause, 0, mark.begin, mark.end))


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
