"""Rotation of the signing key: no good token is refused on the way, and no old one lives on."""

import threading

import pytest

from app.auth import Tokens
from app.errors import CredentialError
from app.keyring import Keyring
from app.sealing import RootSecret
from app.services import services_of
from app.signing import LEAD_S, REFRESH_S, SigningKeys
from settings import AuthSettings, SettingsError

OLD = Keyring({"1": b"k7Qz-2mWx9_LpRt4VbYc8NdFg3HsJa6E"})
ROOT = RootSecret(b"Zt5nBw8-qLs2_YxKe6RjVm1HcDf9GuPa4")
LIFE_S = 900 + 10


class Process:
    """One proxy process: its own view of the ring, its own phase of looking."""

    def __init__(self, engine, clock, phase_s=0.0, base=OLD, root=ROOT):
        self.ring = SigningKeys(base, engine, root, clock, lambda: clock.now_s + phase_s)
        self.tokens = Tokens(AuthSettings(), self.ring, engine, clock)


@pytest.fixture
def process(services, clock):
    return lambda *arguments, **options: Process(services.engine, clock, *arguments, **options)


def is_good(process, token):
    try:
        process.tokens.verify(token)
    except CredentialError:
        return False
    return True


def test_no_token_is_refused_during_a_rotation_whatever_each_process_has_seen(process, clock):
    processes = [process(phase_s) for phase_s in (0.0, 1.3, 4.9)]
    rotation = processes[0].ring.rotate(LIFE_S)
    begun_s, live = clock.now_s, []
    while clock.now_s < rotation.old_until_s + 60:
        for one in processes:
            live.append((clock.now_s, one.tokens.issue("a", {"tts"}).text))
        live = [(made_s, token) for made_s, token in live if made_s > clock.now_s - 900]
        for one in processes:
            for _, token in (live[0], live[-1]):  # the oldest and the newest
                assert is_good(one, token), clock.now_s - begun_s
        clock.now_s += 7.1
    kids = {one.ring.current().signing_kid for one in processes}
    assert kids == {rotation.kid}
    assert list(processes[0].ring.current().keys) == [rotation.kid]


def test_a_key_is_seen_by_every_process_before_it_signs(process, clock):
    first, second = process(), process()
    second.ring.current()
    rotation = first.ring.rotate(LIFE_S)
    assert first.ring.current().signing_kid == "1"
    clock.now_s = rotation.signs_from_s - (LEAD_S - REFRESH_S)
    assert rotation.kid in second.ring.current().keys
    assert second.ring.current().signing_kid == "1"
    clock.now_s = rotation.signs_from_s
    assert {first.ring.current().signing_kid, second.ring.current().signing_kid} == {rotation.kid}


def test_the_old_key_ends_with_its_last_token_also_where_it_is_still_in_the_file(process, clock):
    one = process()
    rotation = one.ring.rotate(LIFE_S)
    clock.now_s = rotation.signs_from_s - 1
    last = one.tokens.issue("a", {"tts"}).text
    clock.now_s += 899
    assert is_good(one, last)
    clock.now_s = rotation.old_until_s
    assert "1" not in one.ring.current().keys
    assert "1" not in process().ring.current().keys


def test_a_leaked_key_ends_at_once_everywhere(process, clock):
    first, second = process(), process()
    old = second.tokens.issue("a", {"tts"}).text
    rotation = first.ring.rotate(LIFE_S, at_once=True)
    clock.now_s += REFRESH_S
    for one in (first, second):
        assert not is_good(one, old)
        assert is_good(one, second.tokens.issue("a", {"tts"}).text)
        assert list(one.ring.current().keys) == [rotation.kid]


def test_a_second_rotation_never_gives_an_ending_key_more_time(process, clock):
    one = process()
    first = one.ring.rotate(LIFE_S)
    clock.now_s += 100
    one.ring.rotate(LIFE_S)
    clock.now_s = first.old_until_s
    assert "1" not in one.ring.current().keys
    assert first.kid in one.ring.current().keys


def test_two_who_rotate_at_once_leave_a_ring_that_works(process, clock):
    processes = [process() for _ in range(4)]
    threads = [threading.Thread(target=one.ring.rotate, args=(LIFE_S,)) for one in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.now_s += LEAD_S + REFRESH_S
    token = processes[0].tokens.issue("a", {"tts"}).text
    assert all(is_good(one, token) for one in processes)


def test_the_secret_is_sealed_in_the_database(process, services):
    from sqlalchemy import text

    rotation = process().ring.rotate(LIFE_S, at_once=True)
    secret = process().ring.current().keys[rotation.kid].decode()
    with services.engine.connect() as connection:
        assert secret not in str(connection.execute(text("SELECT * FROM jwt_keys")).all())


@pytest.mark.parametrize("root", [None, RootSecret(b"q8Ry-3nXv0_MoSu5WcZd9PeGh4ItKb7F")])
def test_without_the_root_secret_of_then_nothing_starts(process, root):
    process().ring.rotate(LIFE_S)
    with pytest.raises(SettingsError, match="根密钥"):
        process(root=root)


def test_without_a_root_secret_there_is_no_rotation(process):
    with pytest.raises(SettingsError, match="根密钥"):
        process(root=None).ring.rotate(LIFE_S)


def test_ended_secrets_are_forgotten_and_the_end_of_the_files_key_is_not(process, clock):
    one = process()
    one.ring.rotate(LIFE_S, at_once=True)
    second = one.ring.rotate(LIFE_S, at_once=True)
    clock.now_s += 2 * 86_400
    assert one.ring.forget_ended() == 1
    assert list(process().ring.current().keys) == [second.kid]


def test_while_the_database_is_away_the_ring_stays(process, clock, services, tmp_path, caplog):
    one = process()
    clock.now_s += REFRESH_S
    services.engine.dispose()
    (tmp_path / "app.db").rename(tmp_path / "gone.db")
    (tmp_path / "app.db").mkdir()
    assert one.ring.current().signing_kid == "1"
    assert "stale" in caplog.text
    (tmp_path / "app.db").rmdir()
    (tmp_path / "gone.db").rename(tmp_path / "app.db")
    assert one.ring.current().signing_kid == "1"


def test_rotation_of_a_running_proxy(app, client, clock):
    services = services_of(app)
    old = services.tokens.issue("a", {"tts"}).text
    services.identity.signing.rotate(LIFE_S)
    clock.now_s += LEAD_S + 1
    new = services.tokens.issue("a", {"tts"}).text
    for token in (old, new):
        assert client.get("/voices", headers={"Authorization": f"Bearer {token}"}).status_code == 200
