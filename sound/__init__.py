"""A finished sound, for both servers: samples to bytes and back, its AI-content label, its subtitles.

Imports neither torch nor Flask.
"""

from __future__ import annotations

from sound.encoding import decode_flac, decode_wav, encode
from sound.formats import MEDIA_TYPES, SoundError
from sound.label import Label, LabelError, content_number, labelled, read_label

__all__ = [
    "MEDIA_TYPES",
    "Label",
    "LabelError",
    "SoundError",
    "content_number",
    "decode_flac",
    "decode_wav",
    "encode",
    "labelled",
    "read_label",
]
