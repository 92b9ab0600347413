"""Logging in from a mini-program, around a WeChat that checks what the real one checks."""

import json
import threading

import pytest
from sqlalchemy import text

from app.errors import WeChatDownError
from app.services import services_of
from settings import SettingsError
from tests.app.wechat_server import APPID, SECRET, SESSION_KEY, error, wechat_server

OPENID = "oABC-123_openid-of-somebody"


@pytest.fixture
def wechat():
    with wechat_server() as server:
        yield server


@pytest.fixture
def make_login_app(make_app, wechat):
    """As ``make_app``, for the mini-program of the stand-in."""
    apps = []

    def make(**changes):
        given = {"wechat__appid": APPID, "wechat__secret": SECRET, "wechat__api_url": wechat.url} | changes
        apps.append(make_app(**given))
        return apps[-1]

    yield make
    for app in apps:
        login = services_of(app).identity.login
        if login is not None:
            login.wechat._session.close()


@pytest.fixture
def client(make_login_app):
    return make_login_app().test_client()


def login(client, code, **options):
    return client.post("/auth/wechat", json={"code": code}, **options)


def bearer(answer):
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def dump(app):
    """Everything the database holds, as text."""
    with services_of(app).engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        return "".join(str(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in names)


def test_a_login_gives_a_token_that_speaks(client, wechat):
    answer = login(client, wechat.code())
    told = answer.get_json()
    assert (answer.status_code, told["token_type"], told["expires_in"], told["scope"]) == (200, "Bearer", 900, "tts")
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.post("/tts", json={"text": "你好"}, headers=bearer(answer)).status_code == 200
    (call,) = wechat.asked("/sns/jscode2session")
    assert set(call["query"]) == {"appid", "secret", "js_code", "grant_type"}


def test_the_same_user_is_the_same_subject_and_another_is_another(client, wechat, make_login_app):
    services = services_of(client.application)
    subjects = [
        services.tokens.verify(login(client, wechat.code(openid)).get_json()["access_token"]).subject
        for openid in (OPENID, OPENID, "o-somebody-else")
    ]
    assert subjects[0] == subjects[1] != subjects[2]
    assert all(len(subject) == 43 and subject.startswith("wx:") for subject in subjects)


def test_neither_openid_nor_session_key_is_said_or_stored_or_logged(make_login_app, wechat, caplog):
    caplog.set_level("DEBUG")
    app = make_login_app()
    answer = login(app.test_client(), wechat.code())
    stored = dump(app)
    for private in (OPENID, SESSION_KEY, SECRET, "u-1"):
        assert private not in answer.text
        assert private not in stored
        assert private not in caplog.text
        assert private not in repr(services_of(app).identity)


@pytest.mark.parametrize(
    ("code", "status", "named"),
    [
        (40029, 401, "wechat_code_invalid"), (40163, 401, "wechat_code_invalid"), (40226, 403, "subject_blocked"),
        (45011, 429, "wechat_busy"), (45009, 503, "wechat_unavailable"), (40013, 502, "wechat_failed"),
        (40125, 502, "wechat_failed"), (41002, 502, "wechat_failed"), (40066, 502, "wechat_failed"),
        (40164, 502, "wechat_failed"), (99999, 502, "wechat_failed"), (-1, 503, "wechat_unavailable"),
    ],
)  # fmt: skip
def test_every_error_of_wechat_is_a_clear_problem(client, wechat, code, status, named):
    wechat.answers = [error(code, "whatever")] * 2
    answer = login(client, wechat.code())
    assert (answer.status_code, answer.get_json()["code"]) == (status, named)
    assert ("Retry-After" in answer.headers) is (status in (429, 503))
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "whatever" not in answer.text


def test_a_busy_wechat_is_asked_once_more(client, wechat):
    wechat.answers = [error(-1, "system error")]
    assert login(client, wechat.code()).status_code == 200
    assert len(wechat.calls) == 2


def test_a_code_is_good_once_also_when_it_comes_twice_at_the_same_time(client, wechat):
    code = wechat.code()
    answers = []

    def attempt():
        answers.append(login(client.application.test_client(), code).status_code)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 401, 401, 401]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<html>", b"[]", b"null", b'{"openid": ""}', b'{"openid": 7}', b"{}", b'{"openid": "a b c d e f"}',
        b'{"errcode": "0", "openid": "oABC-123"}', b'{"errcode": true, "openid": "oABC-123"}',
        b'{"openid": "' + b"o" * 65 + b'"}', b'{"openid":"oABC-123","openid":"oDEF-456"}', b"{" * 3000, b" " * 70_000,
    ],
    ids=lambda data: data[:30],
)  # fmt: skip
def test_an_answer_that_is_none_lets_nobody_in(client, wechat, data):
    wechat.answers = [(200, data)]
    answer = login(client, wechat.code())
    assert (answer.status_code, answer.get_json()["code"]) == (502, "wechat_failed")


@pytest.mark.parametrize(("status", "expected"), [(500, 503), (503, 503), (404, 502), (302, 502), (204, 502)])
def test_a_status_that_is_not_200_lets_nobody_in(client, wechat, status, expected):
    wechat.answers = [(status, b"")]
    assert login(client, wechat.code()).status_code == expected


def test_a_wechat_that_hangs_is_given_up_in_time(make_login_app, wechat):
    wechat.gate = threading.Event()
    client = make_login_app(wechat__timeout_s="0.3").test_client()
    answer = login(client, wechat.code())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_wechat_that_is_not_there_is_503(make_login_app):
    client = make_login_app(wechat__api_url="http://127.0.0.1:9").test_client()
    assert login(client, "0" * 32).status_code == 503


@pytest.mark.parametrize(
    "code", ["", "short", "a b c d e f g h", "x" * 129, "代码代码代码代码", None, 7, ["a" * 32], "a&secret=b#"]
)
def test_a_code_that_is_none_is_not_sent_to_wechat(client, wechat, code):
    answer = login(client, code)
    assert (answer.status_code, answer.get_json()["field"]) == (422, "code")
    assert wechat.calls == []


def test_without_an_appid_the_route_is_off(make_app):
    answer = login(make_app().test_client(), "0" * 32)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "feature_off")


def test_half_a_configuration_stops_the_start(make_app):
    with pytest.raises(SettingsError, match="appid 与 secret"):
        make_app(wechat__appid=APPID)
    with pytest.raises(SettingsError, match=r"safety\.wechat_check"):
        make_app(safety__wechat_check="true")
    with pytest.raises(SettingsError, match="缺少机密文件"):
        make_app(
            wechat__appid=APPID, wechat__secret=SECRET, auth__root_secret="", auth__root_secret_file="/nonexistent"
        )


def test_logins_are_limited_by_address(make_login_app, wechat):
    client = make_login_app(limits__token_per_address="2/hour").test_client()
    answers = [login(client, wechat.code()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) >= 1
    assert login(client, wechat.code(), environ_base={"REMOTE_ADDR": "192.0.2.9"}).status_code == 200


def test_guessing_codes_counts_as_guessing(make_login_app, wechat):
    client = make_login_app(limits__failures_per_address="2/hour").test_client()
    statuses = [login(client, f"guess{i:027d}").status_code for i in range(4)]
    assert statuses == [401, 401, 429, 429]
    assert len(wechat.calls) == 2


def test_a_blocked_user_gets_no_token_and_its_old_ones_end(client, wechat, clock):
    services = services_of(client.application)
    answer = login(client, wechat.code())
    subject = services.tokens.verify(answer.get_json()["access_token"]).subject
    services.tokens.revoke_subject(subject, block=True)
    assert client.get("/voices", headers=bearer(answer)).status_code == 401
    clock.now_s += 5
    again = login(client, wechat.code())
    assert (again.status_code, again.get_json()["code"]) == (403, "subject_blocked")
    assert services.tokens.unblock(subject) is True
    assert client.get("/voices", headers=bearer(login(client, wechat.code()))).status_code == 200


def test_scopes_are_a_setting(make_login_app, wechat):
    client = make_login_app(wechat__scopes="tts voices").test_client()
    assert login(client, wechat.code()).get_json()["scope"] == "tts voices"


# ---- the access token


@pytest.fixture
def checking(make_login_app):
    """An app that asks WeChat about every text of its users."""
    return lambda **changes: make_login_app(safety__wechat_check="true", **changes)


def speak(client, headers, words="今天天气很好"):
    return client.post("/tts", json={"text": words}, headers=headers)


def test_one_access_token_serves_all_threads_and_processes_until_it_nears_its_end(checking, wechat, clock):
    apps = [checking(), checking()]  # two processes on one database
    headers = [bearer(login(app.test_client(), wechat.code())) for app in apps]
    answers = []
    threads = [
        threading.Thread(
            target=lambda i=i: answers.append(speak(apps[i % 2].test_client(), headers[i % 2], f"第{i}句话"))
        )
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 8
    # two processes may meet at the very first fetch: the token is the same, and then it is shared
    assert 1 <= len(wechat.asked("/cgi-bin/stable_token")) <= 2
    assert wechat.tokens == 1
    before = len(wechat.asked("/cgi-bin/stable_token"))
    clock.now_s += 7200 - 299
    client = apps[0].test_client()
    assert speak(client, bearer(login(client, wechat.code())), "后来").status_code == 200
    assert len(wechat.asked("/cgi-bin/stable_token")) == before + 1


def test_the_access_token_is_sealed_in_the_database_and_in_no_log(checking, wechat, caplog):
    caplog.set_level("DEBUG")
    app = checking()
    client = app.test_client()
    assert speak(client, bearer(login(client, wechat.code()))).status_code == 200
    for private in ("token-1-", OPENID, SECRET):
        assert private not in dump(app)
        assert private not in caplog.text


def test_a_token_that_is_no_longer_taken_is_replaced_once(checking, wechat):
    client = checking().test_client()
    headers = bearer(login(client, wechat.code()))
    assert speak(client, headers).status_code == 200
    wechat.valid = set()
    assert speak(client, headers, "另一句").status_code == 200
    calls = wechat.asked("/cgi-bin/stable_token")
    assert [json.loads(call["body"])["force_refresh"] for call in calls] == [False, False]


def test_a_renewal_is_forced_only_where_the_same_token_comes_back_and_once_a_minute(checking, wechat, clock):
    client = checking().test_client()
    headers = bearer(login(client, wechat.code()))
    assert speak(client, headers).status_code == 200
    wechat.valid, wechat.stuck = set(), True
    assert speak(client, headers, "第二句").status_code == 200
    forced = [json.loads(call["body"])["force_refresh"] for call in wechat.asked("/cgi-bin/stable_token")]
    assert forced == [False, False, True]
    wechat.valid, wechat.stuck = set(), True
    assert speak(client, headers, "第三句").status_code == 502
    forced = [json.loads(call["body"])["force_refresh"] for call in wechat.asked("/cgi-bin/stable_token")]
    assert forced.count(True) == 1
    clock.now_s += 61
    assert speak(client, headers, "第四句").status_code == 200


def test_another_root_secret_opens_neither_token_nor_openid(checking, wechat):
    first = checking().test_client()
    assert speak(first, bearer(login(first, wechat.code()))).status_code == 200
    other = checking(auth__root_secret="q8Ry-3nXv0_MoSu5WcZd9PeGh4ItKb7F").test_client()
    assert speak(other, bearer(login(other, wechat.code())), "换了根密钥").status_code == 200


def test_the_client_says_what_failed_and_never_the_address(make_login_app, wechat, caplog):
    caplog.set_level("DEBUG")
    services = services_of(make_login_app(wechat__api_url="http://127.0.0.1:9"))
    with pytest.raises(WeChatDownError) as caught:
        services.identity.login.openid("0" * 32)
    assert caught.value.__cause__ is None
    assert SECRET not in caplog.text + str(caught.value)
