"""Networks too small to mean anything, exported for real; and a backend whose answers can be computed."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.tts_engine.computable import CHECKPOINT, CountingBackend
from tests.tts_engine.exporting import export_quietly
from tts_engine.fastspeech2 import FastSpeech2, FastSpeech2Config
from tts_engine.frontend import Frontend
from tts_engine.hifigan import HifiGan, HifiGanConfig
from tts_engine.synthesizer import Synthesizer


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Many tiny products: more threads would only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def frontend():
    return Frontend()


@pytest.fixture
def backend():
    return CountingBackend()


@pytest.fixture
def synthesizer(frontend, backend):
    """The real front end and loop around the computable backend."""
    return Synthesizer(frontend, backend, CHECKPOINT, fingerprint="computable", max_chars=500)


@pytest.fixture(scope="session")
def acoustic():
    torch.manual_seed(1)
    config = FastSpeech2Config(width=32, encoder_layers=1, decoder_layers=1, speaker_width=8)
    return FastSpeech2(config).eval()


@pytest.fixture(scope="session")
def vocoder():
    torch.manual_seed(2)
    return HifiGan(HifiGanConfig(channels=(16, 12, 8))).eval()


@pytest.fixture(scope="session")
def networks(acoustic, vocoder, tmp_path_factory) -> Path:
    """As training leaves them: ``acoustic/`` and ``vocoder/``."""
    folder = tmp_path_factory.mktemp("networks")
    acoustic.save_pretrained(folder / "acoustic")
    vocoder.save_pretrained(folder / "vocoder")
    return folder


@pytest.fixture(scope="session")
def model(networks, tmp_path_factory) -> Path:
    """A whole checkpoint folder of the tiny networks. Tests that change it work on a copy."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    export_quietly(networks / "acoustic", networks / "vocoder", folder)
    return folder


@pytest.fixture(scope="session")
def tiny(model):
    """The tiny networks in the real synthesizer, through ONNX Runtime."""
    return replace(Synthesizer.load(model, device="cpu", threads=1), max_chars=500)
