"""Long texts: every part made once, whatever stops in between; nothing lost, nothing charged that was not made."""

import io
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.auth import NewKey
from app.errors import EngineRefusedError, EngineUnreachableError, FieldError, GatewayError
from app.longform.callback import CallbackError, Callbacks, is_public
from app.longform.queue import JobQueue
from app.longform.splitting import split
from app.services import services_of
from settings import JobSettings
from sound import read_label
from tests.app.test_streams import used

TEXT = "".join(f"这是第{n}句话。" for n in "一二三四五六七八九十") * 2
SECRET = "a-secret-of-twenty-four-characters"


@pytest.mark.parametrize("mark", ["(chong2 qing4)", "（chóng）", "[pause:1.5s]"])
def test_no_cut_goes_through_a_mark(mark):
    text = f"重庆{mark}好" * 20
    for size in range(20, 60):
        pieces = [text[begin:end] for begin, end in split(text, size)]
        assert "".join(pieces) == text
        assert sum(piece.count(mark) for piece in pieces) == 20


def test_ssml_too_long_to_be_spoken_at_once_is_refused_before_anything_is_charged(app, auth):
    body = {"text": f"<speak>{TEXT}</speak>", "ssml": True}
    answer = app.test_client().post("/jobs", json=body, headers=auth)
    assert (answer.status_code, answer.get_json()["field"]) == (422, "ssml")
    assert (
        app.test_client().post("/jobs", json={"text": "<speak>好</speak>", "ssml": True}, headers=auth).status_code
        == 202
    )


@pytest.fixture
def app(make_app):
    return make_app(jobs__part_chars=30, jobs__callback_secret=SECRET, jobs__callback_private="true")


@pytest.fixture
def jobs(services):
    return services.jobs


def submit(client, auth, text=TEXT, key=None, **body):
    headers = auth | ({"Idempotency-Key": key} if key else {})
    return client.post("/jobs", json={"text": text} | body, headers=headers)


def work(jobs, most=1000):
    for done in range(most):
        if not jobs.queue.work_one():
            return done
    return most


def told(client, auth, job):
    return client.get(f"/jobs/{job['id']}", headers=auth).get_json()


def fetched(client, url):
    return client.get(url.partition("8443")[2]).get_data()


@given(st.text(alphabet="一二。，！\n a1.”", max_size=200), st.integers(20, 60))
def test_pieces_tile_the_text_and_none_is_too_long(text, size):
    pieces = split(text, size)
    assert "".join(text[begin:end] for begin, end in pieces) == text
    assert all(0 < end - begin <= size for begin, end in pieces)


def test_pieces_end_with_sentences():
    assert [TEXT[begin:end][-1] for begin, end in split(TEXT, 30)] == ["。"] * 5


def test_a_job_goes_from_queued_to_done_and_its_parts_can_be_played_meanwhile(client, auth, jobs, services):
    answer = submit(client, auth, format="wav")
    job = answer.get_json()
    assert (answer.status_code, job["state"], job["progress"], job["parts_total"]) == (202, "queued", 0, 5)
    assert answer.headers["Location"] == f"/jobs/{job['id']}"
    work(jobs, 2)
    half = told(client, auth, job)
    assert (half["state"], half["parts_done"], len(half["parts"])) == ("running", 2, 2)
    first = fetched(client, half["parts"][0]["audio_url"])
    assert soundfile.info(io.BytesIO(first)).frames == 2205 * half["parts"][0]["end"]
    work(jobs)
    done = told(client, auth, job)
    assert (done["state"], done["progress"], done["duration_s"]) == ("done", 1, pytest.approx(0.1 * len(TEXT)))
    whole = fetched(client, done["audio_url"])
    assert soundfile.info(io.BytesIO(whole)).frames == 2205 * len(TEXT)
    assert read_label(io.BytesIO(whole)).produce_id == done["audio_url"].split("/audio/")[1].split(".")[0]
    assert used(services) == len(TEXT)
    assert len(client.get(f"/jobs/{job['id']}?parts_from=3", headers=auth).get_json()["parts"]) == 2


def test_a_repeated_text_costs_what_is_new(client, auth, jobs, services, gateway):
    submit(client, auth)
    work(jobs)
    made = len(gateway.orders)
    submit(client, auth)
    work(jobs)
    assert len(gateway.orders) == made
    assert used(services) == len(TEXT)


def test_the_same_key_is_the_same_job_and_another_request_under_it_is_refused(client, auth, jobs):
    first, again = submit(client, auth, key="k1"), submit(client, auth, key="k1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.get_json()["id"] == again.get_json()["id"]
    assert submit(client, auth, text="别的。", key="k1").status_code == 409
    assert submit(client, auth, key="bad key").status_code == 422


def test_nobody_else_sees_a_job(client, auth, key):
    job = submit(client, auth).get_json()
    for call in (client.get, client.delete):
        assert call(f"/jobs/{job['id']}", headers={"X-API-Key": key}).status_code == 404
    assert client.get(f"/jobs/{job['id']}", headers=auth).status_code == 200
    assert client.get("/jobs", headers={"X-API-Key": key}).get_json() == {"jobs": []}
    assert [entry["id"] for entry in client.get("/jobs", headers=auth).get_json()["jobs"]] == [job["id"]]


def test_as_many_unfinished_jobs_as_may(client, auth, jobs):
    statuses = [submit(client, auth).status_code for _ in range(6)]
    assert statuses == [202] * 5 + [429]
    work(jobs)
    assert submit(client, auth).status_code == 202


def test_cancelling_stops_the_work_and_pays_the_rest_back(client, auth, jobs, services, gateway):
    job = submit(client, auth).get_json()
    work(jobs, 1)
    made = gateway.orders[0][0].text
    assert client.delete(f"/jobs/{job['id']}", headers=auth).status_code == 204
    work(jobs)
    assert len(gateway.orders) == 1
    assert used(services) == len(made)
    assert client.get(f"/jobs/{job['id']}", headers=auth).status_code == 404
    assert client.delete(f"/jobs/{job['id']}", headers=auth).status_code == 404


def test_what_the_engine_refuses_ends_the_job_with_the_reason(client, auth, jobs, services, gateway):
    job = submit(client, auth).get_json()
    work(jobs, 1)
    gateway.failure = EngineRefusedError(422, "unreadable_text", "读不了。")
    services.catalogue._asked_s = float("inf")
    work(jobs)
    failed = told(client, auth, job)
    assert (failed["state"], failed["code"], failed["detail"]) == ("failed", "unreadable_text", "读不了。")
    assert used(services) == 28  # four sentences were made


@pytest.mark.parametrize(("failure", "state"), [(EngineUnreachableError, "running"), (GatewayError, "failed")])
def test_an_engine_that_is_away_is_waited_for_and_one_that_fails_is_given_up(
    client, auth, jobs, gateway, clock, services, failure, state
):
    jobs.maker = replace(jobs.maker, speech=replace(services.speech, gateway=gateway))  # no breaker between
    job = submit(client, auth).get_json()
    work(jobs, 1)
    services.catalogue._asked_s = float("inf")
    gateway.failure = failure()
    for _ in range(8):
        clock.now_s += 100
        jobs.rescue()
        work(jobs)
    assert jobs.ledger.find(job["id"]).state == state


def test_a_lost_queue_is_found_again(client, auth, jobs, clock):
    job = submit(client, auth).get_json()
    jobs.queue.huey.flush()
    assert (work(jobs), jobs.rescue()) == (0, 0)
    clock.now_s += 61
    assert jobs.rescue() == 1
    work(jobs)
    assert told(client, auth, job)["state"] == "done"


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0" + b"\0" * 9000, b"\xff" * 9000, None])
def test_a_damaged_queue_is_set_aside_and_a_sound_one_is_kept(tmp_path, damage):
    file = tmp_path / "queue.db"

    def opened():
        return JobQueue(JobSettings(queue_file=file), lambda job_id, turn: None, lambda job_id: None)

    first = opened()
    first.advance("a" * 32, 3)
    first.huey.storage.close()
    if damage is not None:
        file.with_name("queue.db-wal").unlink(missing_ok=True)
        file.write_bytes(damage)
    again = opened()
    assert again.waiting() == ({("a" * 32, 3)} if damage is None else set())
    again.advance("b" * 32, 1)
    assert ("b" * 32, 1) in again.waiting()
    assert bool(list(tmp_path.glob("queue.db.broken-*"))) is bool(damage)


def test_a_job_that_waits_long_in_the_queue_is_not_taken_for_lost(client, auth, jobs, clock, gateway):
    first, second = submit(client, auth).get_json(), submit(client, auth, text="另一篇。").get_json()
    clock.now_s += 61
    assert jobs.rescue() == 0
    work(jobs)
    assert [told(client, auth, job)["state"] for job in (first, second)] == ["done", "done"]
    texts = [order.text for order, _ in gateway.orders]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("jump_s", [-86_400, 86_400])
def test_a_clock_that_jumps_neither_loses_a_job_nor_makes_a_part_twice(client, auth, jobs, clock, gateway, jump_s):
    job = submit(client, auth).get_json()
    work(jobs, 2)
    jobs.queue.huey.flush()
    clock.now_s += jump_s
    for _ in range(3):
        clock.now_s += 3
        jobs.rescue()
        work(jobs)
    assert jobs.ledger.find(job["id"]).state == "done"  # a token made before is from the future, or past its end
    texts = [order.text for order, _ in gateway.orders]
    assert len(texts) == len(set(texts))


def test_redis_as_the_queue(make_app, redis_url, auth, redis_server, clock):
    app = make_app(jobs__part_chars=30, jobs__queue_url=redis_url)
    jobs, client = services_of(app).jobs, app.test_client()
    job = submit(client, auth).get_json()
    assert jobs.queue.waiting() == {(job["id"], 0)}
    work(jobs, 2)
    with redis_server.client() as redis:
        redis.flushall()
    assert (work(jobs), jobs.rescue()) == (0, 0)  # for some seconds nobody worries
    clock.now_s += 6
    assert jobs.rescue() == 1
    work(jobs)
    assert told(client, auth, job)["state"] == "done"


def test_a_redis_that_is_away_or_hangs_holds_no_request(make_app, redis_server, redis_url, auth, clock):
    app = make_app(jobs__part_chars=30, jobs__queue_url=redis_url)
    jobs, client = services_of(app).jobs, app.test_client()
    redis_server.freeze()
    try:
        begun_s = time.monotonic()
        job = submit(client, auth).get_json()
        assert time.monotonic() - begun_s < 60
    finally:
        redis_server.thaw()
    clock.now_s += 6
    jobs.rescue()
    work(jobs)
    assert told(client, auth, job)["state"] == "done"


def test_a_message_that_comes_twice_is_worked_on_once(client, auth, jobs, gateway):
    job = submit(client, auth).get_json()
    jobs.queue.advance(job["id"], 0)
    work(jobs)
    texts = [order.text for order, _ in gateway.orders]
    assert len(texts) == len(set(texts))
    assert told(client, auth, job)["state"] == "done"


def test_a_part_that_was_pruned_before_the_end_is_made_again(client, auth, jobs, services):
    job = submit(client, auth).get_json()
    work(jobs, 5)
    part = jobs.ledger.parts(job["id"])[1]
    services.storage.delete(services.speech.library.find(part.sound).name)
    work(jobs)
    assert told(client, auth, job)["state"] == "done"


def test_stretches_without_a_sound_are_silent(client, auth, jobs):
    job = submit(client, auth, text="第一章。\n" + "—" * 40 + "\n第二章。").get_json()
    work(jobs)
    done = told(client, auth, job)
    assert done["state"] == "done"
    assert done["parts_done"] == done["parts_total"] > len(done["parts"])


def test_times_and_subtitles_count_from_the_beginning_of_the_whole(client, auth, jobs):
    job = submit(client, auth).get_json()
    work(jobs)

    def get(kind):
        return client.get(f"/jobs/{job['id']}/timestamps?format={kind}", headers=auth)

    characters = get("characters").get_json()["timestamps"]
    assert [spot["begin"] for spot in characters] == list(range(len(TEXT)))
    assert [spot["begin_ms"] for spot in characters] == pytest.approx([100 * n for n in range(len(TEXT))], abs=1)
    assert "".join(line["text"] for line in get("sentences").get_json()["timestamps"]) == TEXT
    cues = get("srt").get_data(as_text=True).strip().split("\n\n")
    assert [cue.split("\n")[0] for cue in cues] == [str(n) for n in range(1, 21)]
    assert get("lrc").get_data(as_text=True).count("\n") == 20
    assert get("vtt").status_code == 422


def test_what_ended_long_ago_goes_with_its_sound(client, auth, jobs, clock, services):
    job = submit(client, auth).get_json()
    work(jobs)
    name = jobs.ledger.find(job["id"]).result
    assert (jobs.expire(), services.storage.exists(name)) == (0, True)
    clock.now_s += 24 * 3600 + 1
    assert (jobs.expire(), services.storage.exists(name)) == (1, False)


@pytest.mark.parametrize("body", [{"text": " "}, {"text": "好", "format": "doc"}, {"text": "好", "extra": 1}])
def test_a_bad_request_leaves_nothing(client, auth, jobs, body):
    assert client.post("/jobs", json=body, headers=auth).status_code == 422
    assert jobs.ledger.of("tester") == []


WORKER = """
import sys, threading, time
from pathlib import Path
sys.path.insert(0, ".")
from app import create_app
from app.services import services_of
from settings import load_settings
from tests.app.conftest import FakeGateway

class Slow(FakeGateway):
    def synthesize(self, order, trip):
        time.sleep(0.15)
        made = super().synthesize(order, trip)
        with open(sys.argv[1], "a", encoding="utf-8") as file:
            file.write(order.text + "\\n")
        return made

parts = services_of(create_app(load_settings(Path("/nonexistent")), gateway=Slow()))
consumer = parts.jobs.queue.consumer()
consumer.start()
while True:
    parts.jobs.rescue()
    time.sleep(0.2)
"""


def test_kill_9_of_the_worker_loses_nothing_and_makes_no_finished_part_again(environ, make_app, tmp_path):
    changes = {
        "TTS__JOBS__PART_CHARS": "20",
        "TTS__JOBS__LEASE_S": "3",
        "TTS__JOBS__QUEUE_FILE": str(tmp_path / "q.db"),
    }
    env = {**os.environ, **environ, **changes}
    from app import create_app
    from settings import load_settings

    parts = services_of(create_app(load_settings(Path("/nonexistent"), {**environ, **changes})))
    log = tmp_path / "made"
    from app.gateway import Order
    from app.longform.jobs import Asked
    from app.speech import Wish

    text = "".join(f"这是第{n}句，说完了。" for n in range(14))
    job, _ = parts.jobs.submit(Asked(Wish(Order(text, "female", 1.0), "mp3", None, False), "tester"))
    deadline_s, kills = time.monotonic() + 240, 0
    while parts.jobs.ledger.find(job.id).state != "done" and time.monotonic() < deadline_s:
        worker = subprocess.Popen([sys.executable, "-c", WORKER, str(log)], env=env, cwd=Path(__file__).parents[2])
        try:
            made = _done(parts, job)
            while time.monotonic() < deadline_s and parts.jobs.ledger.find(job.id).state != "done":
                if kills < 2 and _done(parts, job) >= made + 3:
                    break
                time.sleep(0.02)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            kills += 1
    finished = parts.jobs.ledger.find(job.id)
    parts.engine.dispose()
    assert (finished.state, kills) == ("done", 3)
    texts = log.read_text("utf-8").split("\n")[:-1]
    repeated = len(texts) - len(set(texts))
    assert "".join(dict.fromkeys(texts)) == text
    assert repeated <= 2  # only what was in hand when it was killed


def _done(parts, job):
    return sum(part.state == "done" for part in parts.jobs.ledger.parts(job.id))


class Receiver(BaseHTTPRequestHandler):
    got: ClassVar[list] = []
    status = 200

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((dict(self.headers), body))
        self.send_response(self.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def receiver():
    Receiver.got, Receiver.status = [], 200
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook?x=1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_callback_is_signed_so_that_the_receiver_can_check_it(client, auth, jobs, receiver):
    import base64
    import hashlib
    import hmac

    job = submit(client, auth, text="好。", callback_url=receiver).get_json()
    work(jobs)
    jobs.rescue()
    work(jobs)
    jobs.rescue()
    ((headers, body),) = Receiver.got
    assert json.loads(body) == {"type": "job.ended", "id": job["id"], "state": "done", "code": None}
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(SECRET.encode(), content, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert jobs.ledger.find(job["id"]).callback_state == "sent"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_callback_that_fails_is_tried_again_and_redirects_are_not_followed(
    client, auth, jobs, receiver, clock, status
):
    job = submit(client, auth, text="好。", callback_url=receiver).get_json()
    work(jobs)
    Receiver.status = status
    for _ in range(10):
        jobs.rescue()
        work(jobs)
        clock.now_s += 7201
    assert len(Receiver.got) == 6
    assert jobs.ledger.find(job["id"]).callback_state == "failed"


CLOSED = Callbacks(JobSettings(callback_secret=SecretStr(SECRET)), time.time)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://user:pw@example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://169.254.169.254/latest",
        "https://0.0.0.0/",
        "https://192.168.1.1/",
        "https://example.com\\@127.0.0.1/",
        "https://exa mple.com/",
        "https:///x",
        "https://example.com:99999/",
        "https://例子.com/",
        "https://localhost/",
        "https://printer.LOCAL./",
        "https://metadata.google.internal/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
    ],
)
def test_callbacks_go_to_the_internet_alone(url):
    with pytest.raises(FieldError):
        CLOSED.check(url)


@pytest.mark.parametrize("addresses", [["10.0.0.5"], ["1.1.1.1", "127.0.0.1"], ["fd00::1"]])
def test_a_name_that_leads_inside_is_not_called(monkeypatch, addresses):
    found = [(0, 0, 0, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    monkeypatch.setattr(Callbacks, "_post", lambda *_: pytest.fail("connected"))
    with pytest.raises(CallbackError):
        CLOSED.deliver("https://example.com/", "id", {})


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    answers = iter(["93.184.216.34", "127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_o: [(0, 0, 0, "", (next(answers), 443))])
    called = []
    monkeypatch.setattr(Callbacks, "_post", lambda _self, _parts, address, *_: called.append(address) or 200)
    CLOSED.deliver("https://example.com/", "id", {})
    assert called == ["93.184.216.34"]


def test_only_hosts_on_the_list_where_there_is_one(make_app):
    listed = Callbacks(JobSettings(callback_secret=SecretStr(SECRET), callback_hosts="a.com,b.com"), time.time)
    assert listed.check("https://b.com/x") == "https://b.com/x"
    with pytest.raises(FieldError):
        listed.check("https://c.com/")
    app = make_app()
    key = services_of(app).keys.create(NewKey("test", ("tts",)))[1]
    refused = app.test_client().post(
        "/jobs", json={"text": "好", "callback_url": "https://a.com/"}, headers={"X-API-Key": key}
    )
    assert refused.status_code == 422


def test_public_is_public():
    assert [is_public(ipaddress.ip_address(text)) for text in ("1.1.1.1", "2606:4700::1111")] == [True, True]
    assert not is_public(ipaddress.ip_address("224.0.0.1"))
