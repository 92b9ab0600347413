"""The phoneme inventory: what the front end writes and the networks read.

A phoneme is a symbol and a tone. Mandarin syllables are an initial (absent in zero-initial syllables) and a final,
both carrying the syllable's tone 1–5 (5 is neutral); a merged erhua adds ``rr`` after the final. English phonemes are
ARPAbet symbols, whose vowels carry stress as a tone (6 unstressed, 7 primary, 8 secondary; consonants 6). Pauses
carry tone 0. The order of the tables is the order of the networks' embeddings: append, never reorder.

Source: Hanyu Pinyin (GB/T 16159); ARPAbet as in CMUdict 0.7b (BSD-2-Clause).
"""

from __future__ import annotations

PAD = "_"
EDGE = "sil"
"""Silence before and after an utterance."""

PAUSES = ("、", "，", "；", "。", "？", "！")
"""A pause is named by the mark that causes it: 、 , ，(also brackets, dashes), ；(also ：), 。(also …), ？, ！."""

INITIALS = tuple("b p m f d t n l g k h j q x zh ch sh r z c s".split())

FINALS = tuple(
    # i after z c s is "ii", after zh ch sh r is "iii"; ü is "v"; uei uen iou are written in full
    "a o e ê ai ei ao ou an en ang eng ong er i ii iii ia ie iao iou ian in iang ing iong io "
    "u ua uo uai uei uan uen uang ueng v ve van vn m ng".split()
)

ERHUA = "rr"

ENGLISH = tuple(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
)

SYMBOLS = (PAD, EDGE, *PAUSES, *INITIALS, *FINALS, ERHUA, *ENGLISH)
"""Every symbol; a symbol's index is its id."""

TONES = 9
"""0 none (pauses), 1–5 Mandarin, 6–8 English unstressed, primary, secondary."""

SYMBOL_IDS = {symbol: index for index, symbol in enumerate(SYMBOLS)}
