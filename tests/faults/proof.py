"""Sound that says which text it was made for: a swapped answer is found by listening.

A sentence is 256 blocks of 32 samples, one for each bit of the SHA-256 of its text, high or low.
"""

import hashlib
import re
from array import array

import numpy as np

SAMPLE_RATE = 22_050
_BLOCK = 32
_LOUD = 12_000
SAMPLES = 256 * _BLOCK
"""Of one text, however long it is."""
_HIGH = array("h", [_LOUD] * _BLOCK).tobytes()
_LOW = array("h", [-_LOUD] * _BLOCK).tobytes()


def sound_of(text):
    """16-bit little-endian mono PCM at ``SAMPLE_RATE``."""
    bits = int.from_bytes(digest(text), "big")
    return b"".join(_HIGH if bits >> (255 - place) & 1 else _LOW for place in range(256))


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def heard(samples):
    """The digests of the texts that ``samples`` (S,) was made for, in order; an empty tuple for anything else."""
    if len(samples) == 0 or len(samples) % SAMPLES:
        return ()
    highs = samples.reshape(-1, 256, _BLOCK).mean(axis=2) > 0
    return tuple(row.tobytes() for row in np.packbits(highs, axis=1))


def sentences_of(text):
    return re.findall(r"[^。]+。?", text)
