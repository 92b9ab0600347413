import logging
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from app.storage import StorageError, StoredFile
from app.storage.cos import CosOptions, CosStorage
from tests.app.storage.cos_server import CosServer
from tests.end_to_end.stack import until

NAME = "0123abcd.mp3"
DATA = bytes(range(256)) * 40


@pytest.fixture
def cos():
    with CosServer() as server:
        yield server


def options(cos, **changes):
    values = {
        "bucket": "voice-1250000000",
        "region": "ap-guangzhou",
        "secret_id": cos.secret_id,
        "secret_key": cos.secret_key,
        "domain": cos.domain,
        "scheme": "http",
        "timeout_s": (20.0, 20.0),  # met by nobody: only a test that names one may see it pass
    }
    return CosOptions(**(values | changes))


@pytest.fixture
def storage(cos):
    return CosStorage(options(cos))


def fetch(url):
    return requests.get(url, timeout=20)


def test_put_stores_bytes_type_and_prefix(cos, storage):
    storage.put(NAME, DATA, "audio/mpeg")
    body, headers, _ = cos.objects[f"tts/{NAME}"]
    assert body == DATA
    assert headers["content-type"] == "audio/mpeg"
    method, path, sent = cos.requests[-1]
    assert (method, path) == ("PUT", f"/tts/{NAME}")
    assert "content-md5" in sent
    assert "x-cos-acl" not in sent  # as private as its bucket, by a key that may not change that


@pytest.fixture
def large(tmp_path):
    """A file of two parts: 8 MB and what is left."""
    path = tmp_path / "whole.mp3"
    path.write_bytes(bytes(range(256)) * (32 * 1024) + DATA)
    return path


def parts_sent(cos):
    return [path.partition("partNumber=")[2][0] for method, path, _ in cos.requests if "partNumber=" in path]


def test_a_small_file_is_one_request(cos, storage, tmp_path):
    (tmp_path / "a.mp3").write_bytes(DATA)
    storage.put_file(NAME, tmp_path / "a.mp3", "audio/mpeg")
    assert cos.objects[f"tts/{NAME}"][0] == DATA
    assert [method for method, _, _ in cos.requests] == ["PUT"]


def test_a_large_file_goes_up_in_parts_and_arrives_whole(cos, large):
    storage = CosStorage(options(cos))
    storage.put_file(NAME, large, "audio/mpeg")
    body, headers, _ = cos.objects[f"tts/{NAME}"]
    assert body == large.read_bytes()
    assert headers == {"content-type": "audio/mpeg", "cache-control": "private, max-age=86400"}
    assert sorted(parts_sent(cos)) == ["1", "2"]
    assert cos.uploads == {}
    assert storage.size(NAME) == len(body)


def test_a_part_that_fails_leaves_nothing_to_be_found_and_is_all_that_is_sent_again(cos, large):
    storage = CosStorage(options(cos))
    cos.failing_part = 2
    with pytest.raises(StorageError):
        storage.put_file(NAME, large, "audio/mpeg")
    assert not storage.exists(NAME)
    cos.failing_part = 0
    cos.requests.clear()
    storage.put_file(NAME, large, "audio/mpeg")
    assert parts_sent(cos) == ["2"]
    assert cos.objects[f"tts/{NAME}"][0] == large.read_bytes()


def test_what_is_left_of_another_file_of_that_name_is_not_made_part_of_this_one(cos, large):
    storage = CosStorage(options(cos))
    cos.failing_part = 2
    with pytest.raises(StorageError):
        storage.put_file(NAME, large, "audio/mpeg")
    cos.failing_part = 0
    large.write_bytes(large.read_bytes()[::-1])
    storage.put_file(NAME, large, "audio/mpeg")
    assert cos.objects[f"tts/{NAME}"][0] == large.read_bytes()


def test_a_presigned_link_opens_the_object_without_credentials(storage):
    storage.put(NAME, DATA, "audio/mpeg")
    answer = fetch(storage.url(NAME, 600))
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["Content-Type"] == "audio/mpeg"


def test_a_link_dies_when_its_time_is_over(cos, storage):
    storage.put(NAME, DATA, "audio/mpeg")
    link = storage.url(NAME, 600)
    cos.now = 599
    assert fetch(link).status_code == 200
    cos.now = 601
    assert fetch(link).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link.replace(NAME, "other.mp3"),
        lambda link: link.partition("?")[0],
        lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"),
    ],
    ids=["name", "unsigned", "signature"],
)
def test_a_link_that_was_changed_opens_nothing(storage, change):
    storage.put(NAME, DATA, "audio/mpeg")
    storage.put("other.mp3", DATA, "audio/mpeg")
    assert fetch(change(storage.url(NAME, 600))).status_code == 403


def test_a_link_does_not_allow_writing(cos, storage):
    storage.put(NAME, DATA, "audio/mpeg")
    assert requests.put(storage.url(NAME, 600), data=b"other", timeout=20).status_code == 403
    assert requests.delete(storage.url(NAME, 600), timeout=20).status_code == 403
    assert cos.objects[f"tts/{NAME}"][0] == DATA


def test_the_link_of_a_real_bucket_names_its_host():
    link = CosStorage(CosOptions("voice-1250000000", "ap-guangzhou", "id", "key")).url(NAME, 60)
    assert link.startswith(f"https://voice-1250000000.cos.ap-guangzhou.myqcloud.com/tts/{NAME}?")


def test_temporary_credentials_travel_with_calls_and_links(cos):
    cos.token = "sts/token+1="
    storage = CosStorage(options(cos, token=cos.token))
    storage.put(NAME, DATA, "audio/mpeg")
    assert storage.exists(NAME)
    assert fetch(storage.url(NAME, 600)).content == DATA
    with pytest.raises(StorageError, match="InvalidToken"):
        CosStorage(options(cos)).put(NAME, DATA, "audio/mpeg")


def test_exists_and_delete(cos, storage):
    assert storage.exists(NAME) is False
    storage.put(NAME, DATA, "audio/mpeg")
    assert storage.exists(NAME) is True
    storage.delete(NAME)
    storage.delete(NAME)
    assert cos.objects == {}


def test_entries_follow_every_page_and_leave_out_what_is_not_ours(cos, storage):
    cos.page = 2
    for number in range(5):
        storage.put(f"a{number}.mp3", bytes(number), "audio/mpeg")
    for key in ("tts/folder/b.mp3", "tts/中 文.mp3", "else/c.mp3"):
        cos.objects[key] = (b"", {}, 1)
    expected = [StoredFile(f"a{number}.mp3", number, 1_800_000_000.0 + number) for number in range(5)]
    assert list(storage.entries()) == expected


def test_entries_of_an_empty_bucket(storage):
    assert list(storage.entries()) == []


@pytest.mark.parametrize("fault", ["loop", "garbage", "redirect"])
def test_a_list_that_makes_no_sense_is_an_error(cos, storage, fault):
    storage.put(NAME, DATA, "audio/mpeg")
    cos.fault, cos.page = fault, 1
    with pytest.raises(StorageError):
        list(storage.entries())


@pytest.mark.parametrize("name", ["", "../a.mp3", "a/b.mp3", "a.mp3\n", "名.mp3"])
def test_bad_names_are_never_sent(cos, storage, name):
    for call in (
        storage.exists,
        storage.delete,
        lambda n: storage.put(n, b"", "audio/mpeg"),
        lambda n: storage.url(n, 9),
    ):
        with pytest.raises(ValueError):
            call(name)
    assert cos.requests == []


def calls(storage):
    return {
        "put": lambda: storage.put(NAME, DATA, "audio/mpeg"),
        "exists": lambda: storage.exists(NAME),
        "delete": lambda: storage.delete(NAME),
        "entries": lambda: list(storage.entries()),
    }


@pytest.mark.parametrize("call", ["put", "exists", "delete", "entries"])
def test_a_refusal_is_final_and_names_the_status(cos, storage, call):
    cos.fault = "AccessDenied"
    with pytest.raises(StorageError, match="403"):
        calls(storage)[call]()
    assert len(cos.requests) == 1
    assert cos.objects == {}


@pytest.mark.parametrize("call", ["put", "exists"])
@pytest.mark.parametrize("fault", ["InternalError", "ServiceUnavailable", "hang", "cut"])
def test_a_failing_cos_is_tried_twice_and_given_up_in_bounded_time(cos, call, fault):
    storage = CosStorage(options(cos, timeout_s=(20.0, 0.3 if fault == "hang" else 20.0)))
    cos.fault = fault
    begin = time.monotonic()
    with pytest.raises(StorageError):
        calls(storage)[call]()
    assert time.monotonic() - begin < 25  # who hangs does so for 30 s
    until(lambda: len(cos.requests) >= 2, 25, "the server has read the second try")
    assert len(cos.requests) == 2
    assert cos.objects == {}


def test_a_put_that_was_redirected_is_not_taken_for_stored(cos, storage):
    cos.fault = "redirect"
    with pytest.raises(StorageError, match="没有确认"):
        storage.put(NAME, DATA, "audio/mpeg")


def test_nobody_there(cos, storage):
    free = CosStorage(options(cos, domain="127.0.0.1:9"))
    with pytest.raises(StorageError, match="没有及时应答"):
        free.exists(NAME)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"secret_key": "wrong"}, "SignatureDoesNotMatch"), ({"secret_id": "AKIDother"}, "InvalidAccessKeyId")],
)
def test_wrong_credentials(cos, change, code):
    with pytest.raises(StorageError, match=code):
        CosStorage(options(cos, **change)).put(NAME, DATA, "audio/mpeg")
    assert cos.objects == {}


def test_a_clock_that_is_wrong_is_refused(cos, storage):
    cos.now = 20_000
    with pytest.raises(StorageError, match="RequestTimeTooSkewed"):
        storage.put(NAME, DATA, "audio/mpeg")


def test_it_works_again_after_a_fault(cos, storage):
    cos.fault = "AccessDenied"
    with pytest.raises(StorageError):
        storage.put(NAME, DATA, "audio/mpeg")
    cos.fault = ""
    storage.put(NAME, DATA, "audio/mpeg")
    assert storage.exists(NAME)


def test_threads_may_share_a_store(cos, storage):
    names = [f"t{number}.mp3" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: storage.put(name, name.encode(), "audio/mpeg"), names))
    assert {key: value[0] for key, value in cos.objects.items()} == {f"tts/{name}": name.encode() for name in names}


def test_no_secret_is_shown_or_logged(cos, caplog):
    caplog.set_level(logging.DEBUG)
    chosen = options(cos, token="sts-secret")
    storage = CosStorage(chosen)
    cos.fault = "AccessDenied"
    with pytest.raises(StorageError) as caught:
        storage.put(NAME, DATA, "audio/mpeg")
    for text in (
        repr(chosen),
        str(caught.value),
        "\n".join(r.getMessage() for r in caplog.records if r.name != "urllib3"),
    ):
        assert cos.secret_key not in text
        assert "sts-secret" not in text
        assert "q-signature" not in text
    assert "COS answered 403 AccessDenied" in caplog.text
