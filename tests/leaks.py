"""What must stand in no log of a server that a test started: secrets, keys, tokens, signatures, and what was spoken."""

import re
from functools import cache
from pathlib import Path

_SECRET_FILES = ("jwt_secret", "root_secret", "demo_api_key", "key")
_PATTERNS = (
    r"tts_[a-z0-9]{8}_[A-Za-z0-9_-]{43}",
    r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}",
    r"signature=[0-9a-f]{64}",
    r"session_key[\"']?\s*[:=]\s*[\"']?\w",
)
_SPOKEN = set()


def spoken(text):
    """A server was asked to speak ``text``."""
    if not isinstance(text, str) or is_ours(text.strip()):
        return
    if len(text) >= 6 and sum("一" <= character <= "鿿" for character in text) >= 4:
        _SPOKEN.add(text.strip())


def is_ours(text):
    """Whether ``text`` stands in the product's own sources: Hypothesis takes some of its texts from there."""
    return text in _sources()


@cache
def _sources():
    root = Path(__file__).parents[1]
    folders = ("app", "sound", "tts_engine", "webui_page")
    files = [root / "settings.py", *(file for folder in folders for file in sorted((root / folder).rglob("*.py")))]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def leaks(folder):
    """Every such thing in the logs below ``folder``: the log's name and ten characters of the thing."""
    patterns = [re.compile(pattern) for pattern in _PATTERNS]
    hidden = _secrets(folder) | _SPOKEN
    found = []
    for log in sorted({*folder.rglob("*.log"), *folder.rglob("log")}):
        if not log.is_file():
            continue
        told = log.read_text(encoding="utf-8", errors="replace")
        seen = [thing for thing in hidden if thing in told]
        seen += [match[0] for pattern in patterns for match in pattern.finditer(told)]
        found += [f"{log.name}: {thing[:10]}…" for thing in seen]
    return found


def _secrets(folder):
    secrets = set()
    for name in _SECRET_FILES:
        for path in folder.rglob(name):
            if path.is_file() and path.stat().st_size < 4096:
                lines = path.read_text(encoding="utf-8", errors="replace").split()
                secrets |= {line.rpartition(":")[2] for line in lines if len(line.rpartition(":")[2]) >= 16}
    return secrets
