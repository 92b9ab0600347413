"""Pieces → sentences short enough to synthesise at once. Nothing is lost: the sentences tile the caller's text.

A sentence ends behind 。！？…； and line ends; one that is still too long is cut behind ，： and brackets, then
behind 、, then between words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tts_engine.frontend.pieces import Kind, Piece

LONGEST = 60
"""Most syllables (Chinese characters, or about two letters of English) of one sentence."""
_LEAST = 12
"""A cut leaves at least this many syllables on its left where it can."""
_CLOSING = frozenset("”’」』》〉)）]】］〕〖}｝\"'›»")
END_PAUSES = frozenset("。！？")
_STRENGTH = {"、": 1, "，": 2, "；": 3, "。": 4, "！": 5, "？": 6}


@dataclass(frozen=True)
class Chunk:
    """The pieces of one sentence and the stretch of the caller's text that it covers."""

    begin: int
    end: int
    pieces: tuple[Piece, ...]


def strength(pause: str) -> int:
    """Order of the pauses, weakest 1; 0 for none."""
    return _STRENGTH.get(pause, 0)


def split(pieces: Sequence[Piece], length: int, word_ends: Callable[[str], set[int]]) -> list[Chunk]:
    """Cut ``pieces`` of a text of ``length`` characters into sentences.

    Args:
        pieces: in the order of the text.
        length: of the caller's text.
        word_ends: positions in a run of Chinese characters where a word ends.
    """
    groups: list[list[Piece]] = []
    for group in _by_end_marks(pieces):
        groups += _bounded(group, word_ends)
    return _tiles(groups, length)


def continued(chunks: Sequence[Chunk], before: Sequence[Chunk]) -> list[Chunk]:
    """``chunks``, the first of which begins where those ``before`` them end."""
    if not before or not chunks:
        return list(chunks)
    return [replace(chunks[0], begin=before[-1].end), *chunks[1:]]


def _by_end_marks(pieces: Sequence[Piece]) -> list[list[Piece]]:
    groups: list[list[Piece]] = [[]]
    spoken = ended = False
    for piece in pieces:
        if ended and not _belongs_to_end(piece):
            groups.append([])
            spoken = ended = False
        groups[-1].append(piece)
        spoken = spoken or _spoken(piece)
        ended = ended or (piece.ends_sentence and spoken)
    return [group for group in groups if group]


def _belongs_to_end(piece: Piece) -> bool:
    """More marks, closing quotes and spaces stay with the sentence that they end."""
    return piece.ends_sentence or (
        piece.kind in (Kind.SILENT, Kind.MARK) and (piece.text in _CLOSING or not piece.text.strip())
    )


def _spoken(piece: Piece) -> bool:
    return piece.kind in (Kind.HAN, Kind.ENGLISH)


def weight(piece: Piece) -> int:
    """Syllables of a piece, roughly."""
    if piece.kind is Kind.HAN:
        return 1
    return (
        (len(piece.text) + (len(piece.text) if piece.text.isupper() else 1)) // 2 if piece.kind is Kind.ENGLISH else 0
    )


def _bounded(group: list[Piece], word_ends: Callable[[str], set[int]]) -> list[list[Piece]]:
    cut: list[list[Piece]] = []
    weights = [weight(piece) for piece in group]
    while sum(weights) > LONGEST:
        at = _best_cut(group, weights, word_ends)
        if at == 0:
            break
        cut.append(group[:at])
        group, weights = group[at:], weights[at:]
    return [*cut, group]


def _best_cut(group: list[Piece], weights: list[int], word_ends: Callable[[str], set[int]]) -> int:
    """Index of the piece before which to cut; 0 where the caller's positions allow no cut."""
    said = 0
    borders = _word_borders(group[: 3 * LONGEST], word_ends)
    best = (0, 0)
    for index in range(1, len(group)):
        said += weights[index - 1]
        if said > LONGEST and best[1]:
            break
        if group[index].begin < group[index - 1].end or (said > 0 and _belongs_to_end(group[index])):
            continue
        before = _mark_before(group, index)
        rank = strength(before) * 2 if before else int(index in borders)
        if said < _LEAST:
            rank -= 10
        if (rank, index) >= best and said > 0:
            best = (rank, index)
    return best[1]


def _mark_before(group: list[Piece], index: int) -> str:
    index -= 1
    while index > 0 and group[index].kind is Kind.SILENT:
        index -= 1
    return group[index].pause


def _word_borders(group: list[Piece], word_ends: Callable[[str], set[int]]) -> set[int]:
    """Indexes of pieces that begin a word."""
    borders: set[int] = set()
    begin = 0
    while begin < len(group):
        end = begin
        while end < len(group) and group[end].kind is Kind.HAN:
            end += 1
        if end > begin:
            ends = word_ends("".join(piece.text for piece in group[begin:end]))
            borders |= {begin + offset for offset in ends}
        else:
            borders |= {begin, begin + 1}
        begin = max(end, begin + 1)
    return borders


def _tiles(groups: list[list[Piece]], length: int) -> list[Chunk]:
    chunks = []
    begin = 0
    for index, group in enumerate(groups):
        end = groups[index + 1][0].begin if index + 1 < len(groups) else length
        chunks.append(Chunk(begin, end, tuple(group)))
        begin = end
    return chunks
