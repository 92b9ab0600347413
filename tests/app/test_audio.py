"""``/audio/{name}``: only what was signed, only while it holds, in parts as phones ask."""

import pytest

ORIGIN = "https://127.0.0.1:8443"


@pytest.fixture
def link(client, auth):
    body = client.post("/tts", json={"text": "你好", "format": "wav"}, headers=auth).get_json()
    return body["audio_url"].removeprefix(ORIGIN)


def test_the_link_needs_no_other_credential_and_works_many_times(client, link):
    first, second = client.get(link), client.get(link)
    assert (first.status_code, first.data) == (200, second.data)
    assert int(first.headers["Content-Length"]) == len(first.data)
    assert first.headers["Accept-Ranges"] == "bytes"


def test_head_has_the_length_and_no_body(client, link):
    head = client.head(link)
    assert (head.status_code, head.data) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(client.get(link).data)


def test_a_part_is_206(client, link):
    whole = client.get(link).data
    part = client.get(link, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.data) == (206, whole[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(whole)}"


def test_a_part_beyond_the_end_is_416_in_the_one_shape(client, link):
    size = len(client.get(link).data)
    answer = client.get(link, headers={"Range": "bytes=99999999-"})
    assert (answer.status_code, answer.get_json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link.split("?")[0],
        lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"),
        lambda link: link.replace("expires=1", "expires=2"),
        lambda link: link.replace("signature=", "signature=%ff"),
        lambda link: link.replace("expires=", "expires=-"),
        lambda link: link.replace("/audio/", "/audio/.."),
        lambda link: "/audio/" + "0" * 32 + ".wav?" + link.split("?")[1],
        lambda link: "/audio/..%5capp.db?" + link.split("?")[1],
        lambda link: "/audio/%00.mp3?" + link.split("?")[1],
        lambda link: link.split("&")[0],
    ],
)
def test_a_changed_link_opens_nothing(client, link, change):
    answer = client.get(change(link))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "bad_link")


def test_a_pruned_file_is_404(client, services, link):
    for file in list(services.storage.entries()):
        services.storage.delete(file.name)
    answer = client.get(link)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "audio_not_found")


def test_links_outlive_the_rotation_of_the_token_key(make_app, link, environ):
    old = environ["TTS__AUTH__JWT_SECRET"]
    new = "q8Ry-3nXv0_MoSu5WcZd9PeGh4ItKb7F"
    rotated = make_app(auth__jwt_secret=f"2:{new}\n1:{old}").test_client()
    assert rotated.get(link).status_code == 200
    dropped = make_app(auth__jwt_secret=f"2:{new}").test_client()
    assert dropped.get(link).status_code == 403
