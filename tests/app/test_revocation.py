"""What ends before its time: a token, a subject, a key; and what the audit says of it."""

import json

import pytest

from app.audit import Audit, Query
from app.auth import NewKey


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def token(services):
    return lambda subject="tester": services.tokens.issue(subject, {"tts"}).text


def test_a_user_ends_its_own_token_and_no_other(client, token):
    one, other = token(), token()
    answer = client.post("/auth/revoke", headers=bearer(one))
    assert (answer.status_code, answer.get_json()) == (200, {"revoked": "token"})
    assert client.get("/voices", headers=bearer(one)).status_code == 401
    assert client.get("/voices", headers=bearer(other)).status_code == 200
    assert client.post("/auth/revoke", headers=bearer(one)).status_code == 401


def test_a_user_ends_all_its_tokens_and_nobody_elses(client, token, clock):
    mine, phone, theirs = token(), token(), token("somebody")
    assert client.post("/auth/revoke", json={"everywhere": True}, headers=bearer(mine)).status_code == 200
    statuses = [client.get("/voices", headers=bearer(one)).status_code for one in (mine, phone, theirs)]
    assert statuses == [401, 401, 200]
    clock.now_s += 1
    assert client.get("/voices", headers=bearer(token())).status_code == 200


@pytest.mark.parametrize("body", [{"everywhere": "yes"}, {"everywhere": 1}, {"all": True}, {"everywhere": None}])
def test_a_revocation_that_cannot_be_read_ends_nothing(client, token, body):
    one = token()
    assert client.post("/auth/revoke", json=body, headers=bearer(one)).status_code == 422
    assert client.get("/voices", headers=bearer(one)).status_code == 200


def test_a_key_cannot_be_revoked_over_the_net(client, key):
    refused = client.post("/auth/revoke", headers={"X-API-Key": key})
    assert (refused.status_code, "keys revoke" in refused.get_json()["detail"]) == (401, True)  # the key is good
    assert client.get("/voices", headers={"X-API-Key": key}).status_code == 200


def test_logging_out_does_not_unblock(services, clock):
    services.tokens.revoke_subject("bad", block=True)
    clock.now_s += 10
    services.tokens.revoke_subject("bad", actor="bad")
    assert services.tokens.unblock("bad") is True
    assert services.tokens.unblock("bad") is False


def test_a_block_is_never_forgotten_and_a_log_out_is(services, clock):
    services.tokens.revoke_subject("bad", block=True)
    services.tokens.revoke_subject("good")
    clock.now_s += 2000
    assert services.tokens.forget_expired() == 1
    assert services.tokens.unblock("bad") is True


def test_guessing_one_keys_secret_is_limited_wherever_it_comes_from(make_app):
    from app.services import services_of

    app = make_app(limits__failures_per_key="3/hour")
    client, keys = app.test_client(), services_of(app).keys
    good, other = keys.create(NewKey("a", ("tts",)))[1], keys.create(NewKey("b", ("tts",)))[1]
    wrong = f"{good[:13]}{'A' * 43}"
    answers = [
        client.get("/voices", headers=bearer(wrong), environ_base={"REMOTE_ADDR": f"192.0.2.{i}"}) for i in range(5)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert int(answers[4].headers["Retry-After"]) >= 1
    assert client.get("/voices", headers={"X-API-Key": good}).status_code == 200
    assert client.get("/voices", headers={"X-API-Key": f"{other[:13]}{'A' * 43}"}).status_code == 401


@pytest.mark.parametrize("path", ["/auth/token", "/auth/wechat", "/auth/revoke"])
def test_every_route_of_auth_is_limited_by_address(make_app, path):
    client = make_app(limits__token_per_address="2/hour").test_client()
    statuses = [client.post(path, json={}).status_code for _ in range(4)]
    assert statuses[2:] == [429, 429]
    assert statuses[0] != 429


# ---- the audit


def test_the_audit_tells_of_keys_and_tokens_without_any_secret(services, client, key):
    answer = client.post("/auth/token", headers={"X-API-Key": key})
    one = answer.get_json()["access_token"]
    client.post("/auth/revoke", headers=bearer(one))
    services.keys.revoke(key[4:12])
    entries = list(Audit(services.engine).all(Query()))
    told = [(entry.actor, entry.action) for entry in entries]
    subject = f"key:{key[4:12]}"
    assert told == [("cli", "key.create"), (subject, "token.issue"), (subject, "token.revoke"), ("cli", "key.revoke")]
    assert entries[1].target == entries[2].target
    assert key[13:] not in str(entries) and one.split(".")[2] not in str(entries)


def test_the_audit_is_read_page_by_page_by_administrators_alone(services, client, key, auth, clock):
    begun_s = clock.now_s
    for i in range(5):
        clock.now_s = begun_s + 60 * i
        services.tokens.revoke_subject(f"user-{i}")
    assert client.get("/audit", headers=auth).status_code == 403
    assert client.get("/audit").status_code == 401
    headers, after, seen = {"X-API-Key": key}, 0, []
    while after is not None:
        page = client.get(f"/audit?limit=2&action=subject.revoke&after={after}", headers=headers).get_json()
        seen += [entry["target"] for entry in page["entries"]]
        after = page.get("next_after")
    assert seen == [f"user-{i}" for i in range(5)]
    later = client.get("/audit?action=subject&since=2026-11-18T11:48:20Z", headers=headers)
    assert later.status_code == 200


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "after=-1", "since=yesterday", "since=2026-11-01T00:00:00", "action=%00",
     "page=2", "actor=a%20b", "until=9999999999999999999", "after=99999999999999999999"],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_422(client, key, query):
    assert client.get(f"/audit?{query}", headers={"X-API-Key": key}).status_code == 422


def test_a_long_audit_is_exported_in_pages(services):
    for i in range(1203):
        services.tokens.revoke_subject(f"user-{i}")
    targets = [entry.target for entry in Audit(services.engine).all(Query(action="subject.revoke"))]
    assert targets == [f"user-{i}" for i in range(1203)]
    assert Audit(services.engine).forget_before(services.now() + 1) == 1203


def test_commands_rotate_revoke_and_export(environ, make_app, monkeypatch, capsys, clock):
    from app import __main__ as commands
    from app.services import services_of

    app = make_app()
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(commands, "create_app", lambda settings: app)
    token = services_of(app).tokens.issue("wx:somebody", {"tts"}).text
    assert commands.main(["keys", "rotate-jwt"]) == 0
    assert "无需重启" in capsys.readouterr().err
    assert commands.main(["subjects", "revoke", "wx:somebody", "--block"]) == 0
    assert app.test_client().get("/voices", headers=bearer(token)).status_code == 401
    assert commands.main(["subjects", "unblock", "wx:somebody"]) == 0
    assert commands.main(["subjects", "unblock", "wx:somebody"]) == 1
    capsys.readouterr()
    assert commands.main(["audit", "--actor", "cli"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["action"] for line in lines] == ["jwt.rotate", "subject.block", "subject.unblock"]
    assert commands.main(["audit", "--format", "csv", "--action", "jwt", "--since", "2020-01-01"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "id,at,actor,action,target,detail"
    assert commands.main(["keys", "rotate-jwt", "--leaked"]) == 0


@pytest.mark.parametrize("text", ["yesterday", "2020-01-01", "0d", "2026-13-01", "-5d"])
def test_a_key_cannot_end_in_the_past(text):
    import argparse

    from app.administration import expiry

    with pytest.raises(argparse.ArgumentTypeError):
        expiry(text)


def test_a_key_ends_on_a_date_or_after_days():
    import time

    from app.administration import expiry

    assert expiry("2099-01-31") == 4_073_500_800
    assert abs(expiry("90d") - time.time() - 90 * 86_400) < 60
