"""How much is too much: requests by subject and address, characters by day, over every way around."""

import threading

import pytest

from app.database import connect, migrate
from app.errors import QuotaError
from app.limits import CharacterQuota
from app.rates import network_of
from app.services import services_of
from settings import SettingsError

DAY_S = 86_400


def voices(client, headers, address="192.0.2.1"):
    return client.get("/voices", headers=headers, environ_base={"REMOTE_ADDR": address})


def headers_of(app, subject):
    token = services_of(app).tokens.issue(subject, {"tts", "voices"}).text
    return {"Authorization": f"Bearer {token}"}


def test_a_subject_is_limited_whatever_its_address_and_others_are_not(make_app):
    app = make_app(limits__per_subject="3/hour")
    client, one, two = app.test_client(), headers_of(app, "one"), headers_of(app, "two")
    statuses = [voices(client, one, f"192.0.2.{i}").status_code for i in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert voices(client, two).status_code == 200


def test_a_new_token_does_not_help(make_app):
    app = make_app(limits__per_subject="2/hour")
    client = app.test_client()
    assert [voices(client, headers_of(app, "one")).status_code for _ in range(3)] == [200, 200, 429]


def test_an_address_is_limited_whoever_asks(make_app):
    app = make_app(limits__per_address="3/hour")
    client = app.test_client()
    statuses = [voices(client, headers_of(app, f"user-{i}")).status_code for i in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert voices(client, headers_of(app, "user-0"), "192.0.2.2").status_code == 200


def test_the_answer_says_when_to_try_again(make_app):
    app = make_app(limits__per_subject="1/minute")
    client, headers = app.test_client(), headers_of(app, "one")
    voices(client, headers)
    answer = voices(client, headers)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (429, "rate_limited")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(answer.headers["Retry-After"]) <= 121


def test_a_cached_answer_counts_as_a_request(make_app):
    app = make_app(limits__per_subject="2/hour")
    client, headers = app.test_client(), headers_of(app, "one")
    statuses = [client.post("/tts", json={"text": "你好"}, headers=headers).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_health_is_never_limited(make_app):
    client = make_app(limits__per_address="1/hour").test_client()
    for path in ("/healthz", "/readyz", "/healthz", "/readyz"):
        assert client.get(path).status_code == 200


def test_guessing_is_limited_and_a_good_credential_is_not_locked_out(make_app):
    app = make_app(limits__failures_per_address="3/hour")
    client, good = app.test_client(), headers_of(app, "one")
    bad = {"Authorization": "Bearer nonsense"}
    assert [voices(client, bad).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    assert voices(client, good).status_code == 200
    assert voices(client, bad, "192.0.2.2").status_code == 401


def test_tokens_are_limited_by_address(make_app, key):
    client = make_app(limits__token_per_address="2/hour").test_client()
    statuses = [client.post("/auth/token", headers={"X-API-Key": key}).status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert client.get("/voices", headers={"X-API-Key": key}).status_code == 200


def test_a_forwarded_address_is_not_believed_without_a_proxy_of_our_own(make_app):
    app = make_app(limits__per_address="3/hour")
    client = app.test_client()
    statuses = [client.get("/docs", headers={"X-Forwarded-For": f"198.51.100.{i}"}).status_code for i in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


def test_behind_one_proxy_only_what_it_wrote_last_counts(make_app):
    app = make_app(limits__per_address="3/hour", proxy__trusted_proxies=1)
    client = app.test_client()

    def ask(forwarded):
        return client.get("/docs", headers={"X-Forwarded-For": forwarded}).status_code

    assert [ask(f"198.51.100.{i}, 203.0.113.9") for i in range(5)] == [200, 200, 200, 429, 429]
    assert ask("203.0.113.10") == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "local"),
        (None, "local"),
        ("unix:", "local"),
    ],
)
def test_what_counts_as_one_address(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize("rate", ["", "many", "10/fortnight", "10", "-1/minute", "10/minute; x"])
@pytest.mark.parametrize("name", ["per_subject", "per_address", "token_per_address", "failures_per_address"])
def test_a_rate_that_cannot_be_read_stops_the_start(make_app, name, rate):
    with pytest.raises(SettingsError, match=f"limits.{name}"):
        make_app(**{f"limits__{name}": rate})


@pytest.mark.parametrize("uri", ["", "nonsense", "ftp://example", "memory"])
def test_a_storage_that_cannot_be_used_stops_the_start(make_app, uri):
    with pytest.raises(SettingsError, match="storage_uri"):
        make_app(limits__storage_uri=uri)


def test_a_dead_redis_leaves_limits_in_memory_instead_of_errors(make_app):
    app = make_app(limits__storage_uri="redis://127.0.0.1:1/0", limits__per_subject="2/hour")
    client, headers = app.test_client(), headers_of(app, "one")
    assert [voices(client, headers).status_code for _ in range(4)] == [200, 200, 429, 429]


def test_characters_of_a_day_are_counted_for_what_is_made_and_not_for_what_is_cached(make_app):
    app = make_app(limits__characters_per_day=10)
    client, headers = app.test_client(), headers_of(app, "one")

    def speak(text):
        return client.post("/tts", json={"text": text}, headers=headers)

    assert speak("一二三四五六").status_code == 200
    assert speak("一二三四五六").get_json()["cached"] is True
    answer = speak("一二三四五")
    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["limit"]) == (429, "quota_exceeded", 10)
    assert speak("七八九十").status_code == 200
    assert speak("一二三四五六").status_code == 200  # the cache still answers
    assert client.post("/tts", json={"text": "新"}, headers=headers_of(app, "two")).status_code == 200


def test_the_quota_comes_back_at_midnight_utc_and_the_answer_says_when(make_app, clock):
    clock.now_s = 20_000 * DAY_S + 100.0
    quota = services_of(make_app(limits__characters_per_day=10)).quota
    quota.charge("one", 10)
    with pytest.raises(QuotaError) as caught:
        quota.charge("one", 1)
    assert caught.value.retry_after_s == DAY_S - 100
    clock.now_s += DAY_S - 100
    assert quota.charge("one", 10) == "2024-10-05"


def test_a_refund_goes_to_the_day_that_was_charged(make_app, clock):
    quota = services_of(make_app(limits__characters_per_day=10)).quota
    day = quota.charge("one", 10)
    clock.now_s += DAY_S
    quota.charge("one", 10)
    quota.refund("one", day, 10)
    with pytest.raises(QuotaError):
        quota.charge("one", 1)


@pytest.mark.parametrize("characters", [11, 10**9])
def test_more_than_a_whole_day_never_fits(make_app, characters):
    quota = services_of(make_app(limits__characters_per_day=10)).quota
    with pytest.raises(QuotaError):
        quota.charge("one", characters)
    quota.charge("one", 10)


def test_characters_are_counted_exactly_by_many_at_once(make_app):
    quota = services_of(make_app(limits__characters_per_day=50)).quota
    outcomes = []

    def charge():
        for _ in range(10):
            try:
                quota.charge("one", 1)
                outcomes.append(True)
            except QuotaError:
                outcomes.append(False)

    threads = [threading.Thread(target=charge) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(outcomes), sum(outcomes)) == (80, 50)


def test_a_restart_forgets_no_character(make_app):
    services_of(make_app(limits__characters_per_day=10)).quota.charge("one", 10)
    with pytest.raises(QuotaError):
        services_of(make_app(limits__characters_per_day=10)).quota.charge("one", 1)


def test_characters_are_counted_in_postgresql_too(postgres_url, clock):
    migrate(postgres_url)
    engine = connect(postgres_url)
    try:
        quota = CharacterQuota(engine, 100, clock)
        assert [quota.charge("one", 40), quota.charge("one", 60)] == [quota.charge("two", 1)] * 2
        with pytest.raises(QuotaError):
            quota.charge("one", 1)
        quota.refund("one", quota.charge("three", 1), 10)
        quota.charge("one", 10)
    finally:
        engine.dispose()


def test_old_days_are_forgotten(make_app, clock):
    quota = services_of(make_app()).quota
    quota.charge("one", 10)
    clock.now_s += 399 * DAY_S
    assert quota.forget_old() == 0
    clock.now_s += 2 * DAY_S
    assert quota.forget_old() == 1
