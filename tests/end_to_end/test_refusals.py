"""Whatever is wrong gets its 4xx with a sentence, over the wire; nothing is stored and nothing hangs."""

import base64
import json
import time

import jwt
import pytest
import requests

from app.storage.local import LocalStorage, link_secret
from tests.end_to_end.stack import ROOT

GOOD = {"text": "你好"}


def raw(**changes):
    return json.dumps(GOOD | changes).encode()


BODIES = [
    ("no body", b"", 400),
    ("no json", b"text=hello", 400),
    ("cut json", b'{"text": "hello"', 400),
    ("array", b'["hello"]', 400),
    ("number", b"1", 400),
    ("null", b"null", 400),
    ("not utf-8", b'{"text": "\xff\xfe"}', 400),
    ("nested", b"[" * 2000, 400),
    ("nested object", b'{"a":' * 2000, 400),
    ("duplicate key", b'{"text": "a", "text": "b"}', 400),
    ("nan", b'{"text": "a", "speed": NaN}', 400),
    ("infinity", b'{"text": "a", "speed": Infinity}', 400),
    ("no text", b"{}", 422),
    ("empty", raw(text=""), 422),
    ("white space", raw(text=" \t\n\u3000"), 422),
    ("emoji only", raw(text="😀🎉👍🏽"), 422),
    ("punctuation only", raw(text="……！？"), 422),
    ("control characters", raw(text="你\x00好"), 422),
    ("escape", raw(text="\x1b[31m你好"), 422),
    ("lone surrogate", b'{"text": "\\ud800"}', 422),
    ("text is a number", raw(text=1), 422),
    ("text is a list", raw(text=["你好"]), 422),
    ("text is null", raw(text=None), 422),
    ("unknown speaker", raw(speaker="nobody"), 422),
    ("speaker with a path", raw(speaker="../../etc/passwd"), 422),
    ("speed 0", raw(speed=0), 422),
    ("speed negative", raw(speed=-1), 422),
    ("speed too high", raw(speed=2.01), 422),
    ("speed is text", raw(speed="1.0"), 422),
    ("speed is true", raw(speed=True), 422),
    ("speed huge", b'{"text": "a", "speed": 1e308}', 422),
    ("speed of 400 digits", b'{"text": "a", "speed": 1' + b"0" * 400 + b"}", 422),
    ("unknown format", raw(format="exe"), 422),
    ("unknown sample rate", raw(sample_rate=1), 422),
    ("unknown field", raw(volum=1), 422),
    ("1001 characters", raw(text="字" * 1001), 413),
    ("100 kB", raw(text="字" * 33_334), 413),
]


def send(stack, body, **headers):
    headers = {"X-API-Key": stack.key, "Content-Type": "application/json"} | headers
    return stack.request("POST", "/tts", data=body, headers=headers, timeout=60)


def is_problem(answer, status):
    body = answer.json()
    assert answer.status_code == body["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body["detail"] == body["error"]
    assert body["code"]
    assert body["request_id"]
    assert any("\u4e00" <= character <= "\u9fff" for character in body["detail"])
    assert "Traceback" not in answer.text
    assert str(ROOT) not in answer.text
    return True


@pytest.mark.parametrize(("body", "status"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_a_bad_body_is_refused_and_nothing_is_stored(stack, body, status):
    before = stack.stored()
    assert is_problem(send(stack, body), status)
    assert stack.stored() == before


def test_after_all_that_a_good_request_works(stack):
    assert send(stack, raw()).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_content_type_is_415(stack, media_type):
    assert is_problem(send(stack, raw(), **{"Content-Type": media_type}), 415)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/tts"), ("DELETE", "/tts"), ("POST", "/healthz"), ("PUT", "/voices")]
)
def test_another_method_is_405_and_says_which_are_allowed(stack, method, path):
    answer = stack.request(method, path)
    assert is_problem(answer, 405)
    assert answer.headers["Allow"]


def test_an_unknown_path_is_404(stack):
    assert is_problem(stack.request("GET", "/nothing"), 404)


def forged(stack, **changes):
    """A token as the server makes them, with other claims and the server's own secret."""
    answer = stack.request("POST", "/auth/token", headers={"X-API-Key": stack.key})
    token = answer.json()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    return jwt.get_unverified_header(token), {name: value for name, value in claims.items() if value is not None}, token


def signed(stack, **changes):
    header, claims, _ = forged(stack, **changes)
    secret = stack.secret.partition(":")[2]
    return jwt.encode(claims, secret, algorithm="HS256", headers=header)


def segment(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def tampered(stack):
    _, claims, token = forged(stack)
    head, _, signature = token.split(".")
    return f"{head}.{segment(claims | {'sub': 'admin', 'scope': 'tts voices admin'})}.{signature}"


def unsigned(stack):
    header, claims, _ = forged(stack)
    return f"{segment(header | {'alg': 'none'})}.{segment(claims)}."


def by_another(stack):
    header, claims, _ = forged(stack)
    return jwt.encode(claims, "another secret of more than 32 bytes", algorithm="HS256", headers=header)


TOKENS = {
    "expired": lambda stack: signed(stack, iat=int(time.time()) - 7200, nbf=None, exp=int(time.time()) - 3600),
    "no expiry": lambda stack: signed(stack, exp=None),
    "no subject": lambda stack: signed(stack, sub=None),
    "other issuer": lambda stack: signed(stack, iss="somebody"),
    "other audience": lambda stack: signed(stack, aud="something"),
    "tampered": tampered,
    "alg none": unsigned,
    "another secret": by_another,
    "nonsense": lambda _: "abc.def.ghi",
    "empty": lambda _: "",
    "huge": lambda _: "a" * 6000,
}


def test_the_forger_here_can_make_a_good_token(stack):
    answer = stack.tts({"Authorization": f"Bearer {signed(stack)}"}, **GOOD)
    assert answer.status_code == 200


@pytest.mark.parametrize("make", TOKENS.values(), ids=TOKENS)
def test_a_bad_token_is_401(stack, make):
    answer = stack.tts({"Authorization": f"Bearer {make(stack)}"}, **GOOD)
    assert is_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers", [{"A": "b"}, {"X-API-Key": "tts_wrong"}, {"Authorization": "Basic YTpi"}, {"X-API-Key": "é"}]
)
def test_no_or_a_wrong_key_is_401(stack, headers):
    assert is_problem(stack.tts({name: value.encode("latin-1") for name, value in headers.items()}, **GOOD), 401)


def test_a_revoked_key_is_401_and_so_are_its_tokens(stack):
    key = stack.command("-m", "app", "keys", "create", "short").strip()
    token = stack.request("POST", "/auth/token", headers={"X-API-Key": key}).json()["access_token"]
    number = next(
        line.split("\t")[0] for line in stack.command("-m", "app", "keys", "list").splitlines() if "short" in line
    )
    assert stack.tts({"X-API-Key": key}, **GOOD).status_code == 200
    stack.command("-m", "app", "keys", "revoke", number)
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {token}"}):
        assert is_problem(stack.tts(headers, **GOOD), 401)


def test_a_token_may_not_do_what_an_administrator_may(stack, bearer):
    assert is_problem(stack.request("POST", "/prewarm", json={"texts": ["你好"]}, headers=bearer), 403)


def test_a_link_that_is_replayed_after_its_time_is_403(stack):
    name = stack.tts(**GOOD).json()["audio_url"].rpartition("/")[2].partition("?")[0]
    secret = link_secret(stack.secret.partition(":")[2].encode())
    past = LocalStorage(stack.folder / "audio", secret, stack.url, now=lambda: time.time() - 7200)
    answer = stack.session.get(past.url(name, 3600), timeout=60)
    assert is_problem(answer, 403)
    assert answer.json()["code"] == "link_expired"
    assert stack.session.get(past.url(name, 10_800), timeout=60).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/audio/..%2f..%2fapp.db",
        "/audio/../../app.db",
        "/audio/%2e%2e/app.db",
        "/audio/..%5capp.db",
        "/audio//etc/passwd",
        "/audio/.htaccess",
        "/audio/a%00.mp3",
        "/audio/",
        "/audio/a.mp3?expires=9999999999&signature=" + "0" * 64,
        "/audio/a.mp3?expires=9999999999&signature=%ff",
        "/audio/a.mp3",
    ],
)
def test_path_tricks_open_nothing(stack, path):
    request = requests.Request("GET", stack.url).prepare()
    request.url = stack.url + path  # as it is, not tidied
    answer = stack.session.send(request, timeout=60)
    assert answer.status_code in (308, 403, 404)
    if answer.status_code != 308:
        assert is_problem(answer, answer.status_code)
    assert b"SQLite" not in answer.content
