"""Settings: every key in ``config.yaml``, nothing misspelt, nothing secret in a file or a message."""

from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from settings import Settings, SettingsError, keys_of, load_settings, reason

CONFIG = Path(__file__).parent.parent / "config.yaml"
KEYS = dict(keys_of(Settings))


def load(text="", tmp_path=None, **environ):
    path = Path("/nonexistent/config.yaml")
    if tmp_path is not None:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
    return load_settings(path, environ)


def test_the_file_holds_every_setting_and_no_other():
    written = {
        f"{section}.{key}" for section, keys in yaml.safe_load(CONFIG.read_text("utf-8")).items() for key in keys
    }
    assert written == set(KEYS)


def test_the_file_loads_to_the_defaults():
    assert load_settings(CONFIG, {}) == Settings() == load_settings(Path("/nonexistent"), {})


def test_every_section_and_nearly_every_key_has_a_comment_in_chinese():
    lines = [line for line in CONFIG.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    without = [line.split(":")[0].strip() for line in lines if not any("一" <= c <= "鿿" for c in line)]
    assert without == ["port", "port", "cos_secret_id", "cos_secret_key"] or set(without) <= {"port"}


def test_every_number_is_bounded():
    unbounded = []
    for section, field in Settings.model_fields.items():
        for name, inner in field.annotation.model_fields.items():
            if inner.annotation in (int, float):
                kinds = {type(bound).__name__ for bound in inner.metadata}
                if not (kinds & {"Ge", "Gt"} and kinds & {"Le", "Lt"}):
                    unbounded.append(f"{section}.{name}")
    assert unbounded == []


def test_no_secret_has_a_usable_default():
    for key in (
        "webui.token",
        "webui.password",
        "auth.jwt_secret",
        "auth.root_secret",
        "wechat.secret",
        "storage.cos_secret_id",
        "storage.cos_secret_key",
    ):
        section, name = key.split(".")
        default = getattr(getattr(Settings(), section), name)
        assert (key, default) == (key, None)
    assert PydanticUndefined not in (field.default for field in Settings.model_fields.values())


def test_the_environment_wins_over_the_file(tmp_path):
    settings = load("proxy:\n  port: 9001\n  threads: 4\n", tmp_path, TTS__PROXY__PORT="9002")
    assert (settings.proxy.port, settings.proxy.threads) == (9002, 4)


@pytest.mark.parametrize("secret", ["123456789", "1e9", "true", "null", "a: b", "[x", "", " "])
def test_a_secret_in_the_environment_is_taken_as_it_is(secret):
    token = load(TTS__WEBUI__TOKEN=secret).webui.token
    assert (token.get_secret_value() if token else None) == (secret or None)


def test_an_optional_setting_can_be_emptied(tmp_path):
    settings = load("proxy:\n  unix_socket: /run/tts.sock\n", tmp_path, TTS__PROXY__UNIX_SOCKET="")
    assert settings.proxy.unix_socket is None


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"TTS__PROXY__PROT": "1"}, "TTS__PROXY__PROT"),
        ({"TTS__PROXIES__PORT": "1"}, "TTS__PROXIES__PORT"),
        ({"TTS__PROXY": "1"}, "TTS__PROXY"),
        ({"TTS__": "1"}, "TTS__"),
        ({"TTS__PROXY__PORT__X": "1"}, "TTS__PROXY__PORT__X"),
        ({"TTS__PROXY__PORT": "0"}, "proxy.port"),
        ({"TTS__PROXY__PORT": "65536"}, "proxy.port"),
        ({"TTS__PROXY__PORT": "https"}, "proxy.port"),
        ({"TTS__PROXY__PORT": "[1"}, "TTS__PROXY__PORT"),
        ({"TTS__PROXY__TLS": "maybe"}, "proxy.tls"),
        ({"TTS__PROXY__PUBLIC_URL": "ftp://x"}, "proxy.public_url"),
        ({"TTS__PROXY__PUBLIC_URL": "https://x/path"}, "proxy.public_url"),
        ({"TTS__GATEWAY__URL": "file:///etc/passwd"}, "gateway.url"),
        ({"TTS__GATEWAY__DEADLINE_S": ".nan"}, "gateway.deadline_s"),
        ({"TTS__GATEWAY__DEADLINE_S": ".inf"}, "gateway.deadline_s"),
        ({"TTS__AUTH__LEEWAY_S": "31"}, "auth.leeway_s"),
        ({"TTS__STORAGE__KIND": "s3"}, "storage.kind"),
        ({"TTS__ENGINE__DEVICE": "cuda:9"}, "engine.device"),
    ],
    ids=str,
)
def test_a_bad_environment_is_one_chinese_sentence_that_names_it(environ, named):
    with pytest.raises(SettingsError) as caught:
        load(**environ)
    sentence = str(caught.value)
    assert named in sentence
    assert "\n" not in sentence
    assert any("一" <= character <= "鿿" for character in sentence)


@pytest.mark.parametrize(
    "text",
    [
        "proxy: [",
        "- a",
        "word",
        "proxy: 5",
        "proxy:\n  prot: 1",
        "proxies:\n  port: 1",
        "proxy:\n  port: true",
        "\tx: 1",
    ],
)
def test_a_bad_file_is_one_chinese_sentence(tmp_path, text):
    with pytest.raises(SettingsError) as caught:
        load(text, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_or_no_file_is_one_sentence(tmp_path):
    for content in (b"\xff\xfe\x00", "proxy: # 端口".encode("gb18030")):
        (tmp_path / "config.yaml").write_bytes(content)
        with pytest.raises(SettingsError, match="UTF-8"):
            load_settings(tmp_path / "config.yaml", {})
    with pytest.raises(SettingsError, match="读不出来"):
        load_settings(tmp_path, {})


def test_a_file_that_a_windows_editor_saved_is_read(tmp_path):
    (tmp_path / "config.yaml").write_bytes(b"\xef\xbb\xbfproxy:\r\n  port: 9443\r\n")
    assert load_settings(tmp_path / "config.yaml", {}).proxy.port == 9443


def test_a_bad_file_names_the_line(tmp_path):
    with pytest.raises(SettingsError, match="第 3 行"):
        load("proxy:\n  port: 1\n\tthreads: 4\n", tmp_path)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("proxy:\n  threads: 4\nproxy:\n  port: 9443\n", "第 3 行）：proxy "),
        ("proxy:\n  port: 1\n  port: 2\n", "第 3 行）：port "),
    ],
    ids=["section", "key"],
)
def test_what_stands_twice_is_refused_instead_of_forgetting_the_first(tmp_path, text, place):
    with pytest.raises(SettingsError, match=place):
        load(text, tmp_path)


def test_a_value_of_the_wrong_form_is_told_the_right_one():
    with pytest.raises(SettingsError, match=r"gateway\.url .*格式不对，应符合 \^https\?://"):
        load(TTS__GATEWAY__URL="ftp://x")


@pytest.mark.parametrize(
    ("environ", "gateway", "public"),
    [
        ({}, "http://127.0.0.1:7860", "https://127.0.0.1:8443"),
        ({"TTS__WEBUI__PORT": "9000"}, "http://127.0.0.1:9000", "https://127.0.0.1:8443"),
        ({"TTS__WEBUI__HOST": "::1"}, "http://[::1]:7860", "https://127.0.0.1:8443"),
        ({"TTS__PROXY__PORT": "9443"}, "http://127.0.0.1:7860", "https://127.0.0.1:9443"),
        ({"TTS__PROXY__TLS": "false"}, "http://127.0.0.1:7860", "http://127.0.0.1:8443"),
        ({"TTS__PROXY__HOST": "0.0.0.0"}, "http://127.0.0.1:7860", "https://127.0.0.1:8443"),
        (
            {"TTS__WEBUI__PORT": "9000", "TTS__GATEWAY__URL": "http://10.0.0.9:7860", "TTS__PROXY__PORT": "9443"},
            "http://10.0.0.9:7860",
            "https://127.0.0.1:9443",
        ),
        (
            {"TTS__PROXY__PORT": "9443", "TTS__PROXY__PUBLIC_URL": "https://voice.example"},
            "http://127.0.0.1:7860",
            "https://voice.example",
        ),
    ],
)
def test_the_halves_meet_in_every_process_where_only_a_port_was_changed(environ, gateway, public):
    settings = load(**environ)
    assert (settings.gateway.url, settings.proxy.public_url) == (gateway, public)


@pytest.mark.parametrize(
    "key",
    [
        "webui.token",
        "webui.password",
        "auth.jwt_secret",
        "auth.root_secret",
        "wechat.secret",
        "storage.cos_secret_id",
        "storage.cos_secret_key",
    ],
)
def test_a_secret_in_the_file_stops_the_start_without_being_said(tmp_path, key):
    section, name = key.split(".")
    with pytest.raises(SettingsError) as caught:
        load(f"{section}:\n  {name}: hunter2hunter2\n", tmp_path)
    assert f"TTS__{section.upper()}__{name.upper()}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_every_other_secret_may_stand_in_the_file():
    secrets = {key for key, kind in KEYS.items() if "SecretStr" in str(kind)}
    assert secrets - {"limits.storage_uri", "database.url", "jobs.queue_url"} == {
        "jobs.callback_secret",
        "webui.token",
        "webui.password",
        "auth.jwt_secret",
        "auth.root_secret",
        "wechat.secret",
        "storage.cos_secret_id",
        "storage.cos_secret_key",
    }


def test_no_secret_is_printed():
    settings = load(TTS__WEBUI__TOKEN="hunter2hunter2", TTS__DATABASE__URL="postgresql://u:hunter2hunter2@h/d")
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"TTS__GATEWAY__DEADLINE_S": "50"}, "request_timeout_s"),
        ({"TTS__WORKER__ORPHAN_AGE_S": "600"}, "orphan_age_s"),
        ({"TTS__PROXY__TLS": "false", "TTS__PROXY__HOST": "0.0.0.0"}, "proxy.tls"),
        ({"TTS__PROXY__TLS": "false", "TTS__PROXY__HOST": "127.example.com"}, "proxy.tls"),
        ({"TTS__STORAGE__MAX_AGE_H": "1", "TTS__STORAGE__URL_LIFETIME_S": "3601"}, "url_lifetime_s"),
        ({"TTS__STORAGE__KIND": "cos"}, "cos_bucket、cos_secret_id、cos_secret_key、cos_region"),
    ],
)
def test_settings_that_contradict_each_other_stop_the_start(environ, why):
    with pytest.raises(SettingsError, match=why):
        load(**environ)


def test_settings_that_fit_together_do_not():
    load(TTS__PROXY__TLS="false", TTS__PROXY__HOST="::1")
    load(TTS__PROXY__TLS="false", TTS__PROXY__HOST="0.0.0.0", TTS__PROXY__UNIX_SOCKET="/run/tts.sock")
    cos = load(
        TTS__STORAGE__KIND="cos",
        TTS__STORAGE__COS_BUCKET="b-1250000000",
        TTS__STORAGE__COS_REGION="ap-guangzhou",
        TTS__STORAGE__COS_SECRET_ID="i",
        TTS__STORAGE__COS_SECRET_KEY="k",
    )
    assert cos.storage.cos_secret_key == SecretStr("k")


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Settings().proxy.port = 1


def test_a_reason_unknown_to_us_is_still_a_sentence():
    assert reason({"type": "date_past", "loc": (), "msg": "secret", "input": "secret"}) == "取值不合要求"
