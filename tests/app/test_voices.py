"""Cloned voices: consent first, one owner, nobody else's business, and a deletion that deletes."""

import hashlib
import io
import json
import threading

import pytest

from app.audit import Audit, Query
from app.errors import GatewayError
from app.services import services_of
from tests.app.voices_server import TOKEN, problem, voices_server

CLIP = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(256)) * 8
FIELDS = {
    "title": "我的声音",
    "consent_person": "甲方",
    "consent_purpose": "给自己的读书小程序朗读",
    "consent_agreed_at": "2026-11-18T10:00:00+08:00",
    "consent_statement": "我同意将这段录音用于合成我的声音。",
}


@pytest.fixture
def webui():
    with voices_server() as server:
        yield server


@pytest.fixture
def make_voices_app(make_app, webui):
    made = []

    def make(**changes):
        made.append(make_app(**{"gateway__url": webui.url, "webui__token": TOKEN} | changes))
        return made[-1]

    yield make
    for app in made:
        services_of(app).voices.store.close()


@pytest.fixture
def app(make_voices_app):
    return make_voices_app()


@pytest.fixture
def headers_of(services):
    def make(subject, scopes=("tts", "voices")):
        return {"Authorization": f"Bearer {services.tokens.issue(subject, set(scopes)).text}"}

    return make


@pytest.fixture
def mine(headers_of):
    return headers_of("wx:me")


def send(client, headers, clip=CLIP, fields=FIELDS, **changes):
    data = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    if clip is not None:
        data["clip"] = (io.BytesIO(clip), "clip.wav")
    return client.post("/voices", data=data, headers=headers, content_type="multipart/form-data")


def cloned(client, headers):
    return [voice["voice_id"] for voice in client.get("/voices", headers=headers).get_json()["cloned"]]


def actions(services):
    return [entry.action for entry in Audit(services.engine).all(Query(action="voice"))]


def test_a_voice_is_cloned_with_its_consent_and_spoken_with(client, services, mine, webui, gateway):
    answer = send(client, mine)
    voice = answer.get_json()["voice_id"]
    assert (answer.status_code, answer.get_json()["owned"], answer.get_json()["title"]) == (201, True, "我的声音")
    title, consent, clip = webui.voices[voice]
    assert (title, clip) == ("我的声音", CLIP)
    assert consent == {
        "person": "甲方",
        "purpose": "给自己的读书小程序朗读",
        "agreed_at": "2026-11-18T10:00:00+08:00",
        "statement": "我同意将这段录音用于合成我的声音。",
        "recorded_at": "2026-11-18T11:06:40+00:00",
        "recorded_by": "wx:me",
        "clip_sha256": hashlib.sha256(CLIP).hexdigest(),
    }
    assert cloned(client, mine) == [voice]
    assert client.post("/tts", json={"text": "你好", "voice_id": voice}, headers=mine).status_code == 200
    assert gateway.orders[-1][0].speaker == voice
    (entry,) = Audit(services.engine).all(Query(action="voice.create"))
    assert (entry.actor, entry.target) == ("wx:me", voice)
    assert entry.detail == {"clip_sha256": consent["clip_sha256"], "agreed_at": "2026-11-18T10:00:00+08:00"}


@pytest.mark.parametrize("name", ["consent_person", "consent_purpose", "consent_agreed_at", "consent_statement"])
@pytest.mark.parametrize("value", [None, "", "   "])
def test_without_a_whole_consent_nothing_is_cloned(client, services, mine, webui, name, value):
    answer = send(client, mine, **{name: value})
    problem_ = answer.get_json()
    assert (answer.status_code, problem_["code"], problem_["field"]) == (422, "consent_required", name)
    assert (webui.calls, cloned(client, mine), services.voices.all()) == ([], [], [])


@pytest.mark.parametrize(
    "change",
    [
        {"consent_agreed_at": "2026-11-18"}, {"consent_agreed_at": "2026-11-18T10:00:00"},
        {"consent_agreed_at": "2027-01-01T00:00:00Z"}, {"consent_agreed_at": "yesterday"},
        {"consent_statement": "同意"}, {"consent_statement": "字" * 2001}, {"consent_person": "字" * 101},
        {"title": ""}, {"title": "字" * 51}, {"title": "a\x00b"}, {"title": None}, {"consent": "true"},
        {"speaker": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_a_form_that_does_not_fit_is_refused(client, mine, webui, change):
    assert send(client, mine, **change).status_code == 422
    assert webui.calls == []


@pytest.mark.parametrize(
    "clip", [b"", b"RIFF", b"<html>", b"#EXTM3U\nhttp://127.0.0.1/", b"\x7fELF" + bytes(50), b"MATLAB 5.0", None]
)
def test_what_is_no_recording_is_refused(client, mine, webui, clip):
    assert send(client, mine, clip=clip).status_code == 422
    assert webui.calls == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_recording_that_is_too_large_is_refused_whole_or_chunked(make_voices_app, webui):
    app = make_voices_app(cloning__max_clip_mb="1")
    client = app.test_client()
    mine = {"Authorization": f"Bearer {services_of(app).tokens.issue('me', {'voices'}).text}"}
    large = send(client, mine, clip=CLIP + bytes(1_100_000))
    assert (large.status_code, large.get_json()["code"]) == (413, "body_too_large")
    fitting = CLIP + bytes(1_048_576 - len(CLIP))
    assert send(client, mine, clip=fitting + b"x").status_code == 413
    assert send(client, mine, clip=fitting).status_code == 201
    body = b'--b\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\n' + CLIP + bytes(2_000_000)
    chunked = client.post(
        "/voices", input_stream=io.BytesIO(body + b"\r\n--b--\r\n"), headers=mine,
        content_type="multipart/form-data; boundary=b", environ_overrides={"wsgi.input_terminated": True},
    )  # fmt: skip
    assert chunked.status_code in (413, 422)
    assert len(webui.voices) == 1


def raw(client, headers, body, kind="multipart/form-data; boundary=b"):
    return client.post("/voices", data=body, headers=headers, content_type=kind)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"--b", b"--b--", b"--b\r\n\r\n", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\nRIFF',
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\na\r\n' * 2 + b"--b--",
        b'--b\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\nRIFF1234WAVE\r\n' * 2 + b"--b--",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 40 + b"--b--",
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n' + b"x" * 100_000 + b"\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="\xff\xfe"; filename="../../x"\r\n\r\nRIFF1234WAVE\r\n--b--',
        b"--b\r\nContent-Disposition: form-data\r\n\r\na\r\n" * 2 + b"--b--",
        b"--b\r\nContent-Disposition: form-data; filename=a\r\n\r\nRIFF1234WAVE\r\n" * 2 + b"--b--",
    ],
    ids=lambda body: body[:40],
)  # fmt: skip
# Werkzeug leaves the file of a form that breaks off to the collector, which closes it at once
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broken_form_is_never_an_error_of_ours(client, mine, webui, body):
    answer = raw(client, mine, body)
    assert answer.status_code in (413, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert webui.calls == []


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_another_kind_of_body_is_415(client, mine, kind):
    assert raw(client, mine, b"{}", kind).status_code == 415


def test_cloning_needs_its_scope(client, headers_of, webui):
    assert send(client, headers_of("me", ["tts"])).status_code == 403
    assert client.post("/voices").status_code == 401
    assert client.delete("/voices/voice-" + "0" * 32, headers=headers_of("me", ["tts"])).status_code == 403


def test_nobody_else_sees_uses_or_deletes_a_voice(client, headers_of, mine, gateway, webui):
    voice = send(client, mine).get_json()["voice_id"]
    other, before = headers_of("wx:other"), len(gateway.orders)
    assert cloned(client, other) == []
    for body in ({"voice_id": voice}, {"speaker": voice}):
        answer = client.post("/tts", json={"text": "你好"} | body, headers=other)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "voice_not_found")
    assert client.delete(f"/voices/{voice}", headers=other).status_code == 404
    unknown = client.post("/tts", json={"text": "你好", "voice_id": "voice-" + "0" * 32}, headers=other)
    assert unknown.get_json()["detail"] == answer.get_json()["detail"]  # which of the two it is cannot be told
    assert len(gateway.orders) == before
    assert voice in webui.voices


def test_what_one_made_with_a_voice_the_other_does_not_get_from_the_cache(client, headers_of, mine):
    voice = send(client, mine).get_json()["voice_id"]
    body = {"text": "只有我能听", "voice_id": voice}
    assert client.post("/tts", json=body, headers=mine).status_code == 200
    assert client.post("/tts", json=body, headers=headers_of("wx:other")).status_code == 404


def test_prewarming_with_anothers_voice_is_refused(client, key, mine):
    voice = send(client, mine).get_json()["voice_id"]
    answer = client.post("/prewarm", json={"texts": ["你好"], "voice_id": voice}, headers={"X-API-Key": key})
    assert answer.status_code == 404


@pytest.mark.parametrize("voice", ["voice-xyz", "voice-" + "0" * 33, "VOICE-" + "0" * 32, "../x", "", "female"])
def test_a_voice_id_that_is_none_is_refused(client, mine, voice):
    assert client.post("/tts", json={"text": "你好", "voice_id": voice}, headers=mine).status_code == 422


def test_speaker_and_voice_id_do_not_go_together(client, mine):
    voice = send(client, mine).get_json()["voice_id"]
    answer = client.post("/tts", json={"text": "你好", "voice_id": voice, "speaker": "female"}, headers=mine)
    assert (answer.status_code, answer.get_json()["field"]) == (422, "voice_id")


def test_sending_a_recording_twice_makes_one_voice(client, mine, webui, headers_of):
    first, second = send(client, mine), send(client, mine, title="又一次")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.get_json()["voice_id"] == second.get_json()["voice_id"]
    assert send(client, headers_of("wx:other")).status_code == 201  # another's voice of the same recording is another
    assert len(webui.voices) == 2


def test_a_subject_has_so_many_voices_and_no_more_also_when_all_come_at_once(make_voices_app, webui):
    app = make_voices_app(cloning__voices_per_subject="2")
    headers = {"Authorization": f"Bearer {services_of(app).tokens.issue('me', {'voices'}).text}"}
    answers = []
    threads = [
        threading.Thread(target=lambda i=i: answers.append(send(app.test_client(), headers, clip=CLIP + bytes([i]))))
        for i in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {201, 409}
    assert len(webui.voices) == statuses.count(201) <= 2
    for i in range(9, 12):
        send(app.test_client(), headers, clip=CLIP + bytes([i]))
    assert len(webui.voices) == 2
    last = send(app.test_client(), headers, clip=CLIP + b"!")
    assert (last.status_code, last.get_json()["code"], last.get_json()["limit"]) == (409, "voice_limit", 2)


def test_uploads_are_limited_by_subject(make_voices_app, webui):
    app = make_voices_app(limits__uploads_per_subject="2/hour")
    headers = {"Authorization": f"Bearer {services_of(app).tokens.issue('me', {'voices'}).text}"}
    client = app.test_client()
    assert [send(client, headers, clip=CLIP + bytes([i])).status_code for i in range(3)] == [201, 201, 429]
    assert client.get("/voices", headers=headers).status_code == 200


def test_cloning_can_be_switched_off(make_voices_app, webui):
    app = make_voices_app(cloning__enabled="false")
    headers = {"Authorization": f"Bearer {services_of(app).tokens.issue('me', {'voices'}).text}"}
    answer = send(app.test_client(), headers)
    assert (answer.status_code, answer.get_json()["code"], webui.calls) == (404, "feature_off", [])


# ---- the end of a voice


def test_deleting_deletes_the_voice_its_sounds_and_its_name(client, services, mine, webui, stored):
    voice = send(client, mine).get_json()["voice_id"]
    client.post("/tts", json={"text": "别人的声音", "speaker": "female"}, headers=mine)
    link = client.post("/tts", json={"text": "我的声音", "voice_id": voice}, headers=mine).get_json()["audio_url"]
    assert stored() == (2, 2)
    answer = client.delete(f"/voices/{voice}", headers=mine)
    assert (answer.status_code, answer.get_json()) == (200, {"state": "deleted"})
    assert (webui.voices, cloned(client, mine), stored()) == ({}, [], (1, 1))
    assert client.get(link.removeprefix("https://127.0.0.1:8443")).status_code == 404
    assert client.post("/tts", json={"text": "我的声音", "voice_id": voice}, headers=mine).status_code == 404
    assert client.delete(f"/voices/{voice}", headers=mine).status_code == 404
    assert services.voices.all() == []
    assert actions(services) == ["voice.create", "voice.delete"]
    method, _, headers = webui.calls[-1]
    assert (method, headers["X-Subject"]) == ("DELETE", "wx:me")


def test_while_the_webui_is_away_a_deleted_voice_is_refused_and_deleted_later(client, services, mine, webui):
    voice = send(client, mine).get_json()["voice_id"]
    webui.failures = [(500, problem("broken"))]
    answer = client.delete(f"/voices/{voice}", headers=mine)
    assert (answer.status_code, answer.get_json()) == (202, {"state": "deleting"})
    assert cloned(client, mine) == []
    assert client.post("/tts", json={"text": "你好", "voice_id": voice}, headers=mine).status_code == 404
    assert voice in webui.voices
    assert services.voices.settle() == 1
    assert webui.voices == {}
    assert services.voices.settle() == 0


def test_a_sound_that_was_under_way_when_its_voice_was_deleted_goes_too(client, services, mine, gateway, stored):
    voice = send(client, mine).get_json()["voice_id"]
    gateway.gate.clear()
    speaking = threading.Thread(
        target=lambda: client.post("/tts", json={"text": "还在合成", "voice_id": voice}, headers=mine)
    )
    speaking.start()
    assert gateway.begun.acquire(timeout=20)
    other = client.application.test_client()
    assert other.delete(f"/voices/{voice}", headers=mine).status_code == 200
    gateway.gate.set()
    speaking.join()
    assert stored() == (1, 1)
    services.voices.settle()
    assert stored() == (0, 0)


def test_a_voice_whose_making_broke_off_is_not_left_behind(client, services, mine, webui, clock):
    webui.failures = [None]  # the WebUI made it, and the connection broke
    answer = send(client, mine)
    assert answer.status_code == 502
    assert (cloned(client, mine), len(webui.voices)) == ([], 0 if not webui.voices else 1)
    services.voices.settle()
    assert webui.voices == {}
    assert send(client, mine).status_code == 201


def test_a_proxy_that_died_while_a_voice_was_made_leaves_nothing_behind(
    client, services, mine, webui, clock, monkeypatch
):
    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(services.voices.store, "add", die)
    with pytest.raises(KeyboardInterrupt):
        send(client, mine)
    monkeypatch.undo()
    assert [voice.state for voice in services.voices.all()] == ["pending"]
    busy = send(client, mine)
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "2")
    clock.now_s += 601
    assert services.voices.settle() == 1
    fresh = {"Authorization": f"Bearer {services.tokens.issue('wx:me', {'voices'}).text}"}
    assert send(client, fresh).status_code == 201


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        ((422, problem("bad_clip")), 422, "bad_clip"), ((413, problem("clip_too_long")), 413, "clip_too_long"),
        ((500, problem("x")), 502, "engine_failed"), ((503, problem("x")), 503, "engine_busy"),
        ((504, problem("x")), 504, "engine_timeout"),
    ],
    ids=str,
)  # fmt: skip
def test_what_the_webui_refuses_leaves_no_voice(client, services, mine, webui, failure, status, code):
    webui.failures = [failure]
    answer = send(client, mine)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert cloned(client, mine) == []
    services.voices.settle()
    assert services.voices.all() == []
    assert actions(services) == []


def test_an_engine_that_clones_nothing_says_so(client, services, mine, webui):
    webui.knows_voices = False
    answer = send(client, mine)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "feature_off")
    assert services.voices.all() == []


def test_a_webui_that_is_away_is_502_and_one_that_hangs_504(make_voices_app, webui):
    def headers(app):
        return {"Authorization": f"Bearer {services_of(app).tokens.issue('me', {'voices'}).text}"}

    away = make_voices_app(gateway__url="http://127.0.0.1:9")
    assert send(away.test_client(), headers(away)).status_code == 502
    webui.gate = threading.Event()
    hanging = make_voices_app(cloning__timeout_s="0.3")
    assert send(hanging.test_client(), headers(hanging), clip=CLIP + b"2").status_code == 504


def test_the_worker_goes_on_when_the_webui_is_away(services, client, mine, webui):
    voice = send(client, mine).get_json()["voice_id"]
    webui.failures = [(500, problem("x"))] * 2
    client.delete(f"/voices/{voice}", headers=mine)
    with pytest.raises(GatewayError):
        services.voices.settle()
    assert services.voices.settle() == 1


# ---- grants


def test_a_voice_can_be_lent_and_taken_back(client, services, mine, headers_of, webui):
    voice = send(client, mine).get_json()["voice_id"]
    friend = headers_of("wx:friend")
    services.voices.grant(voice, "wx:friend")
    (lent,) = client.get("/voices", headers=friend).get_json()["cloned"]
    assert (lent["voice_id"], lent["owned"]) == (voice, False)
    assert client.post("/tts", json={"text": "你好", "voice_id": voice}, headers=friend).status_code == 200
    assert client.delete(f"/voices/{voice}", headers=friend).status_code == 404
    assert services.voices.withdraw(voice, "wx:friend") is True
    assert services.voices.withdraw(voice, "wx:friend") is False
    assert client.post("/tts", json={"text": "你好", "voice_id": voice}, headers=friend).status_code == 404


def test_commands_list_lend_and_delete(app, client, services, mine, webui, environ, monkeypatch, capsys):
    from app import __main__ as commands

    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(commands, "create_app", lambda settings: app)
    voice = send(client, mine).get_json()["voice_id"]
    assert commands.main(["voices", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[:3] == [voice, "我的声音", "wx:me"]
    assert commands.main(["voices", "grant", voice, "wx:friend"]) == 0
    assert commands.main(["voices", "withdraw", voice, "wx:friend"]) == 0
    assert commands.main(["voices", "withdraw", voice, "wx:friend"]) == 1
    assert commands.main(["voices", "delete", voice]) == 0
    assert commands.main(["voices", "delete", voice]) == 1
    assert webui.voices == {}
    lines = [json.loads(line) for line in _audit(commands, capsys)]
    assert [line["action"] for line in lines] == ["voice.create", "voice.grant", "voice.withdraw", "voice.delete"]


def _audit(commands, capsys):
    capsys.readouterr()
    commands.main(["audit", "--action", "voice"])
    return capsys.readouterr().out.splitlines()
