"""The rulers themselves: texts that never repeat, playing that counts gaps, and a whole tiny run."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import card, pictures, roofline
from benchmarks.playing import Listener
from benchmarks.texts import article, sentence

ROOT = Path(__file__).parents[2]


def test_no_two_sentences_are_alike_and_articles_are_as_long_as_asked():
    assert len({sentence(number) for number in range(3000)}) == 3000
    assert all(50 <= len(sentence(number)) <= 60 for number in range(1000, 3000))
    assert [len(article(length, 1)) for length in (10, 100, 2000)] == [10, 100, 2000]


def test_a_gap_is_silence_between_pieces_and_waiting_for_the_first_is_none(monkeypatch):
    now = [10.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    listener = Listener(10.0)
    for at, seconds in ((10.2, 1.0), (10.5, 1.0), (12.7, 0.5)):
        now[0] = at
        listener.hear(seconds)
    assert listener.first_s == pytest.approx(0.2)
    assert listener.gap_s == pytest.approx(0.5)  # heard until 12.2, went on at 12.7
    assert listener.heard_s == 2.5


def test_a_part_prints_its_figures():
    command = [sys.executable, "-m", "benchmarks.engine", "--part", "sentence", "--rounds", "1"]
    figures = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    assert figures["real_time_factor"] == figures["real_time_factor_worst"] > 0
    assert 8 < figures["speech_s"] < 20
    assert 100 < figures["peak_memory_mb"] < 2000


def test_pictures_are_drawn_from_figures(tmp_path, monkeypatch, capsys):
    row = {"characters": 10, "ms_per_character": 4.0, "first_audio_ms": 40}
    engine = {"growth": [row], "callers": [{"callers": 1, "speech_s_per_s": 50.0}]}
    (tmp_path / "engine.json").write_text(json.dumps(engine))
    (tmp_path / "peers.json").write_text(json.dumps({"real_time_factor": {"ours": 0.02, "gone": None}}))
    monkeypatch.setattr(pictures, "RESULTS", tmp_path)
    monkeypatch.setattr(pictures, "IMAGES", tmp_path)
    monkeypatch.setattr(sys, "argv", ["pictures"])
    pictures.main()
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == [
        "speed-callers.svg",
        "speed-growth.svg",
        "speed-peers.svg",
    ]


def test_forms_of_the_card_are_measured_and_compared():
    """The command itself, as far as a machine without a card can run it."""
    engine = card.Synthesizer.load(ROOT / card.MODEL, device="cpu")
    known = card.forms("cpu")
    (figures, made), (_, wanted) = card.measured(known[1], engine, 1), card.measured(known[0], engine, 1)
    assert known[0].name == "processor, ONNX Runtime"
    assert figures["real_time_factor"] > 0
    assert figures["speech_s_per_s"][1] > 0
    compared = card.difference(made, wanted, engine)
    assert compared["log_mel_difference_mean"] < 0.001
    assert -120 < compared["error_db"] < -45


@pytest.mark.skipif(card.torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_card_the_command_says_so(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["card"])
    assert card.main() == 1
    assert "no CUDA device" in capsys.readouterr().err


def test_every_network_of_the_shipped_model_is_counted():
    short, long = roofline.counted(40, 8), roofline.counted(80, 8)
    assert short.keys() == {"encoder", "decoder", "vocoder"}
    assert all(operations > 1e6 for operations in short.values())
    assert long["vocoder"] == pytest.approx(2 * short["vocoder"], rel=0.01)
