"""What the page's own addresses serve, and to whom."""

import io

import httpx
import soundfile

from webui_page.files import _SAMPLE


def test_a_sample_is_made_once_and_says_who_is_unknown(start):
    with start() as server, server.client() as client:
        first, second = (client.get("/page/samples/male") for _ in range(2))
        assert first.content == second.content and first.headers["content-type"] == "audio/mpeg"
        assert soundfile.info(io.BytesIO(first.content)).format == "MP3"
        assert "".join(server.engine.made) == _SAMPLE
        answer = client.get("/page/samples/nobody")
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_voice")


def test_files_need_the_login_and_not_the_token(start):
    token, password = "t" * 32, "p" * 16
    with start(token=token, password=password) as server:
        with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
            bearer = {"Authorization": f"Bearer {token}"}
            name = client.post("/api/predict/", json={"data": ["你好"]}, headers=bearer).json()["data"][0]["path"]
            for path in (f"/page/files/{name}", "/page/samples/female", "/page/voices/x"):
                assert client.get(path).status_code == 401
                assert client.get(path, headers=bearer).status_code == 401
            answer = client.get(f"/page/files/{name}?title=speech", auth=("operator", password))
            assert answer.headers["content-disposition"] == 'attachment; filename="speech.wav"'
            part = client.get(f"/page/files/{name}", auth=("operator", password), headers={"Range": "bytes=0-3"})
            assert (part.status_code, part.content) == (206, b"RIFF")


def test_nothing_else_is_served(client):
    for path in ("/page/files/..%2F..%2Fx.wav", "/page/files/" + "0" * 32 + ".wav", "/page/voices/nobody", "/page/x"):
        assert client.get(path).status_code == 404, path
    assert client.get("/gradio_api/file=/etc/passwd").status_code in (403, 404)
    assert client.get("/gradio_api/file=config.yaml").status_code in (403, 404)
