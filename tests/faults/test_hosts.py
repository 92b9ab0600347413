"""Two hosts on PostgreSQL, Redis and a bucket: they act as one, and go on when any of these goes away."""

import threading

import pytest
import requests

from sound import decode_wav
from tests.faults.articles import article, assert_said, finished, submit
from tests.faults.installation import RESTART_S, until, wait_s
from tests.faults.load import recovers, under_load
from tests.faults.proof import digest, heard


def undisturbed(hosts, attempt):
    """What came of an ``attempt`` (of a number) during which Redis answered every proxy within 0.2 s.

    A proxy that waits longer counts for itself, as it should; a machine that stalls makes it wait longer.
    """

    def away():
        return sum((hosts.folder / f"proxy{host}.log").read_text("utf-8").count("Redis is away") for host in range(2))

    for number in range(5):
        before, made = away(), attempt(number)
        if away() == before:
            return made
    raise AssertionError("Redis was away each time")


def test_a_hundred_who_want_the_same_at_once_have_it_spoken_once(hosts):
    def ask_all(number):
        text, answers = f"一百个人同时要的第{number}句。", []
        barrier = threading.Barrier(100)

        def ask():
            barrier.wait(120)
            answers.append(hosts.request("POST", "/tts", json={"text": text, "format": "wav"}))

        threads = [threading.Thread(target=ask) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(180)
        assert [answer.status_code for answer in answers] == [200] * 100
        return text, answers

    hosts.control(delay_s=1.0)
    text, answers = undisturbed(hosts, ask_all)
    hosts.control(delay_s=0.05)
    assert len({answer.json()["audio_url"].partition("?")[0] for answer in answers}) == 1
    assert sorted(answer.json()["cached"] for answer in answers) == [False] + [True] * 99
    assert hosts.spoken().count(text) == 1
    assert heard(decode_wav(hosts.fetch(answers[0].json()["audio_url"]))[0]) == (digest(text),)
    for host in range(2):
        assert "POST /tts 200" in hosts.log(f"proxy{host}")


def test_a_limit_is_one_for_all_hosts(hosts):
    def guess(number):
        headers = {"X-API-Key": f"tts_aaaaaaa{number}_" + "x" * 43}
        return [hosts.request("GET", "/voices", headers=headers).status_code for _ in range(60)]

    answers = undisturbed(hosts, guess)
    assert set(answers) == {401, 429}
    assert 30 <= answers.count(401) <= 32  # the window slides


def test_what_is_revoked_is_refused_by_every_host_at_once(hosts):
    answer = hosts.request("POST", "/auth/token")
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert {hosts.request("GET", "/voices", headers=bearer).status_code for _ in range(6)} == {200}
    assert hosts.request("POST", "/auth/revoke", headers=bearer).status_code == 200
    assert {hosts.request("GET", "/voices", headers=bearer).status_code for _ in range(6)} == {401}


def test_kill_9_of_redis_is_not_even_noticed(hosts):
    text = article(8)
    with under_load(hosts) as load:
        job = submit(hosts, text)
        hosts.redis.kill()
        load.answers()
        wait_s(RESTART_S)
        hosts.redis.start()  # and what was in the queue is gone
        recovers(load)
    assert load.errors == []
    assert_said(hosts, finished(hosts, job), text)


def test_kill_9_of_postgresql(hosts):
    text = article(8)
    with under_load(hosts) as load:
        job = submit(hosts, text)
        hosts.postgres.kill()
        wait_s(RESTART_S)
        hosts.postgres.start()
        recovers(load)
    assert load.codes() <= {"database_failed"}
    assert_said(hosts, finished(hosts, job), text)


def test_a_host_that_goes_away_is_not_even_noticed(hosts):
    text = article(6)
    with under_load(hosts) as load:
        job = submit(hosts, text)
        hosts.unplug(1)
        load.answers(40)
        hosts.start_proxy(1)
        hosts.start_worker(1)
        recovers(load)
    assert load.errors == []
    assert_said(hosts, finished(hosts, job), text)


@pytest.mark.parametrize("fault", ["InternalError", "AccessDenied", "cut", "hang", "slow"])
def test_a_bucket_that_fails_is_stood_in_for(hosts, fault):
    with under_load(hosts) as load:
        hosts.cos.fault = fault
        load.answers(24)
        hosts.cos.fault = ""
        recovers(load)
    assert load.errors == []


def test_what_was_made_meanwhile_goes_into_the_bucket(hosts):
    hosts.cos.fault = "cut"
    made = hosts.request("POST", "/tts", json={"text": "桶不在的时候说的。", "format": "wav"}).json()
    assert made["audio_url"].startswith(hosts.url)
    again = [requests.get(made["audio_url"], verify=hosts.certificate, timeout=30) for _ in range(4)]
    assert [answer.status_code for answer in again] == [200] * 4  # whichever host is asked
    hosts.cos.fault = ""
    name = made["audio_url"].partition("?")[0].rpartition("/")[2]
    until(lambda: f"tts/{name}" in hosts.cos.objects, 180, hosts.told)
