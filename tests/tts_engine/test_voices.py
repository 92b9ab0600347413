"""Voice files and mixtures."""

import json

import numpy as np
import pytest

from tts_engine.errors import BadVoiceError, OptionError, UnknownVoiceError
from tts_engine.identity import IDENTITY, Identity, pitch_statistics
from tts_engine.voices import MAX_FILE_BYTES, Consent, VoiceFile, mix, parse_mixture

CONSENT = Consent(
    person="李某",
    purpose="给自己的小程序配音",
    agreed_at="2026-11-22T10:00:00+08:00",
    statement="我同意用这段录音制作我的合成声音。",
    recorded_at="2026-11-22T02:00:01Z",
    recorded_by="operator",
    clip_sha256="0" * 64,
)


def voice(**changes):
    embedding = np.zeros(64)
    embedding[3] = 1.0
    values = {
        "name": "我的声音", "title": "我的声音", "encoder": "0123456789abcdef", "embedding": tuple(embedding),
        "median_f0_hz": 201.5, "spread_st": 2.5, "formant_shift": 0.1, "provenance": "clip 6.0 s",
        "consents": (CONSENT,),
    }  # fmt: skip
    return VoiceFile(**(values | changes))


def test_a_voice_survives_export_and_import():
    kept = voice()
    data = kept.to_bytes()
    assert VoiceFile.from_bytes(data) == kept
    assert len(data) < 8 << 10
    assert json.loads(data)["consents"][0]["person"] == "李某"


def changed(key, value):
    body = json.loads(voice().to_bytes())
    body[key] = value
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "这不是音色文件"),
        (b"\xff\xfe", "这不是音色文件"),
        (b"[1, 2]", "这不是音色文件"),
        (b"[" * 100_000, "超过 64 KB"),
        (b"[" * 60_000, "这不是音色文件"),
        (b'{"sha256": "0"}', "这些字段不对"),
        (bytes(MAX_FILE_BYTES + 1), "超过 64 KB"),
        (changed("median_f0_hz", 300.0), "与它的校验和不符"),
        (changed("median_f0_hz", 1e9), "median_f0_hz"),
        (changed("median_f0_hz", float("nan")), "median_f0_hz"),
        (changed("embedding", [0.0] * 63), "embedding"),
        (changed("name", "../etc/passwd"), "name"),
        (changed("extra", 1), "extra"),
        (changed("consents", []), "与它的校验和不符"),
    ],
)
def test_a_file_that_is_no_voice_is_refused(data, sentence):
    with pytest.raises(BadVoiceError, match=sentence):
        VoiceFile.from_bytes(data)


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("female", [("female", 1.0)]),
        ("0.7*female+0.3*child", [("female", 0.7), ("child", 0.3)]),
        ("female+child", [("female", 0.5), ("child", 0.5)]),
        (" 2 * female + 1*我的声音 ", [("female", 2 / 3), ("我的声音", 1 / 3)]),
        ("3×male+1×voice-0f", [("male", 0.75), ("voice-0f", 0.25)]),
    ],
)
def test_weights_are_shares_of_the_whole(expression, parts):
    assert [(part.name, pytest.approx(part.weight)) for part in parse_mixture(expression)] == parts


@pytest.mark.parametrize(
    "expression", ["", "+", "0.7*", "*female", "0*female", "-1*female", "1e9*female", "a+" * 9 + "a"]
)
def test_what_is_no_mixture_is_refused(expression):
    with pytest.raises(OptionError):
        parse_mixture(expression)


def test_a_mixture_lies_between_its_parts():
    known = {"a": np.array([1.0, 0.0], np.float32), "b": np.array([0.0, 1.0], np.float32)}
    np.testing.assert_allclose(mix("0.7*a+0.3*b", known), [0.7, 0.3], rtol=1e-6)
    assert mix("a", known) is known["a"]
    with pytest.raises(UnknownVoiceError, match="c"):
        mix("a+c", known)


def test_an_identity_becomes_a_vector_and_back():
    identity = voice().identity()
    vector = identity.vector()
    assert vector.shape == (IDENTITY,)
    back = Identity.of_vector(vector)
    np.testing.assert_allclose(back.embedding, identity.embedding, atol=1e-6)
    measured = (back.median_f0_hz, back.spread_st, back.formant_shift)
    assert measured == pytest.approx((201.5, 2.5, 0.1), rel=1e-5)
    assert identity.told == tuple(vector.tolist())


def test_octave_errors_do_not_move_the_pitch_of_a_speaker():
    f0 = np.array([0, 200, 201, 199, 200, 400, 0, 60, 200], np.float32)
    median, spread = pitch_statistics(f0)
    assert median == pytest.approx(200, rel=0.01)
    assert spread < 0.1
    with pytest.raises(ValueError, match="nothing is voiced"):
        pitch_statistics(np.zeros(5, np.float32))
