"""Rebuild ``letters.tsv.gz``, the letter-to-sound table, from ``english.tsv.gz``.

    python -m tts_engine.frontend.data.build_letters
    python -m tts_engine.frontend.data.build_letters --held-out

The second writes nothing: it counts on nine tenths of the words and says how many of the rest it reads right.
Each word's letters are aligned with its phones (a letter says none, one or two) by expectation maximisation with hard
decisions; then every context of a letter, up to three letters on both sides, whose commonest sound differs from that of
its shorter context is kept, until the longest contexts are seen too seldom.
"""

from __future__ import annotations

import gzip
import math
import sys
from collections import Counter, defaultdict
from pathlib import Path
from zlib import crc32

from tts_engine.frontend.english import letter_to_sound

DATA = Path(__file__).parent
CONTEXTS = ((0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3))
"""Letters to the left and right, from the shortest context to the longest."""
_ROUNDS = 5
_SEEN = {0: 1, 1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 6: 4}
_UNSEEN = -14.0

Sound = tuple[str, ...]
Table = dict[tuple[str, Sound], float]


def main() -> None:
    """Align, count, prune, write; or measure."""
    lines = gzip.decompress((DATA / "english.tsv.gz").read_bytes()).decode("ascii").splitlines()
    words = [(word, tuple(phones.split())) for word, phones in (line.split("\t") for line in lines) if word.isalpha()]
    if "--held-out" in sys.argv[1:]:
        measure(words)
        return
    kept = learnt(words)
    text = "".join(f"{context}\t{sound}\n" for context, sound in sorted(kept.items()))
    (DATA / "letters.tsv.gz").write_bytes(gzip.compress(text.encode("ascii"), 9, mtime=0))


def learnt(words: list[tuple[str, Sound]]) -> dict[str, str]:
    """The contexts worth keeping of these words."""
    table: Table = {}
    for _ in range(_ROUNDS):
        counts: Counter[tuple[str, Sound]] = Counter()
        for word, phones in words:
            counts.update(zip(word, align(word, phones, table), strict=False))
        table = _logarithms(counts)
    return _contexts([(word, align(word, phones, table)) for word, phones in words])


def measure(words: list[tuple[str, Sound]]) -> None:
    """Print the accuracy on the tenth of the words whose checksum ends in 0, learnt from the others. Stress apart."""
    kept = learnt([one for one in words if crc32(one[0].encode()) % 10])
    right = wrong_phones = phones = count = 0
    for word, spoken in (one for one in words if not crc32(one[0].encode()) % 10):
        wanted = [phone.rstrip("012") for phone in spoken]
        errors = distance([phone.rstrip("012") for phone in letter_to_sound(word, kept).split()], wanted)
        count, phones = count + 1, phones + len(wanted)
        right, wrong_phones = right + (not errors), wrong_phones + errors
    print(f"{count} held-out words: {right / count:.1%} right, phoneme error rate {wrong_phones / phones:.1%}")  # noqa: T201


def distance(one: list[str], other: list[str]) -> int:
    """Insertions, deletions and substitutions between two sequences."""
    row = list(range(len(other) + 1))
    for place, left in enumerate(one, 1):
        before, row[0] = row[0], place
        for index, right in enumerate(other, 1):
            before, row[index] = row[index], min(before + (left != right), row[index] + 1, row[index - 1] + 1)
    return row[-1]


def align(word: str, phones: Sound, table: Table) -> list[Sound]:
    """The likeliest division of ``phones`` over the letters; empty where there is none."""
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for letter in word:
        row: dict[int, tuple[float, int]] = {}
        for done, (score, _) in best[-1].items():
            for taken in range(min(3, len(phones) - done + 1)):
                sound = phones[done : done + taken]
                now = score + table.get((letter, sound), _UNSEEN if table else _first_guess(letter, sound))
                if now > row.get(done + taken, (-math.inf, 0))[0]:
                    row[done + taken] = (now, taken)
        best.append(row)
    return _trace(best, phones)


def _first_guess(letter: str, sound: Sound) -> float:
    if not sound:
        return -3.0
    vowel = sound[0][-1].isdigit()
    return (
        -1.0 * len(sound)
        - (0.0 if vowel == (letter in "aeiouy") else 4.0)
        + (2.0 if sound[0][0] == letter.upper() else 0)
    )


def _trace(best: list[dict[int, tuple[float, int]]], phones: Sound) -> list[Sound]:
    at = len(phones)
    if at not in best[-1]:
        return []
    sounds: list[Sound] = []
    for row in reversed(best[1:]):
        taken = row[at][1]
        sounds.append(phones[at - taken : at])
        at -= taken
    return sounds[::-1]


def _logarithms(counts: Counter[tuple[str, Sound]]) -> Table:
    totals: Counter[str] = Counter()
    for (letter, _), count in counts.items():
        totals[letter] += count
    return {key: math.log(count / totals[key[0]]) for key, count in counts.items()}


def _contexts(aligned: list[tuple[str, list[Sound]]]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for left, right in CONTEXTS:
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for word, sounds in aligned:
            padded = f"___{word}___"
            for index, sound in enumerate(sounds, 3):
                counts[_context(padded, index, left, right)][" ".join(sound)] += 1
        for context, sounds_of in counts.items():
            spoken, count = sounds_of.most_common(1)[0]
            if count >= _SEEN[left + right] and spoken != known(kept, context):
                kept[context] = spoken
    return kept


def _context(padded: str, index: int, left: int, right: int) -> str:
    return f"{padded[index - left : index]}{padded[index].upper()}{padded[index + 1 : index + 1 + right]}"


def known(kept: dict[str, str], context: str) -> str | None:
    """What the shorter contexts in ``kept`` already say for ``context``."""
    centre = next(index for index, letter in enumerate(context) if letter.isupper())
    for left, right in reversed(CONTEXTS):
        if left <= centre and right <= len(context) - centre - 1:
            shorter = context[centre - left : centre + right + 1]
            if shorter in kept and shorter != context:
                return kept[shorter]
    return None


if __name__ == "__main__":
    main()
