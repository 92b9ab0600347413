"""The International Phonetic Alphabet, as written for English, → the inventory's English phonemes.

Source: the correspondence of ARPAbet and IPA (Jurafsky & Martin, Speech and Language Processing, ch. "Phonetics").
"""

from __future__ import annotations

_STRESS = {"ˈ": 7, "'": 7, "ˌ": 8}
_VOWELS = {
    "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "ɪə": "IH AH", "eə": "EH AH", "ʊə": "UH AH",
    "iː": "IY", "i": "IY", "ɪ": "IH", "eː": "EY", "e": "EH", "ɛ": "EH", "æ": "AE", "ɑː": "AA", "ɑ": "AA", "ɒ": "AA",
    "a": "AA", "ɔː": "AO", "ɔ": "AO", "ʊ": "UH", "uː": "UW", "u": "UW", "ʌ": "AH", "ə": "AH", "ɚ": "ER", "ɝ": "ER",
    "ɜː": "ER", "ɜ": "ER",
}  # fmt: skip
_CONSONANTS = {
    "tʃ": "CH", "dʒ": "JH", "t͡ʃ": "CH", "d͡ʒ": "JH", "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "g": "G",
    "ɡ": "G", "f": "F", "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "m": "M",
    "n": "N", "ŋ": "NG", "l": "L", "r": "R", "ɹ": "R", "ɾ": "D", "w": "W", "j": "Y",
}  # fmt: skip
_SILENT = frozenset(". ː\u200b/")
_LONGEST = max(map(len, (*_VOWELS, *_CONSONANTS)))
_UNSTRESSED, _PRIMARY = 6, 7


class IpaError(ValueError):
    """A sign is no English sound; ``at`` is its index."""

    def __init__(self, at: int) -> None:
        super().__init__(f"no English sound at {at}")
        self.at = at


def phonemes(ipa: str) -> tuple[tuple[str, int], ...]:
    """``həˈloʊ`` as symbols and stress; a word without a stress mark has it on its first vowel.

    Raises:
        IpaError: a sign is unknown, or there is no sound.
    """
    sounds: list[tuple[str, int]] = []
    stress, at = _UNSTRESSED, 0
    while at < len(ipa):
        if ipa[at] in _STRESS or ipa[at] in _SILENT:
            stress = _STRESS.get(ipa[at], stress)
            at += 1
            continue
        sign = next((ipa[at : at + n] for n in range(_LONGEST, 0, -1) if _is_sign(ipa[at : at + n])), "")
        if not sign:
            raise IpaError(at)
        if sign in _VOWELS:
            first, *rest = _VOWELS[sign].split()
            sounds += [(first, stress), *((symbol, _UNSTRESSED) for symbol in rest)]
            stress = _UNSTRESSED
        else:
            sounds.append((_CONSONANTS[sign], _UNSTRESSED))
        at += len(sign)
    if not sounds:
        raise IpaError(0)
    return _stressed(sounds)


def _is_sign(sign: str) -> bool:
    return sign in _VOWELS or sign in _CONSONANTS


def _stressed(sounds: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    vowels = {symbol for spelled in _VOWELS.values() for symbol in spelled.split()}
    if all(stress == _UNSTRESSED for _, stress in sounds):
        first = next((index for index, (symbol, _) in enumerate(sounds) if symbol in vowels), None)
        if first is not None:
            sounds[first] = (sounds[first][0], _PRIMARY)
    return tuple(sounds)
