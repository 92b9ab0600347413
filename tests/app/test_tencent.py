"""Tencent Cloud's interface, called by Tencent Cloud's own client, and forged in every way."""

import base64
import hashlib
import hmac
import io
import json
import threading
import time
import wave
from datetime import UTC, datetime

import pytest
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.tts.v20190823 import errorcodes, models, tts_client
from werkzeug.serving import make_server

from app.auth import NewKey
from app.services import services_of
from app.tencent import speaker_of, speed_of
from sound import read_label

TEXT = "欢迎使用语音合成"


@pytest.fixture
def make_compat_app(make_app, clock):
    clock.now_s = float(int(time.time()))  # the client signs with the real time

    def make(**changes):
        return make_app(compat__tencent="true", **changes)

    return make


@pytest.fixture
def app(make_compat_app):
    return make_compat_app()


@pytest.fixture
def pair(services):
    """SecretId and SecretKey of a key that may speak."""
    key_id, _ = services.keys.create(NewKey("tencent", ("tts",)))
    return f"tts_{key_id}", services.signatures.secret_key(key_id)


@pytest.fixture
def call(app, pair):
    """The real client against a real server: a function of the request's parameters."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def speak(pair=pair, **parameters):
        http = HttpProfile(protocol="http", endpoint=f"127.0.0.1:{server.server_port}", reqTimeout=20)
        client = tts_client.TtsClient(credential.Credential(*pair), "ap-guangzhou", ClientProfile(httpProfile=http))
        asked = models.TextToVoiceRequest()
        asked.from_json_string(json.dumps({"Text": TEXT, "SessionId": "session-1"} | parameters))
        return client.TextToVoice(asked)

    yield speak
    server.shutdown()
    server.server_close()
    thread.join()


def refusal(call, **parameters):
    with pytest.raises(TencentCloudSDKException) as caught:
        call(**parameters)
    return caught.value.code


def sound_of(reply):
    data = base64.b64decode(reply.Audio)
    with wave.open(io.BytesIO(data)) as file:
        return data, file.getframerate(), file.getnframes()


def test_the_original_client_gets_a_sound_and_its_times(call, gateway):
    reply = call(EnableSubtitle=True, VoiceType=101004, Speed=1, ModelType=1, ProjectId=0, PrimaryLanguage=1)
    data, rate, frames = sound_of(reply)
    assert (reply.SessionId, rate, data[:4]) == ("session-1", 16000, b"RIFF")
    assert abs(frames / rate - 0.1 * len(TEXT)) < 0.01
    order = gateway.orders[0][0]
    assert (order.text, order.speaker, order.speed) == (TEXT, "male", 1.2)
    assert [subtitle.Text for subtitle in reply.Subtitles] == list(TEXT)
    third = reply.Subtitles[2]
    assert (third.BeginTime, third.EndTime, third.BeginIndex, third.EndIndex) == (200, 300, 2, 3)
    assert len(reply.RequestId) >= 8
    assert read_label(io.BytesIO(data)) is not None


def test_every_codec_and_rate(call):
    assert call().Subtitles == []
    mp3 = base64.b64decode(call(Codec="mp3").Audio)
    assert mp3[:3] == b"ID3" or mp3[0] == 0xFF
    for rate in (8000, 24000):
        assert sound_of(call(SampleRate=rate))[1] == rate
    pcm = base64.b64decode(call(Codec="pcm", SampleRate=8000).Audio)
    assert abs(len(pcm) / 2 / 8000 - 0.1 * len(TEXT)) < 0.01


def test_volume_changes_how_loud_it_is_and_never_cuts_off(call):
    def peak(reply):
        data = base64.b64decode(reply.Audio)
        return max(abs(int.from_bytes(data[i : i + 2], "little", signed=True)) for i in range(2000, 8000, 2))

    normal, softer, louder = (peak(call(Codec="pcm", Volume=volume)) for volume in (0, -6, 10))
    assert abs(softer / normal - 10 ** (-6 / 20)) < 0.02
    assert 30_000 < louder <= 32_767


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Text": ""}, "InvalidParameterValue.TextEmpty"), ({"Text": "字" * 1001}, "UnsupportedOperation.TextTooLong"),
        ({"Text": "a\x00"}, "InvalidParameterValue.Text"),
        ({"Text": "<speak>好</speak>"}, "InvalidParameterValue.SSMLInvalid"),
        ({"Codec": "ogg"}, "InvalidParameterValue.Codec"), ({"SampleRate": 44100}, "InvalidParameterValue.SampleRate"),
        ({"Speed": 6.1}, "InvalidParameterValue.Speed"), ({"Speed": 6}, "InvalidParameterValue.Speed"),
        ({"Volume": 11}, "InvalidParameterValue.Volume"), ({"VoiceType": 5}, "InvalidParameterValue.VoiceType"),
        ({"PrimaryLanguage": 3}, "InvalidParameterValue.PrimaryLanguage"),
        ({"SessionId": ""}, "InvalidParameterValue.SessionId"),
        ({"ModelType": 7}, "InvalidParameterValue.ModelType"), ({"EmotionCategory": "sajiao"}, "UnsupportedOperation"),
        ({"VoiceType": 200000000, "FastVoiceType": "voice-" + "0" * 32}, "InvalidParameterValue.VoiceType"),
        ({"VoiceType": 200000000}, "InvalidParameterValue.VoiceType"),
    ],
    ids=str,
)  # fmt: skip
def test_a_parameter_that_does_not_fit_has_tencents_code(call, gateway, change, code):
    assert refusal(call, **change) == code
    assert gateway.orders == []
    assert code in vars(errorcodes).values()


def test_a_key_pair_that_is_none_is_refused(call, pair, services):
    assert refusal(call, pair=(pair[0], "x" * 40)) == "AuthFailure.SignatureFailure"
    assert refusal(call, pair=("tts_zzzzzzzz", pair[1])) == "AuthFailure.SignatureFailure"
    assert refusal(call, pair=("AKID0123456789", pair[1])) == "AuthFailure.InvalidAuthorization"
    services.keys.revoke(pair[0][4:])
    assert refusal(call) == "AuthFailure.SecretIdNotFound"


def test_a_key_without_the_scope_is_refused(call, services):
    key_id, _ = services.keys.create(NewKey("a", ("voices",)))
    pair = (f"tts_{key_id}", services.signatures.secret_key(key_id))
    assert refusal(call, pair=pair) == "AuthFailure.UnauthorizedOperation"


def test_a_clock_that_is_off_is_named(call, clock):
    clock.now_s += 400
    assert refusal(call) == "AuthFailure.SignatureExpire"
    clock.now_s -= 800
    assert refusal(call) == "AuthFailure.SignatureExpire"


def test_the_engines_failures_have_tencents_codes(call, gateway):
    from app.errors import EngineBusyError, EngineTimeoutError

    call()
    gateway.failure = EngineBusyError(2)
    assert refusal(call, Text="没说过的") == "InternalError.NoResource"
    gateway.failure = EngineTimeoutError()
    assert refusal(call, Text="没说过的") == "InternalError.InternalError"


def test_limits_speak_tencents_language(make_compat_app, tmp_path):
    app = make_compat_app(limits__failures_per_key="2/hour", limits__characters_per_day="10")
    services, client = services_of(app), app.test_client()
    key_id, _ = services.keys.create(NewKey("a", ("tts",)))
    good = services.signatures.secret_key(key_id)
    codes = [code_of(client.post("/", **signed(key_id, "x" * 40, services.now(), TEXT))) for _ in range(3)]
    assert codes == ["AuthFailure.SignatureFailure"] * 2 + ["RequestLimitExceeded"]
    assert code_of(client.post("/", **signed(key_id, good, services.now(), TEXT))) is None
    exhausted = client.post("/", **signed(key_id, good, services.now(), "另外的十个字以上的文本"))
    assert code_of(exhausted) == "UnsupportedOperation.PkgExhausted"


# ---- forged by hand


def signed(key_id, secret_key, now, text=TEXT, path="/", **changes):
    """A request as the documentation describes it; ``changes`` spoil it after signing, ``sign_…`` before."""
    body = json.dumps({"Text": text, "SessionId": "s"}).encode()
    moment = int(changes.get("sign_moment", now))
    date = changes.get("sign_date", datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d"))
    service, names = changes.get("sign_service", "tts"), changes.get("sign_names", "content-type;host")
    values = {"content-type": "application/json", "host": "localhost", "x-tc-action": "texttovoice"}
    lines = "".join(f"{name}:{values[name]}\n" for name in names.split(";"))
    told = f"POST\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    key = f"TC3{secret_key}".encode()
    for word in (date, service, "tc3_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    full = f"TC3-HMAC-SHA256\n{moment}\n{date}/{service}/tc3_request\n{hashlib.sha256(told.encode()).hexdigest()}"
    signature = hmac.digest(key, full.encode(), "sha256").hex()
    headers = {
        "Authorization": f"TC3-HMAC-SHA256 Credential=tts_{key_id}/{date}/{service}/tc3_request, "
        f"SignedHeaders={names}, Signature={signature}",
        "X-TC-Action": "TextToVoice", "X-TC-Version": "2019-08-23", "X-TC-Timestamp": str(moment),
        "Host": "localhost", "Content-Type": "application/json",
    }  # fmt: skip
    headers |= changes.get("headers", {})
    headers = {name: value for name, value in headers.items() if value is not None}
    return {"data": changes.get("body", body), "headers": headers}


def code_of(answer):
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    told = answer.get_json()["Response"]
    assert told["RequestId"]
    return told.get("Error", {}).get("Code")


@pytest.fixture
def forge(client, pair, services):
    def post(at="/compat/tencent", **changes):
        return code_of(client.post(at, **signed(pair[0][4:], pair[1], services.now(), **changes)))

    return post


def test_both_addresses_take_either_signed_path(forge):
    assert [forge("/"), forge("/compat/tencent"), forge("/compat/tencent", path="/compat/tencent")] == [None] * 3
    assert forge("/compat/tencent", path="/tts") == "AuthFailure.SignatureFailure"
    assert forge(sign_names="content-type;host;x-tc-action") is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"body": b'{"Text":"other","SessionId":"s"}'}, "AuthFailure.SignatureFailure"),
        ({"headers": {"Host": "evil.example"}}, "AuthFailure.SignatureFailure"),
        ({"headers": {"Content-Type": "text/plain"}}, "AuthFailure.SignatureFailure"),
        ({"headers": {"X-TC-Timestamp": "1"}}, "AuthFailure.SignatureExpire"),
        ({"headers": {"X-TC-Timestamp": "9" * 30}}, "AuthFailure.InvalidAuthorization"),
        ({"headers": {"X-TC-Timestamp": "-1"}}, "AuthFailure.InvalidAuthorization"),
        ({"headers": {"X-TC-Timestamp": None}}, "AuthFailure.InvalidAuthorization"),
        ({"headers": {"Authorization": None}}, "AuthFailure.InvalidAuthorization"),
        ({"headers": {"Authorization": "Bearer x"}}, "AuthFailure.InvalidAuthorization"),
        ({"headers": {"Authorization": "TC3-HMAC-SHA256 " + "A" * 5000}}, "AuthFailure.InvalidAuthorization"),
        ({"sign_names": "host"}, "AuthFailure.InvalidAuthorization"),
        ({"sign_names": "content-type"}, "AuthFailure.InvalidAuthorization"),
        ({"sign_names": "host;content-type"}, "AuthFailure.InvalidAuthorization"),
        ({"sign_service": "cvm"}, "AuthFailure.InvalidAuthorization"),
        ({"sign_date": "2020-01-01"}, "AuthFailure.InvalidAuthorization"),
        ({"headers": {"X-TC-Action": "CreateTtsTask"}}, "InvalidAction"),
        ({"headers": {"X-TC-Version": "2020-01-01"}}, "NoSuchVersion"),
        ({"headers": {"X-TC-Action": None}}, "MissingParameter"),
    ],
    ids=str,
)  # fmt: skip
def test_a_changed_or_odd_request_is_refused(forge, gateway, change, code):
    assert forge(**change) == code
    assert gateway.orders == []


def test_a_bearer_token_or_key_does_not_open_it(client, auth, key):
    for headers in (auth, {"X-API-Key": key}):
        answer = client.post("/compat/tencent", json={"Text": TEXT, "SessionId": "s"}, headers=headers)
        assert code_of(answer) == "AuthFailure.InvalidAuthorization"


def test_a_body_that_is_too_large_is_named(client, pair):
    answer = client.post("/", data=b"x" * 70_000, headers={"Content-Type": "application/json"})
    assert code_of(answer) == "RequestSizeLimitExceeded"


def test_it_is_off_by_default(make_app):
    client = make_app().test_client()
    assert client.post("/compat/tencent").status_code == 404
    assert client.post("/").status_code in (404, 405)


def test_the_description_has_it_when_it_is_on(client):
    assert {"/compat/tencent", "/"} <= set(client.get("/openapi.json").get_json()["paths"])
    assert client.get("/docs").status_code == 200


@pytest.mark.parametrize(
    ("given", "speed"), [(-2, 0.6), (-1.5, 0.7), (0, 1.0), (0.5, 1.1), (1, 1.2), (2, 1.5), (4, 2.0)]
)
def test_speed_follows_the_documentation(given, speed):
    assert speed_of(given) == pytest.approx(speed)


@pytest.mark.parametrize(
    ("voice", "speaker"),
    [(0, "female"), (1001, "female"), (1004, "male"), (101015, "child"), (101013, "male"), (1013, None), (7, None)],
)
def test_voices_stand_for_tencents(voice, speaker):
    assert speaker_of(voice, "") == speaker
    assert speaker_of(voice, f"{voice}=mine,9=b") == "mine"


def test_the_pair_is_shown_by_a_command(app, environ, pair, monkeypatch, capsys):
    from app import __main__ as commands

    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(commands, "create_app", lambda settings: app)
    assert commands.main(["keys", "tencent", pair[0][4:]]) == 0
    assert capsys.readouterr().out.split() == ["SecretId", pair[0], "SecretKey", pair[1]]
    assert commands.main(["keys", "tencent", "zzzzzzzz"]) == 1
