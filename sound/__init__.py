"""A finished sound, for both servers: samples to bytes and back. Imports neither torch nor Flask."""

from __future__ import annotations

from sound.encoding import MEDIA_TYPES, SoundError, decode_wav, encode

__all__ = ["MEDIA_TYPES", "SoundError", "decode_wav", "encode"]
