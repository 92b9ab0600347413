"""The label goes in once, comes out as it was, and the sound beside it stays as it is."""

import io
import json
import struct
import subprocess
import sys

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sound import MEDIA_TYPES, Label, LabelError, SoundError, encode, labelled, read_label
from sound.__main__ import main

RATE = 22050
LABEL = Label("001191110102MAD55U9H0F10002", "0f3a")
CONTAINED = [name for name in MEDIA_TYPES if name != "pcm"]


def tone(seconds=1.0):
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def decoded(data):
    with av.open(io.BytesIO(data)) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])


def metadata(data):
    with av.open(io.BytesIO(data)) as container:
        return {**container.metadata, **container.streams.audio[0].metadata}


def test_the_seven_fields_are_those_of_the_standard_in_its_order():
    assert json.loads(LABEL.text()) == {
        "Label": "1",
        "ContentProducer": "001191110102MAD55U9H0F10002",
        "ProduceID": "0f3a",
        "ReservedCode1": "",
        "ContentPropagator": "001191110102MAD55U9H0F10002",
        "PropagateID": "0f3a",
        "ReservedCode2": "",
    }
    assert " " not in LABEL.text()


@pytest.mark.parametrize("bad", ["中文", "a b", 'a"b', "a\\b", "a\nb", "a" * 257])
def test_values_that_the_standard_forbids_are_refused(bad):
    with pytest.raises(LabelError):
        Label(bad, "id").text()


@pytest.mark.parametrize("format_", CONTAINED)
def test_a_label_is_read_back_and_the_sound_is_untouched(format_):
    plain = encode(tone(), RATE, format_)
    data = labelled(plain, format_, LABEL)
    assert read_label(io.BytesIO(data)).fields() == LABEL.fields()
    assert read_label(io.BytesIO(plain)) is None
    assert np.array_equal(decoded(data), decoded(plain))


@pytest.mark.parametrize("format_", CONTAINED)
def test_labelling_twice_replaces(format_):
    once = labelled(encode(tone(), RATE, format_), format_, LABEL)
    again = labelled(once, format_, Label("other", "x" * 200))
    assert again.count(b"ProduceID") == 1
    assert read_label(io.BytesIO(again)).producer == "other"
    assert labelled(again, format_, LABEL) == once


@pytest.mark.parametrize("format_", ["mp3", "m4a", "aac", "ogg", "flac"])
def test_an_independent_reader_finds_it(format_):
    assert json.loads(metadata(labelled(encode(tone(), RATE, format_), format_, LABEL))["AIGC"]) == LABEL.fields()


def test_in_a_wav_it_is_a_chunk_behind_the_samples_and_every_size_is_right():
    data = labelled(encode(tone(), RATE, "wav"), "wav", Label("abc", "12"))
    assert data[36:40] == b"data"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    begin = 44 + 2 * RATE
    name, size = struct.unpack("<4sI", data[begin : begin + 8])
    assert name == b"AIGC"
    assert json.loads(data[begin + 8 : begin + 8 + size])["ProduceID"] == "12"
    assert len(data) == begin + 8 + size + size % 2
    assert soundfile.info(io.BytesIO(data)).frames == RATE


def test_m4a_begins_with_its_index():
    data = labelled(encode(tone(), RATE, "m4a"), "m4a", LABEL)
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_pcm_has_no_place_and_stays_as_it_is():
    data = encode(tone(), RATE, "pcm")
    assert labelled(data, "pcm", LABEL) == data


def test_other_tags_stay():
    foreign = b"TIT2" + struct.pack(">I", 6) + b"\0\0" + b"\0title"
    mp3 = b"ID3\x03\0\0" + bytes((0, 0, 0, len(foreign) + 4)) + foreign + bytes(4) + encode(tone(), RATE, "mp3")
    data = labelled(mp3, "mp3", LABEL)
    assert metadata(data)["title"] == "title"
    assert read_label(io.BytesIO(data)).produce_id == "0f3a"


def test_tags_of_other_programs_stay_in_m4a():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ipod") as container:
        container.metadata["title"] = "标题"
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone()[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = labelled(labelled(buffer.getvalue(), "m4a", LABEL), "m4a", LABEL)
    assert metadata(data)["title"] == "标题"
    assert read_label(io.BytesIO(data)).produce_id == "0f3a"
    assert data.count(b"ProduceID") == 1
    assert np.array_equal(decoded(data), decoded(buffer.getvalue()))


def test_comments_of_many_pages_are_renumbered():
    import sound.label.ogg as ogg
    import sound.label.vorbis as vorbis

    source = io.BytesIO(encode(tone(), RATE, "ogg"))
    first, _ = ogg._page(source), ogg._page(source)
    block = vorbis.empty()[:-4] + struct.pack("<I", 1) + struct.pack("<I", 150_005) + b"NOTE=" + b"x" * 150_000
    many = first.packed() + b"".join(page.packed() for page in ogg._paged(b"OpusTags" + block, first.serial))
    rest = source.read()
    pages = []
    rest_file = io.BytesIO(rest)
    while (page := ogg._page_or_end(rest_file)) is not None:
        pages.append(ogg._Page(page.flags, page.position, page.serial, page.number + 2, page.segments, page.body))
    data = labelled(many + b"".join(page.packed() for page in pages), "ogg", LABEL)
    assert metadata(data)["NOTE"] == "x" * 150_000
    assert read_label(io.BytesIO(data)).produce_id == "0f3a"
    assert np.array_equal(decoded(data), decoded(encode(tone(), RATE, "ogg")))


def test_the_wrapped_form_is_read_too():
    wrapped = json.dumps({"AIGC": LABEL.fields()}).encode()
    wav = encode(tone(), RATE, "wav") + struct.pack("<4sI", b"AIGC", len(wrapped)) + wrapped
    assert read_label(io.BytesIO(wav)).produce_id == "0f3a"


@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b'{"Label":1}', b"\xff\xfe", b'{"AIGC":3}', b"[" * 9999])
def test_what_is_no_label_is_said(text):
    wav = encode(tone(), RATE, "wav") + struct.pack("<4sI", b"AIGC", len(text)) + text
    with pytest.raises(LabelError):
        read_label(io.BytesIO(wav))


FILES = {name: labelled(encode(tone(0.1), RATE, name), name, LABEL) for name in CONTAINED}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CONTAINED), st.data())
def test_damaged_files_are_refused_or_read_and_never_anything_else(format_, data):
    broken = bytearray(FILES[format_])
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, min(len(broken) - 1, 900)))] = data.draw(st.integers(0, 255))
    broken = bytes(broken[: data.draw(st.integers(0, len(broken)))])
    for work in (lambda: read_label(io.BytesIO(broken)), lambda: labelled(broken, format_, LABEL)):
        try:
            work()
        except SoundError:
            continue


def test_the_command_shows_adds_and_says_what_is_missing(tmp_path, capsys):
    path = tmp_path / "a.mp3"
    path.write_bytes(encode(tone(), RATE, "mp3"))
    assert main(["label", "show", str(path)]) == 1
    assert "没有标识" in capsys.readouterr().out
    assert main(["label", "add", str(path), "--producer", "me", "--id", "7"]) == 0
    capsys.readouterr()
    assert main(["label", "show", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["ProduceID"] == "7"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp3"]


def test_the_command_refuses_in_one_sentence(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_text("no sound")
    assert main(["label", "show", str(path)]) == 2
    assert main(["label", "show", str(tmp_path / "absent.mp3")]) == 2
    assert main(["label", "add", str(path), "--producer", "me"]) == 2
    assert capsys.readouterr().err.count("失败：") == 3


def test_it_runs_as_a_module(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(FILES["wav"])
    done = subprocess.run([sys.executable, "-m", "sound", "label", "show", path], capture_output=True, check=True)
    assert json.loads(done.stdout)["ProduceID"] == "0f3a"
