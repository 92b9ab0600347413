import datetime
import ipaddress
import ssl
import stat

import pytest
from cryptography import x509

from app.auth import SCOPES, ApiKeys, NewKey
from app.database import connect
from app.first_run import make_key, prepare
from app.keyring import load_keyring
from app.sealing import load_root
from settings import Settings, SettingsError

NOW = datetime.datetime(2026, 11, 22, 10, 0, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def settings(tmp_path):
    var = tmp_path / "var"
    return Settings.model_validate(
        {
            "auth": {"jwt_secret_file": var / "jwt_secret", "root_secret_file": var / "root_secret"},
            "proxy": {
                "tls_certificate": var / "tls_cert.pem",
                "tls_key": var / "tls_key.pem",
                "public_url": "https://voice.example:8443",
            },
        }
    )


def certificate(settings):
    return x509.load_pem_x509_certificate(settings.proxy.tls_certificate.read_bytes())


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_fresh_clone_gets_a_secret_and_a_certificate_that_only_the_owner_can_read(settings, tmp_path):
    assert len(prepare(settings, NOW)) == 3
    keyring = load_keyring(settings.auth)
    assert keyring.signing_kid == "20261122"
    assert len(keyring.keys["20261122"]) == 64
    assert mode(tmp_path / "var") == 0o700
    assert mode(settings.auth.jwt_secret_file) == mode(settings.proxy.tls_key) == 0o600
    assert mode(settings.auth.root_secret_file) == 0o600
    assert len(load_root(settings.auth).secret) == 64
    assert sorted(path.name for path in (tmp_path / "var").iterdir()) == [
        "jwt_secret",
        "root_secret",
        "tls_cert.pem",
        "tls_key.pem",
    ]


def test_the_lines_tell_no_secret(settings):
    lines = "".join(prepare(settings, NOW))
    secret = settings.auth.jwt_secret_file.read_text().strip().partition(":")[2]
    assert secret not in lines


def test_two_clones_get_different_secrets(settings, tmp_path):
    prepare(settings, NOW)
    first = settings.auth.jwt_secret_file.read_text()
    settings.auth.jwt_secret_file.unlink()
    prepare(settings, NOW)
    assert settings.auth.jwt_secret_file.read_text() != first


def test_the_certificate_is_for_this_machine_and_the_public_name(settings):
    prepare(settings, NOW)
    names = certificate(settings).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "voice.example"]
    addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    assert names.get_values_for_type(x509.IPAddress) == addresses
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.proxy.tls_certificate, settings.proxy.tls_key)


def test_a_client_that_trusts_it_verifies_it_strictly(settings):
    prepare(settings, datetime.datetime.now(datetime.UTC))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(settings.proxy.tls_certificate, settings.proxy.tls_key)
    client = ssl.create_default_context(cafile=settings.proxy.tls_certificate)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    for host in ("localhost", "127.0.0.1"):
        assert _shaken(server, client, host) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        _shaken(server, client, "other.example")


def _shaken(server, client, host):
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(to_client, to_server, server_hostname=host)
    right = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (left, right):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return left.version()


def test_a_second_run_changes_nothing(settings, tmp_path):
    prepare(settings, NOW)
    before = {path: path.read_bytes() for path in (tmp_path / "var").iterdir()}
    assert prepare(settings, NOW + DAY) == []
    assert {path: path.read_bytes() for path in (tmp_path / "var").iterdir()} == before


def test_our_certificate_is_renewed_a_month_before_its_end_and_nobody_elses(settings, monkeypatch):
    prepare(settings, NOW)
    first = certificate(settings).serial_number
    prepare(settings, NOW + 699 * DAY)
    assert certificate(settings).serial_number == first
    prepare(settings, NOW + 701 * DAY)
    renewed = certificate(settings)
    assert renewed.serial_number != first
    assert renewed.not_valid_after_utc == NOW + 1431 * DAY
    monkeypatch.setattr("app.first_run._ISSUER", "somebody else")
    prepare(settings, NOW + 2000 * DAY)
    assert certificate(settings).serial_number == renewed.serial_number


def test_half_a_pair_is_never_overwritten(settings):
    prepare(settings, NOW)
    settings.proxy.tls_certificate.unlink()
    key = settings.proxy.tls_key.read_bytes()
    with pytest.raises(SettingsError, match="成对"):
        prepare(settings, NOW)
    assert settings.proxy.tls_key.read_bytes() == key


def test_a_certificate_that_is_none_is_refused(settings):
    prepare(settings, NOW)
    settings.proxy.tls_certificate.write_text("nothing")
    with pytest.raises(SettingsError, match="PEM"):
        prepare(settings, NOW)


def test_a_secret_that_others_can_read_stops_the_start(settings):
    prepare(settings, NOW)
    settings.auth.jwt_secret_file.chmod(0o644)
    with pytest.raises(SettingsError, match="权限过宽"):
        prepare(settings, NOW)


def test_a_place_that_cannot_be_written_is_one_sentence(settings, tmp_path):
    (tmp_path / "var").write_text("")
    with pytest.raises(SettingsError, match="无法写入"):
        prepare(settings, NOW)


def test_behind_a_socket_no_certificate_is_made(settings, tmp_path):
    values = settings.model_dump()
    values["proxy"]["unix_socket"] = tmp_path / "proxy.sock"
    behind = Settings.model_validate(values)
    assert len(prepare(behind, NOW)) == 2
    assert not settings.proxy.tls_certificate.exists()


def test_a_secret_from_the_environment_makes_no_file(settings):
    values = settings.model_dump()
    values["auth"]["jwt_secret"] = "k1:0123456789abcdefghijklmnopqrstuvwxyz"
    prepare(Settings.model_validate(values), NOW)
    assert not settings.auth.jwt_secret_file.exists()


@pytest.fixture
def with_database(settings, tmp_path):
    values = settings.model_dump()
    values["auth"]["demo_key_file"] = tmp_path / "var" / "demo_api_key"
    values["database"]["url"] = f"sqlite:///{tmp_path / 'var' / 'app.db'}"
    (tmp_path / "var").mkdir(mode=0o700)
    return Settings.model_validate(values)


def keys_in(settings):
    return ApiKeys(connect(settings.database.url.get_secret_value()), NOW.timestamp)


def test_the_first_key_opens_every_door_and_is_made_once(with_database):
    path = with_database.auth.demo_key_file
    (line,) = make_key(with_database, NOW)
    text = path.read_text().strip()
    assert mode(path) == 0o600
    assert text not in line
    keys = keys_in(with_database)
    assert keys.verify(text).scopes == set(SCOPES)
    assert make_key(with_database, NOW) == []
    path.unlink()  # its owner has taken it away: there is a key, so no other is made
    assert make_key(with_database, NOW) == []
    assert not path.exists()
    assert len(keys.all()) == 1


def test_where_a_key_was_ever_made_no_first_one_is(with_database):
    keys = keys_in(with_database)
    keys.revoke(keys.create(NewKey("another", ("tts",)))[0])
    assert make_key(with_database, NOW) == []
    assert not with_database.auth.demo_key_file.exists()


def test_a_first_key_that_cannot_be_written_is_revoked(with_database, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("app.auth.write_private", full)
    with pytest.raises(SettingsError, match="已作废"):
        make_key(with_database, NOW)
    (key,) = keys_in(with_database).all()
    assert key.revoked_s is not None
