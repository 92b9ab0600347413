"""Lists of texts: what is read, what is made once, what is packed."""

import asyncio
import csv
import io
import zipfile
from dataclasses import replace

import pytest

from settings import Settings
from tests.webui.engine import SineEngine
from tts_engine.errors import InputError
from webui_page.batch import MAX_ROWS, Batch, Defaults, pack, parse
from webui_page.desk import Desk
from webui_page.parts import Parts
from webui_page.store import AudioStore
from webui_page.voices import VoiceLibrary
from webui_page.words import LANGUAGES

DEFAULTS = Defaults("female", 1.0, "wav")


def rows(text, encoding="utf-8"):
    return [(r.text, r.voice, r.speed, r.name) for r in parse(text.encode(encoding), DEFAULTS)]


def test_a_line_is_a_text():
    assert rows("你好\n\n 再见, 朋友 \r\n") == [("你好", "female", 1.0, "0001"), ("再见, 朋友", "female", 1.0, "0002")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_says_voice_speed_and_name(encoding):
    text = '文件名,文本,音色,语速\n../欢迎 光临,"你好,客人",male,1.5\n欢迎-光临,再见,,\n,,male,\n,好,,\n'
    assert rows(text, encoding) == [
        ("你好,客人", "male", 1.5, "欢迎-光临"),
        ("再见", "female", 1.0, "欢迎-光临-0002"),
        ("好", "female", 1.0, "0003"),
    ]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "列表里没有文本"),
        ("文本\n".encode(), "列表里没有文本"),
        ("文本,语速\n好,快\n".encode(), "第 2 行的语速“快”不对"),
        ("文本,语速\n好,3\n".encode(), "第 2 行的语速“3”不对"),
        ("好\n".encode() * (MAX_ROWS + 1), f"最多 {MAX_ROWS} 行"),
        (bytes(3 << 20), "最多 2 MB"),
        (b"\xff\xff\xff", "UTF-8"),
    ],
)
def test_a_list_that_is_none_is_a_sentence(data, sentence):
    with pytest.raises(InputError, match=sentence):
        parse(data, DEFAULTS)


def test_a_list_is_made_once_and_packed_whole(tmp_path):
    engine = SineEngine()
    asyncio.run(make_twice(engine, tmp_path))
    assert engine.made == ["你好", "再见"]


async def make_twice(engine, folder):
    desk = Desk(engine, 1, 1)
    store = AudioStore(folder / "web", 3600)
    store.prepare()
    parts = Parts(desk, store, Settings(), VoiceLibrary.open(folder / "voices", "", engine.speakers))
    for again in (False, True):
        batch = Batch(parts, parse("文本,文件名\n你好,=a\n★,\n再见,b\n".encode(), DEFAULTS), "wav")
        assert (await replace(batch, t=LANGUAGES[1]).make(batch.rows[1])).error.startswith("The text is empty")
        made = [await batch.make(row) for row in batch.rows]
        assert [item.is_reused for item in made] == [again, False, again]
    desk.close()
    with zipfile.ZipFile(pack(parts, made, "wav")) as archive:
        assert archive.namelist() == ["a.wav", "b.wav", "list.csv"]
        listed = list(csv.reader(io.StringIO(archive.read("list.csv").decode("utf-8-sig"))))
        assert archive.read("a.wav")[:4] == b"RIFF"
    assert [row[0] for row in listed[1:]] == ["a.wav", "", "b.wav"]
    assert "文本为空" in listed[2][4]
