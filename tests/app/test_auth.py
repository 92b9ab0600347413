"""Tokens and keys: what opens the door, and the many things that do not."""

import base64
import errno
import hashlib
import hmac
import io
import json
import os
from dataclasses import replace

import jwt
import pytest
from sqlalchemy import select, text

from app.auth import NewKey, Tokens
from app.database import AuditEntry
from app.errors import CredentialError
from app.keyring import Keyring, load_keyring, write_private
from settings import AuthSettings, SettingsError

OTHER = "q8Ry-3nXv0_MoSu5WcZd9PeGh4ItKb7F"


def part(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header, payload, secret):
    """A token signed by hand: what a library refuses to write can still arrive."""
    signed = f"{part(header)}.{part(payload)}"
    mac = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.fixture
def forge(environ, clock):
    """A token that is right but for the given changes; a claim of None is left out."""
    secret = environ["TTS__AUTH__JWT_SECRET"]
    now = int(clock.now_s)

    def make(header=(), secret=secret, **changes):
        claims = {
            "iss": "tts-proxy", "aud": "tts-api", "sub": "tester", "iat": now, "exp": now + 900,
            "jti": "abc", "scope": "tts",
        }  # fmt: skip
        payload = {name: value for name, value in (claims | changes).items() if value is not None}
        return sign({"alg": "HS256", "typ": "at+jwt", "kid": "1"} | dict(header), payload, secret)

    return make


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_good_token_opens_the_door(client, forge):
    assert client.get("/voices", headers=bearer(forge())).status_code == 200


HUGE = 10**400
BAD_CLAIMS = [
    {"iss": "someone"}, {"iss": None}, {"iss": ["tts-proxy"]}, {"iss": "tts"},
    {"aud": "other"}, {"aud": None}, {"aud": ["tts-api", "other"]}, {"aud": ["tts-api"]},
    {"sub": None}, {"sub": ""}, {"sub": "a" * 65}, {"sub": "a b"}, {"sub": "\ud800"}, {"sub": 7}, {"sub": "١"},
    {"sub": "a\n"}, {"jti": None}, {"jti": ""}, {"jti": "x" * 5000}, {"jti": ["a"]}, {"jti": "a\n"},
    {"iat": None}, {"iat": True}, {"iat": "now"}, {"iat": 1e308}, {"iat": HUGE}, {"iat": -1},
    {"exp": None}, {"exp": True}, {"exp": "never"}, {"exp": 1e308}, {"exp": HUGE}, {"exp": -HUGE}, {"exp": 1.5e9},
    {"exp": [1]}, {"scope": ["tts"]}, {"scope": "t" * 101}, {"client_id": "a b"}, {"client_id": 5},
]  # fmt: skip


@pytest.mark.parametrize("change", BAD_CLAIMS, ids=lambda change: str(change)[:40])
def test_a_signed_token_with_a_bad_claim_is_refused(client, forge, change):
    answer = client.get("/voices", headers=bearer(forge(**change)))
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"}, {"alg": "None"}, {"alg": "HS512"}, {"alg": "RS256"}, {"alg": None}, {"alg": ["HS256"]},
        {"typ": "JWT"}, {"typ": None}, {"typ": ["at+jwt"]}, {"kid": None}, {"kid": "2"}, {"kid": ""}, {"kid": 1},
        {"kid": "../../etc/passwd"}, {"kid": "' OR 1=1 --"}, {"kid": "k" * 33}, {"kid": "1\n"}, {"kid": ["1"]},
        {"crit": ["exp"]}, {"crit": ["b64"], "b64": False},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_with_a_bad_header_is_refused(client, forge, header):
    answer = client.get("/voices", headers=bearer(forge(header)))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tts", error="invalid_token"'


def test_no_jku_or_x5u_is_ever_followed(client, forge):
    evil = {"jku": "http://127.0.0.1:9/keys", "x5u": "http://127.0.0.1:9/cert", "jwk": {"kty": "oct", "k": "AA"}}
    assert client.get("/voices", headers=bearer(forge(evil, secret=OTHER))).status_code == 401


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-2],
        lambda token: token.rsplit(".", 1)[0] + ".",
        lambda token: token.rsplit(".", 1)[0],
        lambda token: token + "A" * 4096,
        lambda token: "." + token,
        lambda token: token.replace(".", "..", 1),
        lambda token: token[:20] + "é" + token[20:],
        lambda token: "",
        lambda token: "a.b.c",
        lambda token: "[" * 3000,
        lambda token: f"{part(b'[' * 1000)}.{part({})}.AA",
        lambda token: part(b'{"a":' * 1000) + f".{part({})}.AA",
        lambda token: f"{part([1])}.{part({})}.AA",
    ],
)
def test_a_damaged_token_is_refused_and_never_an_error_of_ours(client, forge, spoil):
    answer = client.get("/voices", headers={"Authorization": f"Bearer {spoil(forge())}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "payload",
    [
        b'{"sub":"a","sub":"b","iss":"tts-proxy","aud":"tts-api","iat":1795000000,"exp":1795000900,"jti":"x"}',
        b'{"sub":"a","iss":"tts-proxy","aud":"tts-api","iat":1795000000,"exp":Infinity,"jti":"x"}',
        b'{"sub":"a","iss":"tts-proxy","aud":"tts-api","iat":NaN,"exp":1795000900,"jti":"x"}',
        b'{"sub":"a","iss":"tts-proxy","aud":"tts-api","iat":1795000000,"exp":1e999,"jti":"x"}',
        b'{"sub":' + b"[" * 900 + b"]" * 900 + b"}",
        '{"sub":"a","iss":"tts-proxy","aud":"tts-api","iat":1795000000,"exp":1795000900,"jti":"x"}'.encode("utf-16"),
        b"[]",
        b"null",
        b"\xff",
    ],
)
def test_a_payload_that_parsers_disagree_on_is_refused(client, environ, payload):
    header = {"alg": "HS256", "typ": "at+jwt", "kid": "1"}
    token = sign(header, payload, environ["TTS__AUTH__JWT_SECRET"])
    assert client.get("/voices", headers=bearer(token)).status_code == 401


def test_another_key_of_the_same_id_is_refused(client, forge):
    assert client.get("/voices", headers=bearer(forge(secret=OTHER))).status_code == 401


@pytest.mark.parametrize(
    ("after_s", "status"),
    [(-11, 401), (-10, 200), (0, 200), (909, 200), (910, 401), (10**9, 401)],
)
def test_a_token_holds_for_its_lifetime_and_the_leeway(client, forge, clock, after_s, status):
    token = forge()
    clock.now_s += after_s
    assert client.get("/voices", headers=bearer(token)).status_code == status


def test_a_token_that_lives_longer_than_ours_is_refused(client, forge, clock):
    assert client.get("/voices", headers=bearer(forge(exp=int(clock.now_s) + 901))).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic dTpw"},
        {"Authorization": ""},
        {"X-API-Key": ""},
        {"X-API-Key": "tts_abcdefgh_" + "A" * 43},
        {"X-API-Key": "tts_abcdefgh_" + "A" * 42 + "\u00e9"},
        {"X-API-Key": "k" * 8000},
    ],
    ids=str,
)
def test_without_a_good_credential_the_door_stays_shut(client, headers, gateway):
    answer = client.post("/tts", json={"text": "你好"}, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="tts"')
    assert gateway.orders == []


def test_two_credentials_at_once_are_refused(client, auth, key):
    assert client.get("/voices", headers=auth | {"X-API-Key": key}).status_code == 401


def test_every_refusal_says_the_same(client, forge, clock):
    tokens = [forge(secret=OTHER), forge({"kid": "9"}), forge(exp=int(clock.now_s) - 100), "a.b.c"]
    details = {client.get("/voices", headers=bearer(token)).get_json()["detail"] for token in tokens}
    assert details == {"凭证无效或已过期：请重新取得令牌，或检查 API 密钥。"}


def test_a_key_becomes_a_token_of_the_same_subject(client, key, services):
    answer = client.post("/auth/token", headers={"X-API-Key": key})
    body = answer.get_json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 900, "tts voices")
    assert answer.headers["Cache-Control"] == "no-store"
    by_token = services.tokens.verify(body["access_token"])
    by_key = services.keys.verify(key)
    assert by_token.subject == by_key.subject
    assert by_token.scopes == {"tts", "voices"}  # admin never goes into a phone
    header = jwt.get_unverified_header(body["access_token"])
    assert header == {"alg": "HS256", "kid": "1", "typ": "at+jwt"}


def test_a_token_may_have_fewer_scopes_but_never_more(client, key, services):
    body = client.post("/auth/token", json={"scopes": ["tts"]}, headers={"X-API-Key": key}).get_json()
    assert body["scope"] == "tts"
    narrow = services.keys.create(NewKey("narrow", ("tts",)))[1]
    answer = client.post("/auth/token", json={"scopes": ["voices"]}, headers={"X-API-Key": narrow})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "insufficient_scope")
    answer = client.post("/auth/token", json={"scopes": ["admin"]}, headers={"X-API-Key": key})
    assert answer.status_code == 422


def test_a_token_cannot_beget_another(client, key, auth):
    token = client.post("/auth/token", headers={"X-API-Key": key}).get_json()["access_token"]
    for headers in (bearer(token), auth):
        assert client.post("/auth/token", headers=headers).status_code == 401


def test_an_empty_body_of_any_type_is_no_body(client, key):
    answer = client.post("/auth/token", data=b"", content_type="application/json", headers={"X-API-Key": key})
    assert answer.status_code == 200
    answer = client.post("/auth/token", data=b"scopes=tts", content_type="text/plain", headers={"X-API-Key": key})
    assert answer.status_code == 415


def test_a_scope_that_is_missing_is_403_and_named(client, auth):
    answer = client.post("/prewarm", json={"texts": ["你好"]}, headers=auth)
    assert (answer.status_code, answer.get_json()["scope"]) == (403, "admin")
    assert 'error="insufficient_scope", scope="admin"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_key_opens_the_door_by_either_header(client, key, header):
    value = f"Bearer {key}" if header == "Authorization" else key
    assert client.get("/voices", headers={header: value}).status_code == 200


def test_the_database_holds_nothing_that_opens_a_door(services, key):
    secret = key.rsplit("_", 1)[1] if "_" not in key[13:] else key[13:]
    with services.engine.connect() as connection:
        dump = str(connection.execute(text("SELECT * FROM api_keys")).all())
    assert secret not in dump
    assert hashlib.sha256(key[13:].encode()).hexdigest() in dump


def test_a_wrong_secret_of_a_known_key_is_refused(client, key):
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert client.get("/voices", headers={"X-API-Key": wrong}).status_code == 401


def test_a_revoked_key_and_its_tokens_are_refused_at_once(client, services, key):
    token = client.post("/auth/token", headers={"X-API-Key": key}).get_json()["access_token"]
    assert client.get("/voices", headers=bearer(token)).status_code == 200
    assert services.keys.revoke(key[4:12]) is True
    assert client.get("/voices", headers={"X-API-Key": key}).status_code == 401
    assert client.get("/voices", headers=bearer(token)).status_code == 401
    assert services.keys.revoke(key[4:12]) is False


def test_a_key_expires(client, services, clock):
    key = services.keys.create(NewKey("short", ("tts",), clock.now_s + 60))[1]
    assert client.get("/voices", headers={"X-API-Key": key}).status_code == 200
    clock.now_s += 60
    assert client.get("/voices", headers={"X-API-Key": key}).status_code == 401


def test_a_token_does_not_outlive_the_key_it_was_made_from(client, services, clock):
    key = services.keys.create(NewKey("short", ("tts",), clock.now_s + 60))[1]
    token = client.post("/auth/token", headers={"X-API-Key": key}).get_json()["access_token"]
    assert client.post("/tts", json={"text": "你好"}, headers=bearer(token)).status_code == 200
    clock.now_s += 60
    answer = client.post("/tts", json={"text": "你好"}, headers=bearer(token))
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized")


def test_the_list_of_keys_tells_when_one_was_used(client, services, key, clock):
    client.get("/voices", headers={"X-API-Key": key})
    (listed,) = services.keys.all()
    assert (listed.name, listed.scopes, listed.last_used_s) == ("test", "tts voices admin", clock.now_s)
    assert listed.hash is None


def test_creating_and_revoking_is_audited_without_the_secret(services, key):
    services.keys.revoke(key[4:12], actor="boss")
    with services.engine.connect() as connection:
        rows = connection.execute(select(AuditEntry.actor, AuditEntry.action, AuditEntry.target)).all()
    assert rows == [("cli", "key.create", key[4:12]), ("boss", "key.revoke", key[4:12])]


def test_a_revoked_token_is_refused_until_it_is_forgotten_after_its_end(services, clock):
    issued = services.tokens.issue("tester", {"tts"})
    services.tokens.revoke(issued.text)
    with pytest.raises(CredentialError):
        services.tokens.verify(issued.text)
    assert services.tokens.forget_expired() == 0
    clock.now_s += 900 + 21
    assert services.tokens.forget_expired() == 1


@pytest.mark.parametrize("subject", ["", "a b", "a" * 65, "用户", "a\n"])
def test_a_token_is_not_made_for_a_name_that_would_not_be_accepted(services, subject):
    with pytest.raises(ValueError, match="subject"):
        services.tokens.issue(subject, {"tts"})


def test_rotation_in_four_steps_never_refuses_a_good_token(services, environ):
    old, new = environ["TTS__AUTH__JWT_SECRET"].encode(), OTHER.encode()
    first = services.tokens
    published = replace(first, keyring=Keyring({"1": old, "2": new}))  # 1: every process can verify the new key
    signing = replace(first, keyring=Keyring({"2": new, "1": old}))  # 2: the new key signs
    dropped = replace(first, keyring=Keyring({"2": new}))  # 4: 3 was to wait
    old_token, new_token = published.issue("a", {"tts"}).text, signing.issue("a", {"tts"}).text
    for tokens in (published, signing):
        assert {tokens.verify(token).subject for token in (old_token, new_token)} == {"a"}
    assert dropped.verify(new_token).subject == "a"
    with pytest.raises(CredentialError):
        dropped.verify(old_token)
    with pytest.raises(CredentialError):
        first.verify(new_token)


@pytest.mark.parametrize(
    "text_",
    ["", "\n\n", "short", "a" * 64, "1:" + "ab" * 32, f"1:{OTHER}\n1:{OTHER}x", f"k k:{OTHER}", f"a/b:{OTHER} x"],
)
def test_a_weak_or_garbled_secret_stops_the_start(text_):
    with pytest.raises(SettingsError) as caught:
        load_keyring(AuthSettings(jwt_secret=text_))
    assert text_ == "" or text_.strip() == "" or text_ not in str(caught.value)


def test_the_secret_file_is_read_only_when_nobody_else_can(tmp_path):
    path = tmp_path / "deep" / "jwt_secret"
    settings = AuthSettings(jwt_secret_file=path)
    with pytest.raises(SettingsError, match="缺少机密文件"):
        load_keyring(settings)
    write_private(path, f"new:{OTHER}\nold:{OTHER}x")
    assert path.stat().st_mode & 0o777 == 0o600
    keyring = load_keyring(settings)
    assert (keyring.signing_kid, list(keyring.keys)) == ("new", ["new", "old"])
    assert OTHER not in repr(keyring)
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_keyring(settings)
    with pytest.raises(FileExistsError):
        write_private(path, "x")


def test_a_full_disk_leaves_no_empty_secret_behind(tmp_path, monkeypatch):
    class Full(io.StringIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(descriptor, *_, **__):
        os.close(descriptor)
        return Full()

    monkeypatch.setattr("app.keyring.os.fdopen", opened)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "secret", "x")
    assert list(tmp_path.iterdir()) == []


def test_no_secret_is_in_a_refusal_or_a_repr_or_the_log(client, services, forge, environ, caplog, key):
    caplog.set_level("DEBUG")
    token = forge(exp=1)
    client.get("/voices", headers=bearer(token))
    client.get("/voices", headers={"X-API-Key": key[:-1] + "_"})
    shown = caplog.text + repr(services.tokens) + repr(services.settings) + repr(services.links)
    for secret in (environ["TTS__AUTH__JWT_SECRET"], token, key[13:-1]):
        assert secret not in shown


def test_mutated_tokens_are_never_accepted_and_never_break_anything(services):
    import random

    tokens: Tokens = services.tokens
    good = tokens.issue("tester", {"tts"}).text
    generator = random.Random(7)
    alphabet = "ABCdef019-_.={}\x00é"
    for _ in range(2000):
        characters = list(good)
        # the last character of a signature has bits that do not count: changing it may change nothing
        position = generator.randrange(len(good) - 1)
        characters[position] = generator.choice(alphabet)
        mutated = "".join(characters)
        if mutated == good:
            continue
        with pytest.raises(CredentialError):
            tokens.verify(mutated)
