import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tts_engine import IndexTTSModel, __main__
from tts_engine.errors import CheckpointError, CloningUnavailableError, OptionError, UnknownVoiceError

ROOT = Path(__file__).parents[2]


def run(capsys, *arguments):
    """Exit status, what was printed, what was complained."""
    try:
        status = __main__.main([str(argument) for argument in arguments])
    except SystemExit as exit_:
        status = exit_.code
    return status, *capsys.readouterr()


def test_help_is_chinese_and_shows_commands_to_paste():
    made = subprocess.run([sys.executable, "-m", "tts_engine", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0
    assert 'python -m tts_engine "今天天气很好。" -o hello.wav' in made.stdout
    assert "全部在本机完成" in made.stdout


@pytest.mark.parametrize("suffix", ["wav", "WAV", "mp3"])
def test_a_text_becomes_a_file_of_the_kind_named(model, tmp_path, capsys, suffix):
    file = tmp_path / f"hello.{suffix}"
    status, printed, complained = run(capsys, "你好，世界。", "-o", file, "--model", model, "--speed", "0.5")
    assert (status, complained) == (0, "")
    assert f"{file}：" in printed
    assert "实时率" in printed
    samples, rate = soundfile.read(file)
    assert rate == 22050
    assert len(samples) / rate == pytest.approx(float(printed.split("：")[1].split(" ")[0]), abs=0.08)


def test_the_label_that_is_heard_is_an_option(model, tmp_path, capsys):
    for name, options in (("plain", []), ("heard", ["--label", "rhythm"])):
        assert run(capsys, "你好。", "-o", tmp_path / f"{name}.wav", "--model", model, *options)[0] == 0
    plain, heard = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("plain", "heard"))
    assert np.array_equal(heard[: len(plain)], plain)
    assert np.abs(heard[len(plain) :]).max() > 0.05


def test_text_may_come_from_standard_input(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("你好。\n再见。\n"))
    assert run(capsys, "-o", tmp_path / "a.wav", "--model", model)[0] == 0
    assert len(soundfile.read(tmp_path / "a.wav")[0]) % 256 == 0


def test_what_is_silent_is_told(model, tmp_path, capsys):
    status, _, complained = run(capsys, "你好😀", "-o", tmp_path / "a.wav", "--model", model)
    assert status == 0
    assert complained.startswith("注意：")


@pytest.mark.parametrize("name", ["a.xyz", "a", "wav", "a.wav.exe"])
def test_an_ending_that_is_no_sound_is_refused_with_those_that_are(tmp_path, capsys, name):
    status, _, complained = run(capsys, "你好", "-o", tmp_path / name)
    assert status == 2
    assert ".wav" in complained
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([""], "文本为空"),
        (["😀"], "文本为空"),
        (["你好", "--voice", "nobody"], "没有名为“nobody”的音色：可用的有 female、male、child。"),
        (["你好", "--speed", "9"], "speed 有误：应在 0.5 到 2 之间"),
        (["你好", "--speed", "nan"], "speed 有误：应在 0.5 到 2 之间"),
        (["你好", "--emotion", "joy"], "没有名为“joy”的情感：当前模型只会平静地说。"),
        (["你好", "--intensity", "3"], "intensity 有误：应在 0 到 1 之间"),
    ],
)
def test_the_callers_mistakes_are_a_chinese_sentence_and_status_2(model, tmp_path, capsys, arguments, sentence):
    status, printed, complained = run(capsys, *arguments, "-o", tmp_path / "a.wav", "--model", model)
    assert (status, printed) == (2, "")
    assert sentence in complained
    assert "Traceback" not in complained
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_there_is_named(tmp_path, capsys):
    status, _, complained = run(capsys, "你好", "-o", tmp_path / "a.wav", "--model", tmp_path / "v99")
    assert status == 2
    assert "v99" in complained


def test_a_folder_that_is_not_there_is_status_1(model, tmp_path, capsys):
    status, _, complained = run(capsys, "你好", "-o", tmp_path / "no" / "a.wav", "--model", model)
    assert status == 1
    assert "写不进" in complained


def test_read_shows_how_a_line_is_read(capsys):
    status, printed, _ = run(capsys, "read", "重庆有3个行长")
    assert status == 0
    for syllable in ("chong2", "qing4", "san1", "hang2", "zhang3"):
        assert syllable in printed


def test_a_reader_who_has_enough_is_no_error():
    command = [sys.executable, "-m", "tts_engine", "read", *["你好。"] * 5000]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().decode() == "ni2 hao3\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_the_one_call_gives_what_a_sound_file_takes(model, tmp_path):
    engine = IndexTTSModel(str(model), device="cpu")
    rate, samples = engine.tts("你好。", speaker_id="male", speed=1.0)
    assert (rate, samples.dtype, samples.ndim) == (22050, np.float32, 1)
    soundfile.write(tmp_path / "a.wav", samples, rate)
    assert soundfile.info(tmp_path / "a.wav").frames == len(samples)
    with pytest.raises(CloningUnavailableError):
        engine.tts("你好。", reference_audio="someone.wav")
    with pytest.raises(UnknownVoiceError):
        engine.tts("你好。", speaker_id="nobody")
    with pytest.raises(OptionError):
        engine.tts("你好。", speed=3)


def test_a_model_of_no_known_name_is_refused():
    with pytest.raises(CheckpointError, match="v99"):
        IndexTTSModel("v99")
