"""What the fuzzer feeds: each target raises only where a promise is broken."""

import base64
import hashlib
import hmac
import json
import tempfile
from pathlib import Path

import numpy as np

from app import create_app
from app.auth import NewKey
from app.errors import CredentialError
from app.services import services_of
from app.storage import LinkError, LinkExpiredError
from app.tencent import SignedRequest
from settings import load_settings
from sound import encode
from tts_engine.clips import LONGEST_S, SHORTEST_S, read_clip
from tts_engine.errors import BadClipError

SECRET = "k7Qz-2mWx9_LpRt4VbYc8NdFg3HsJa6E"
NOW_S = 1_795_000_000.0
LINK = "0123456789abcdef0123456789abcdef.mp3"


class BrokenPromiseError(Exception):
    """Something got through that must not."""


def proxy(folder):
    """A whole proxy on a database of its own, with every interface switched on."""
    environ = {
        "TTS__AUTH__JWT_SECRET": SECRET,
        "TTS__AUTH__ROOT_SECRET": SECRET[::-1],
        "TTS__DATABASE__URL": f"sqlite:///{folder}/app.db",
        "TTS__STORAGE__DIR": f"{folder}/audio",
        "TTS__COMPAT__TENCENT": "true",
        "TTS__GATEWAY__URL": "http://127.0.0.1:9",
    }
    for name in ("PER_SUBJECT", "PER_ADDRESS", "FAILURES_PER_ADDRESS", "FAILURES_PER_KEY", "UPLOADS_PER_SUBJECT"):
        environ[f"TTS__LIMITS__{name}"] = "1000000000/second"
    return create_app(load_settings(Path("/nonexistent"), environ), clock=lambda: NOW_S)


def token(app):
    """Tokens: raw, and signed by us over any header and payload."""
    tokens = services_of(app).tokens
    good = tokens.issue("tester", {"tts"}).text

    def attempt(data):
        if data[:1] == b"s":
            header, _, payload = data[1:].partition(b"\x00")
            text = _signed(header, payload)
        elif data[:1] == b"m":
            text = _mutated(good, data[1:])
        else:
            # surrogates as a client may send them, and as Werkzeug shows bytes that are no UTF-8
            text = data.decode("utf-8", "surrogateescape" if data[:1] == b"u" else "replace")
        try:
            caller = tokens.verify(text)
        except CredentialError:
            return
        if data[:1] == b"s":
            claims = json.loads(data[1:].partition(b"\x00")[2])
            if caller.subject != claims["sub"] or claims["iss"] != "tts-proxy" or claims["aud"] != "tts-api":
                raise BrokenPromiseError(text)
        elif text.rpartition(".")[0] != good.rpartition(".")[0]:
            raise BrokenPromiseError(text)

    seeds = [
        b's{"alg":"HS256","typ":"at+jwt","kid":"1"}\x00{"iss":"tts-proxy","aud":"tts-api","sub":"a","iat":1795000000,'
        b'"exp":1795000900,"jti":"x","scope":"tts"}',
        b"m\x00\x10A", good.encode(), b"a.b.c", b"tts_abcdefgh_" + b"A" * 43,
    ]  # fmt: skip
    return attempt, seeds


def link(app):
    """Signed links: name, expiry and signature in any shape."""
    storage = services_of(app).links[0]
    good = storage.url(LINK, 3600)
    signature = good.rpartition("=")[2]
    expires = str(int(NOW_S) + 3600)

    def attempt(data):
        parts = [part.decode("utf-8", "replace") for part in data.split(b"\x00", 2)]
        name, until, given = [*parts, None, None][:3]
        try:
            left_s = storage.verify(name, until, given)
        except (LinkError, LinkExpiredError):
            return
        if (name, until, given) != (LINK, expires, signature) or not 0 < left_s <= 3600:
            raise BrokenPromiseError(data)

    return attempt, [b"\x00".join((LINK.encode(), expires.encode(), signature.encode())), b"../x.mp3\x001\x00aa"]


def tencent(app):
    """Signatures in Tencent's manner: any header, date, time and body."""
    signatures, keys = services_of(app).signatures, services_of(app).keys
    key_id, _ = keys.create(NewKey("fuzz", ("tts",)))

    def attempt(data):
        fields = data.split(b"\x00", 4)
        words = [field.decode("latin-1") for field in fields] + [""] * 5
        headers = {"authorization": words[0].replace("KEY", key_id), "x-tc-timestamp": words[1]}
        headers |= {"content-type": words[2], "host": words[3]}
        try:
            signatures.verify(SignedRequest("POST", ("/",), "", headers, fields[-1]))
        except CredentialError:
            return
        raise BrokenPromiseError(data)

    scope = "Credential=tts_KEY/2026-11-18/tts/tc3_request, SignedHeaders=content-type;host"
    seed = f"TC3-HMAC-SHA256 {scope}, Signature={'0' * 64}"
    return attempt, [b"\x00".join((seed.encode(), b"1795000000", b"application/json", b"localhost", b"{}"))]


def form(app):
    """Uploads: any multipart body. The WebUI is away, so a good one ends as 502."""
    client = app.test_client()
    text = services_of(app).tokens.issue("tester", {"voices"}).text
    headers = {"Authorization": f"Bearer {text}"}

    def attempt(data):
        kind = "multipart/form-data; boundary=b"
        answer = client.post("/voices", data=data, headers=headers, content_type=kind)
        if answer.status_code not in (413, 422, 502, 503, 409):
            raise BrokenPromiseError((answer.status_code, data))
        answer.close()

    part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    clip = b'--b\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\nRIFF1234WAVEfmt \r\n--b--\r\n'
    fields = {
        b"title": b"a", b"consent_person": b"b", b"consent_purpose": b"c",
        b"consent_agreed_at": b"2026-11-01T00:00:00Z", b"consent_statement": b"I agree to this.",
    }  # fmt: skip
    return attempt, [b"".join(part % pair for pair in fields.items()) + clip, b"--b--", clip]


def clip():
    """Recordings: any bytes, in every container that is taken. What is decoded is short, finite and one channel."""

    def attempt(data):
        try:
            heard = read_clip(data)
        except BadClipError as error:
            if not str(error).strip():
                raise BrokenPromiseError(data) from error
            return
        is_sound = heard.samples.ndim == 1 and np.isfinite(heard.samples).all()
        if not is_sound or not SHORTEST_S <= heard.duration_s <= LONGEST_S:
            raise BrokenPromiseError(data)

    tone = 0.3 * np.sin(2 * np.pi * 150 * np.arange(1600) / 8000)
    return attempt, [encode(tone, 8000, name) for name in ("wav", "mp3", "m4a", "aac", "ogg", "flac")]


TARGETS = {"token": token, "link": link, "tencent": tencent, "form": form}


def prepared(name):
    """The target ``name``, around a proxy in a folder of its own if it needs one, its seeds, and what ends both."""
    if name == "clip":
        return *clip(), lambda: None
    folder = tempfile.TemporaryDirectory(prefix="tts-fuzz-")
    app = proxy(folder.name)
    attempt, seeds = TARGETS[name](app)

    def close():
        services_of(app).voices.store.close()
        services_of(app).engine.dispose()
        folder.cleanup()

    return attempt, seeds, close


def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed(header, payload):
    told = f"{_part(header)}.{_part(payload)}"
    mac = hmac.digest(SECRET.encode(), told.encode(), hashlib.sha256)
    return f"{told}.{_part(mac)}"


def _mutated(good, data):
    characters = list(good)
    for i in range(0, len(data) - 2, 3):
        characters[int.from_bytes(data[i : i + 2], "big") % len(characters)] = chr(data[i + 2])
    return "".join(characters)
