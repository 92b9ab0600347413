import os
import threading
import time

import pytest
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.test import EnvironBuilder

from app.storage import (
    AudioNotFoundError,
    LinkError,
    LinkExpiredError,
    StorageError,
    StoredFile,
)
from app.storage.local import LocalStorage, link_secret

SECRET = link_secret(b"j" * 32)
NAME = "0123abcd.mp3"
DATA = bytes(range(256)) * 40  # 10240
BAD_NAMES = [
    "",
    ".",
    "..",
    "a",
    ".mp3",
    "a.",
    "../a.mp3",
    "a/b.mp3",
    "/etc/passwd",
    "a\\b.mp3",
    "a.mp3\n",
    "a.mp3\0",
    "a.b.mp3",
    "a.MP3",
    "-a.mp3",
    "_a.mp3",
    "名.mp3",
    "a٣.mp3",
    "%2e%2e.mp3",
    "a" * 200 + ".mp3",
    "a.mp3456789",
]


class Clock:
    def __init__(self):
        self.time_s = 1_800_000_000.5

    def __call__(self):
        return self.time_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def storage(tmp_path, clock):
    return LocalStorage(tmp_path / "audio", SECRET, "https://tts.example", clock)


def parts(url):
    path, _, query = url.partition("?")
    values = dict(pair.split("=") for pair in query.split("&"))
    return path, values["expires"], values["signature"]


def environ(method="GET", **headers):
    return EnvironBuilder(method=method, headers=headers).get_environ()


def body(response, request=None):
    """What a server would send after the headers."""
    try:
        return b"".join(response.get_app_iter(request or environ()))
    finally:
        response.close()


def test_the_link_secret_is_not_the_jwt_secret_and_depends_on_it():
    assert len(SECRET) == 32
    assert SECRET != b"j" * 32
    assert link_secret(b"j" * 32) == SECRET
    assert link_secret(b"k" * 32) != SECRET


def test_a_short_secret_is_refused_and_none_is_shown(tmp_path, storage):
    with pytest.raises(ValueError, match="32 bytes"):
        LocalStorage(tmp_path, b"short")
    assert "secret=" not in repr(storage)


def test_put_replace_delete(storage):
    assert not storage.exists(NAME)
    storage.put(NAME, b"one", "audio/mpeg")
    storage.put(NAME, DATA, "audio/mpeg")
    assert (storage.folder / NAME).read_bytes() == DATA
    assert storage.exists(NAME)
    storage.delete(NAME)
    storage.delete(NAME)
    assert os.listdir(storage.folder) == []


def test_the_folder_is_for_its_owner_alone(storage):
    assert storage.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "media_type"), [(NAME, "audio/wav"), ("a.wav", "audio/mpeg"), ("a.html", "text/html")]
)
def test_put_refuses_a_type_that_the_extension_does_not_have(storage, name, media_type):
    with pytest.raises(ValueError):
        storage.put(name, b"x", media_type)
    assert os.listdir(storage.folder) == []


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_reach_no_file(storage, name):
    for call in (
        storage.exists,
        storage.delete,
        lambda n: storage.put(n, b"x", "audio/mpeg"),
        lambda n: storage.url(n, 9),
    ):
        with pytest.raises(ValueError):
            call(name)
    with pytest.raises(AudioNotFoundError):
        storage.serve(name, environ(), 60)
    with pytest.raises(LinkError):
        storage.verify(name, "1900000000", "0" * 64)
    assert os.listdir(storage.folder) == []
    assert os.listdir(storage.folder.parent) == ["audio"]


def test_a_failed_write_leaves_nothing_and_keeps_the_old_file(storage, monkeypatch):
    storage.put(NAME, b"old", "audio/mpeg")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.storage.local.os.fsync", full)
    with pytest.raises(StorageError, match="磁盘空间不足"):
        storage.put(NAME, DATA, "audio/mpeg")
    assert os.listdir(storage.folder) == [NAME]
    assert (storage.folder / NAME).read_bytes() == b"old"


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="目录"):
        LocalStorage(tmp_path / "file" / "audio", SECRET)


def test_parts_of_a_killed_process_go_at_the_next_start_and_younger_ones_stay(storage):
    old, young = storage.folder / ".00.part", storage.folder / ".01.part"
    for part in (old, young):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    LocalStorage(storage.folder, SECRET)
    assert os.listdir(storage.folder) == [".01.part"]


def test_entries_list_audio_alone_with_size_and_time(storage):
    storage.put("a.mp3", b"12345", "audio/mpeg")
    storage.put("b.wav", b"123", "audio/wav")
    os.utime(storage.folder / "a.mp3", (1000, 1000))
    os.utime(storage.folder / "b.wav", (2000, 2000))
    (storage.folder / ".x.part").write_bytes(b"")
    (storage.folder / "README").write_bytes(b"")
    found = sorted(storage.entries(), key=lambda stored: stored.name)
    assert found == [StoredFile("a.mp3", 5, 1000.0), StoredFile("b.wav", 3, 2000.0)]


def test_concurrent_puts_of_one_name_leave_one_whole_file(storage):
    bodies = [bytes([n]) * 50_000 for n in range(8)]
    threads = [threading.Thread(target=storage.put, args=(NAME, data, "audio/mpeg")) for data in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (storage.folder / NAME).read_bytes() in bodies
    assert os.listdir(storage.folder) == [NAME]


def test_a_link_is_good_until_its_time_is_over(storage, clock):
    path, expires, signature = parts(storage.url(NAME, 600))
    assert path == f"https://tts.example/audio/{NAME}"
    assert expires == "1800000600"
    assert storage.verify(NAME, expires, signature) == 600
    clock.time_s += 599
    assert storage.verify(NAME, expires, signature) == 1
    clock.time_s += 1
    with pytest.raises(LinkExpiredError):
        storage.verify(NAME, expires, signature)


def flipped(signature):
    return ("0" if signature[0] != "0" else "1") + signature[1:]


@pytest.mark.parametrize(
    "change",
    [
        lambda n, e, s: ("other.mp3", e, s),
        lambda n, e, s: (n, str(int(e) + 1), s),
        lambda n, e, s: (n, "0" + e, s),
        lambda n, e, s: (n, e, flipped(s)),
        lambda n, e, s: (n, e, s[:-1]),
        lambda n, e, s: (n, e, s.upper()),
        lambda n, e, s: (n, e, ""),
        lambda n, e, s: (n, e, None),
        lambda n, e, s: (n, e, "é" * 64),
        lambda n, e, s: (n, e, "\ud800" * 64),
        lambda n, e, s: (n, None, s),
        lambda n, e, s: (n, "", s),
        lambda n, e, s: (n, "-1", s),
        lambda n, e, s: (n, "1e12", s),
        lambda n, e, s: (n, " " + e, s),
        lambda n, e, s: (n, "٣" * 10, s),
        lambda n, e, s: (n, "9" * 5000, s),
    ],
)
def test_a_link_that_was_changed_opens_nothing(storage, change):
    _, expires, signature = parts(storage.url(NAME, 600))
    name, expires, signature = change(NAME, expires, signature)
    with pytest.raises(LinkError) as caught:
        storage.verify(name, expires, signature)
    assert caught.value.code == "bad_link"


def test_a_link_signed_with_another_secret_opens_nothing(storage, clock):
    other = LocalStorage(storage.folder, link_secret(b"k" * 32), now=clock)
    _, expires, signature = parts(other.url(NAME, 600))
    with pytest.raises(LinkError):
        storage.verify(NAME, expires, signature)


@pytest.fixture
def served(storage):
    storage.put(NAME, DATA, "audio/mpeg")
    return storage


def test_a_whole_file(served):
    response = served.serve(NAME, environ(), 600)
    assert (response.status_code, body(response)) == (200, DATA)
    assert response.headers["Content-Type"] == "audio/mpeg"
    assert response.headers["Content-Length"] == "10240"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Cache-Control"] == "private, max-age=600"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == f"inline; filename={NAME}"


def test_wav_has_its_own_type(storage):
    storage.put("a.wav", b"RIFF", "audio/wav")
    response = storage.serve("a.wav", environ(), 1)
    response.close()
    assert response.headers["Content-Type"] == "audio/wav"


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("bytes=0-1", 0, 2), ("bytes=100-", 100, 10240), ("bytes=-5", 10235, 10240), ("bytes=10000-99999", 10000, 10240)],
)
def test_one_range_is_206(served, asked, begin, end):
    response = served.serve(NAME, environ(Range=asked), 600)
    assert (response.status_code, body(response)) == (206, DATA[begin:end])
    assert response.headers["Content-Range"] == f"bytes {begin}-{end - 1}/10240"
    assert response.headers["Content-Length"] == str(end - begin)
    assert response.headers["Content-Type"] == "audio/mpeg"


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=99999-100000"])
def test_a_range_beyond_the_end_is_416(served, asked):
    with pytest.raises(RequestedRangeNotSatisfiable) as caught:
        served.serve(NAME, environ(Range=asked), 600)
    assert dict(caught.value.get_headers())["Content-Range"] == "bytes */10240"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-6", "bytes=a-b", "items=0-1", "bytes", "bytes=-", "bytes=1", "bytes=" + "9" * 5000 + "-", "\xff"],
)
def test_a_range_that_may_be_ignored_gets_the_whole_file(served, asked):
    response = served.serve(NAME, environ(Range=asked), 600)
    assert (response.status_code, body(response)) == (200, DATA)


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-1"}])
def test_head_has_the_lengths_and_no_body(served, headers):
    request = environ("HEAD", **headers)
    response = served.serve(NAME, request, 600)
    assert (response.status_code, body(response, request)) == (200, b"")
    assert response.headers["Content-Length"] == "10240"
    assert response.headers["Accept-Ranges"] == "bytes"


def test_etag_makes_304_and_guards_ranges(served):
    first = served.serve(NAME, environ(), 600)
    etag = first.headers["ETag"]
    first.close()
    again = served.serve(NAME, environ(**{"If-None-Match": etag}), 600)
    assert (again.status_code, body(again)) == (304, b"")
    part = served.serve(NAME, environ(**{"If-Range": etag, "Range": "bytes=0-1"}), 600)
    assert (part.status_code, body(part)) == (206, DATA[:2])
    stale = served.serve(NAME, environ(**{"If-Range": '"other"', "Range": "bytes=0-1"}), 600)
    assert (stale.status_code, body(stale)) == (200, DATA)


def test_a_pruned_file_is_not_found(served):
    served.delete(NAME)
    with pytest.raises(AudioNotFoundError):
        served.serve(NAME, environ(), 600)


def test_a_file_pruned_while_it_is_sent_arrives_whole(served):
    response = served.serve(NAME, environ(), 600)
    served.delete(NAME)
    assert body(response) == DATA
