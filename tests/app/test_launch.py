import datetime
import shlex
import socket

import pytest

from app.first_run import prepare
from app.launch import addresses, check_free, curl_line, proxy_probe, variables, wait_ready, webui_probe
from settings import Settings, SettingsError
from tests.end_to_end.stack import free_port

NOW = datetime.datetime.now(datetime.UTC)


def settings(**sections):
    return Settings.model_validate(sections)


def test_no_secret_is_among_what_the_shell_gets():
    given = settings(webui={"token": "t" * 20, "password": "p" * 20}, auth={"jwt_secret": "s" * 40})
    text = str(variables(given))
    assert not any(secret * 20 in text for secret in "tps")


def test_the_line_to_paste_trusts_the_made_certificate_and_reads_the_key(tmp_path):
    sections = {
        "proxy": {"tls_certificate": tmp_path / "c.pem", "tls_key": tmp_path / "k.pem"},
        "auth": {"jwt_secret_file": tmp_path / "jwt", "demo_key_file": tmp_path / "a key"},
    }
    given = settings(**sections)
    prepare(given, NOW)
    words = shlex.split(curl_line(given))
    assert words[:3] == ["curl", "--cacert", str(tmp_path / "c.pem")]
    assert f"X-API-Key: $(cat '{tmp_path}/a key')" in words
    assert words[-1] == "https://127.0.0.1:8443/tts"
    assert "keys create" in addresses(given, ["proxy"])[-1]
    (tmp_path / "a key").write_text("tts_x")
    assert addresses(given, ["webui", "proxy"])[-1].strip() == curl_line(given)


def test_behind_a_socket_the_line_goes_through_it(tmp_path):
    line = curl_line(settings(proxy={"unix_socket": tmp_path / "proxy.sock"}))
    assert f"--unix-socket {tmp_path}/proxy.sock" in line
    assert line.endswith("http://localhost/tts")


def test_a_taken_port_is_named_with_the_setting_that_changes_it():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=f"端口 {port} 已被占用.*TTS__WEBUI__PORT"):
            check_free("webui", settings(webui={"port": port}).webui)
    check_free("webui", settings(webui={"port": port}).webui)


def test_a_taken_socket_is_refused_and_a_left_behind_one_is_not(tmp_path):
    path = tmp_path / "proxy.sock"
    proxy = settings(proxy={"unix_socket": path}).proxy
    check_free("proxy", proxy)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with pytest.raises(SettingsError, match="已有程序在监听"):
            check_free("proxy", proxy)
    check_free("proxy", proxy)


def test_a_socket_without_its_folder_says_what_to_do(tmp_path):
    proxy = settings(proxy={"unix_socket": tmp_path / "absent" / "proxy.sock"}).proxy
    with pytest.raises(SettingsError, match="请先建好这个目录"):
        check_free("proxy", proxy)


def test_an_address_of_another_machine_is_one_sentence():
    with pytest.raises(SettingsError, match=r"无法监听 203\.0\.113\.1"):
        check_free("webui", settings(webui={"host": "203.0.113.1", "token": "t" * 20}).webui)


def test_nobody_listening_is_not_ready():
    given = settings(webui={"port": free_port()}, proxy={"port": free_port(), "tls": False})
    assert webui_probe(given)() is False
    assert proxy_probe(given, "/healthz")() is False


def test_waiting_ends_with_the_name_of_what_is_not_ready():
    looks = []
    wait_ready({"先": lambda: looks.append(1) is None and len(looks) == 3}, 10)
    assert len(looks) == 3
    with pytest.raises(SettingsError, match="后 在 0 秒内没有就绪"):
        wait_ready({"先": lambda: True, "后": lambda: False}, 0)
