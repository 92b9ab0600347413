"""What may not be spoken: the word list, WeChat's verdicts, and what is done without one."""

import json
import os
import threading
import time

import pytest

from app.markup import spoken
from app.screening import BlockList, Words
from app.services import services_of
from app.wechat.security import PART_CHARS, parts
from settings import SettingsError
from tests.app.wechat_server import APPID, SECRET, error, wechat_server


@pytest.fixture
def words(tmp_path):
    """A function that writes the list."""
    path = tmp_path / "words.txt"

    def write(text):
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(0, write.stamp))
        write.stamp += 1_000_000_000
        return path

    write.stamp = 1_700_000_000_000_000_000
    return write


ROUTES = [("/tts", {"text": "这里有敏感词啊"}), ("/prewarm", {"texts": ["没有", "这里有敏感词啊"]})]


@pytest.mark.parametrize(("path", "body"), ROUTES)
def test_a_blocked_word_is_refused_everywhere_before_anything_is_made(make_app, words, gateway, caplog, path, body):
    caplog.set_level("DEBUG")
    app = make_app(safety__block_list_file=words("# 词表\n\n敏感词\n"))
    services = services_of(app)
    from app.auth import NewKey

    key = services.keys.create(NewKey("a", ("tts", "admin")))[1]
    answer = app.test_client().post(path, json=body, headers={"X-API-Key": key})
    problem = answer.get_json()
    assert (answer.status_code, problem["code"], problem["reason"]) == (422, "text_refused", "blocked_word")
    assert gateway.orders == []
    assert services.prewarm.progress().pending == 0
    for told in (answer.text, caplog.text):
        assert "敏感" not in told and "这里有" not in told


def test_what_is_in_the_cache_is_refused_as_soon_as_its_word_is_blocked(make_app, words, auth):
    path = words("别的词\n")
    client = make_app(safety__block_list_file=path).test_client()
    assert client.post("/tts", json={"text": "后来禁止的话"}, headers=auth).status_code == 200
    screening = services_of(client.application).identity.screening
    words("禁止的话\n")
    screening.words._looked_s = float("-inf")
    assert client.post("/tts", json={"text": "后来禁止的话"}, headers=auth).status_code == 422


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("有坏词在", True), ("有坏 词在", True), ("坏*词", True), ("坏\u200b词", True), ("坏　词", True),
        ("ＢＡＤ", True), ("b-a-d", True), ("坏", False),
        ("Bad!", True), ("坏。词", False), ("坏，词", False), ("好词", False), ("", False), ("ba d", True),
    ],
)  # fmt: skip
def test_words_are_found_behind_small_disguises_and_not_across_sentences(words, text, found):
    assert BlockList(words("坏词\nbad\n")).blocks(text) is found


@pytest.mark.parametrize(
    ("text", "ssml", "found"),
    [
        ("坏(huai4)词(ci2)", False, True), ("坏[pause:1ms]词", False, True), ("坏（huài）词", False, True),
        ("（bad）", False, True), ("好(hao3)词", False, False),
        ("<speak>坏<break time='1ms'/>词</speak>", True, True),
        ("<speak>坏<!-- x -->词</speak>", True, True),
        ("<speak>&#22351;<![CDATA[词]]></speak>", True, True),
        ("<speak><sub alias='坏词'>好</sub></speak>", True, True),
        ("<speak>坏<sub x='>' alias=\"词\">好</sub></speak>", True, True),
        ("<speak><sub x=\" alias='好'\" alias='坏词'>好</sub></speak>", True, True),
        ("<speak>坏<phoneme ph='ci2'>词</phoneme></speak>", True, True),
        ("<speak>坏\n<emphasis>词</emphasis></speak>", True, True),
        ("<speak><s>坏</s><s>词</s></speak>", True, False),
        ("<speak>好<sub alias='话'>词</sub></speak>", True, False),
    ],
)  # fmt: skip
def test_no_mark_hides_a_word(make_app, words, auth, text, ssml, found):
    client = make_app(safety__block_list_file=words("坏词\nbad\n")).test_client()
    answer = client.post("/tts", json={"text": text, "ssml": ssml}, headers=auth)
    assert (answer.status_code == 422 and answer.get_json()["code"] == "text_refused") is found


@pytest.mark.parametrize("unit", ['<a "', "<!--", "<sub>", "<", "(a", "[pause:"])
def test_hostile_marks_take_no_time(unit):
    begin = time.thread_time()
    spoken(unit * (100_000 // len(unit)), True)
    assert time.thread_time() - begin < 2


def test_a_long_text_against_a_long_list_takes_no_time(words):
    import time

    block_list = BlockList(words("".join(f"词{i}号\n" for i in range(50_000))))
    begun = time.thread_time()
    assert block_list.blocks("很长的文本" * 4000) is False
    assert time.thread_time() - begun < 5


def test_a_list_that_is_changed_is_read_again_and_one_that_is_broken_is_not(words, caplog):
    clock = [0.0]
    path = words("一号词\n")
    block_list = BlockList(path, lambda: clock[0])
    words("二号词\n")
    assert block_list.blocks("一号词") is True  # looked at once a second
    clock[0] += 1
    assert (block_list.blocks("一号词"), block_list.blocks("二号词")) == (False, True)
    path.write_bytes(b"\xff\xfe")
    clock[0] += 1
    assert block_list.blocks("二号词") is True
    assert "stays in force" in caplog.text
    path.unlink()
    clock[0] += 1
    assert block_list.blocks("二号词") is True


@pytest.mark.parametrize("content", [b"\xff\xfe", b"***\n", ("字" * 101).encode()])
def test_a_list_that_cannot_be_read_stops_the_start(make_app, tmp_path, content):
    (tmp_path / "bad.txt").write_bytes(content)
    with pytest.raises(SettingsError, match="词表"):
        make_app(safety__block_list_file=tmp_path / "bad.txt")
    with pytest.raises(SettingsError, match="词表"):
        make_app(safety__block_list_file=tmp_path / "none.txt")


def test_an_empty_list_blocks_nothing():
    assert Words(frozenset(), ()).found_in("任何话") is False


# ---- WeChat


@pytest.fixture
def wechat():
    with wechat_server() as server:
        yield server


@pytest.fixture
def checked(make_app, wechat):
    """A function: an app that asks WeChat, a client, and the headers of a user who has just logged in."""
    apps = []

    def make(openid="oABC-123_openid-of-somebody", **changes):
        given = {"wechat__appid": APPID, "wechat__secret": SECRET, "wechat__api_url": wechat.url}
        app = make_app(**given, safety__wechat_check="true", **changes)
        apps.append(app)
        client = app.test_client()
        token = client.post("/auth/wechat", json={"code": wechat.code(openid)}).get_json()["access_token"]
        return client, {"Authorization": f"Bearer {token}"}

    yield make
    for app in apps:
        services_of(app).identity.login.wechat._session.close()


def speak(client, headers, text="今天天气很好"):
    answer = client.post("/tts", json={"text": text}, headers=headers)
    return answer.status_code, answer.get_json().get("code")


def contents(wechat):
    return [json.loads(call["body"])["content"] for call in wechat.asked("/wxa/msg_sec_check")]


def test_a_risky_text_is_refused_and_a_good_one_asked_about_once(checked, wechat, gateway, caplog):
    client, headers = checked()
    assert speak(client, headers, "这是违禁的话") == (422, "text_refused")
    assert gateway.orders == []
    assert [speak(client, headers)[0] for _ in range(3)] == [200, 200, 200]
    assert contents(wechat) == ["这是违禁的话", "今天天气很好"]
    asked = json.loads(wechat.asked("/wxa/msg_sec_check")[0]["body"])
    assert (asked["version"], asked["scene"], asked["openid"]) == (2, 2, "oABC-123_openid-of-somebody")
    assert "违禁" not in caplog.text


@pytest.mark.parametrize(("setting", "status"), [("refuse", 422), ("allow", 200)])
def test_what_should_be_reviewed_is_a_setting(checked, wechat, setting, status):
    wechat.suggest = lambda _: ("review", 20001)
    assert speak(*checked(safety__on_review=setting))[0] == status


@pytest.mark.parametrize(("setting", "statuses"), [("refuse", [503, 502]), ("allow", [200, 200])])
def test_when_wechat_fails_a_setting_decides(checked, wechat, setting, statuses):
    client, headers = checked(safety__on_failure=setting)
    assert speak(client, headers, "先拿到令牌")[0] == 200
    wechat.answers = [(500, b"")]
    first = speak(client, headers)[0]
    wechat.answers = [error(43104, "appid not match")]
    assert [first, speak(client, headers, "另一句")[0]] == statuses


def test_when_wechat_hangs_the_answer_comes_in_time(checked, wechat):
    client, headers = checked()
    services_of(client.application).identity.login.wechat._timeouts = (2.0, 0.5)
    wechat.gate = threading.Event()
    assert speak(client, headers) == (503, "wechat_unavailable")


def test_a_user_who_was_not_seen_lately_logs_in_again(checked, wechat, clock):
    client, headers = checked()
    wechat.unseen = {"oABC-123_openid-of-somebody"}
    assert speak(client, headers) == (401, "wechat_login_expired")
    wechat.unseen = set()
    client, headers = checked(auth__token_lifetime_s="80000")
    clock.now_s += 7201
    services = services_of(client.application)
    assert speak(client, headers, "两小时以后") == (401, "wechat_login_expired")
    assert services.identity.visitors.forget_old() == 1


@pytest.mark.parametrize(("setting", "status"), [("allow", 200), ("refuse", 422)])
def test_texts_of_api_keys_cannot_be_asked_about(checked, wechat, setting, status):
    from app.auth import NewKey

    client, _ = checked(safety__without_openid=setting)
    key = services_of(client.application).keys.create(NewKey("a", ("tts",)))[1]
    assert client.post("/tts", json={"text": "你好"}, headers={"X-API-Key": key}).status_code == status
    assert contents(wechat) == []


@pytest.mark.parametrize(
    "result", [{"suggest": "fine", "label": 1}, {"label": 100}, None, {"suggest": "pass", "label": "x"}, []]
)
def test_a_verdict_that_is_none_lets_nothing_through(checked, wechat, result):
    client, headers = checked()
    assert speak(client, headers, "先拿到令牌")[0] == 200
    wechat.answers = [{"errcode": 0, "errmsg": "ok", "result": result}]
    assert speak(client, headers) == (502, "wechat_failed")


def test_off_by_default_and_nothing_is_sent_or_kept(make_app, wechat):
    app = make_app(wechat__appid=APPID, wechat__secret=SECRET, wechat__api_url=wechat.url)
    client = app.test_client()
    token = client.post("/auth/wechat", json={"code": wechat.code()}).get_json()["access_token"]
    assert speak(client, {"Authorization": f"Bearer {token}"}, "违禁的话")[0] == 200
    assert {call["path"] for call in wechat.calls} == {"/sns/jscode2session"}
    assert services_of(app).identity.visitors is None
    services_of(app).identity.login.wechat._session.close()


def test_a_long_text_is_asked_about_in_parts_and_the_worst_counts(checked, wechat):
    client, headers = checked(proxy__max_chars="5000")
    sentence = "这一句话刚好有二十个字，数一数就知道了。"
    assert speak(client, headers, sentence * 200)[0] == 200
    assert [len(content) <= PART_CHARS for content in contents(wechat)] == [True, True]
    assert "".join(contents(wechat)) == sentence * 200
    assert speak(client, headers, sentence * 150 + "违禁的话。" + sentence * 20) == (422, "text_refused")


@pytest.mark.parametrize("length", [0, 1, 2499, 2500, 2501, 5000, 12_345])
@pytest.mark.parametrize("unit", ["字", "一句话。", "𠮷", "a b"])
def test_parts_cover_the_text_and_hide_nothing_on_a_cut(length, unit):
    text = "".join(f"{number}{unit}" for number in range(10_000))[:length]  # no stretch comes twice
    position = 0
    for piece in parts(text):
        assert len(piece) <= PART_CHARS
        begin = text.index(piece)
        overlap = position - begin
        assert overlap in (0, 64)
        assert overlap == 64 or begin == 0 or text[begin - 1] in "。！？!?；;\n"
        position = begin + len(piece)
    assert position == length
