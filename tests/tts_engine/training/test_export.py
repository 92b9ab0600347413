"""What is written to disk: weights in 16 bits, computed with in 32."""

import json
import struct

import numpy as np
import onnx
import pytest
import torch

from tests.tts_engine.exporting import export_quietly
from tts_engine.backends.onnx_backend import OnnxBackend
from tts_engine.backends.torch_backend import TorchBackend
from tts_engine.durations import places
from tts_engine.fastspeech2 import FastSpeech2
from tts_engine.training.export import save_halved


@pytest.fixture(scope="module")
def exported(networks, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "tiny"
    export_quietly(networks / "acoustic", networks / "vocoder", out)
    return out


def tensors(path):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return {name: entry["dtype"] for name, entry in json.loads(raw[8 : 8 + length]).items() if name != "__metadata__"}


def test_weights_are_kept_in_16_bits_and_tables_in_32(exported):
    assert set(tensors(exported / "acoustic" / "model.safetensors").values()) == {"F16"}
    vocoder = tensors(exported / "vocoder" / "model.safetensors")
    assert {name for name, dtype in vocoder.items() if dtype == "F32"} == {"stft.analysis", "stft.synthesis"}


def test_no_graph_keeps_weights_of_its_own(exported):
    for path in exported.rglob("*.onnx"):
        for tensor in onnx.load(str(path), load_external_data=False).graph.initializer:
            assert tensor.data_location == onnx.TensorProto.EXTERNAL or np.prod(tensor.dims) < 512, tensor.name


def test_both_backends_compute_the_same_from_them(exported):
    onnx_backend, torch_backend = OnnxBackend(exported, 1), TorchBackend(exported, "cpu")
    phonemes, tones, speaker = np.arange(3, 12), np.ones(9, np.int64), np.ones(8, np.float32)
    ours, theirs = (backend.encode(phonemes, tones, speaker) for backend in (onnx_backend, torch_backend))
    assert ours.hidden.dtype == np.float32
    np.testing.assert_allclose(ours.hidden, theirs.hidden, atol=1e-4)
    hidden, place = np.repeat(ours.hidden, 4, axis=0), places(np.full(9, 4))
    np.testing.assert_allclose(
        onnx_backend.decode(hidden, place).mel, torch_backend.decode(hidden, place).mel, atol=1e-3
    )


def test_halved_weights_say_almost_what_the_whole_ones_said(networks, tmp_path):
    whole = FastSpeech2.from_pretrained(networks / "acoustic", dtype=torch.float32)
    before = {name: value.clone() for name, value in whole.state_dict().items()}
    save_halved(whole, tmp_path)
    kept = FastSpeech2.from_pretrained(tmp_path, dtype=torch.float32).state_dict()
    for name, value in before.items():
        assert kept[name].dtype == torch.float32
        torch.testing.assert_close(kept[name], value, rtol=2**-11, atol=2**-24)


def test_a_network_that_diverged_is_not_exported(networks, tmp_path):
    network = FastSpeech2.from_pretrained(networks / "acoustic", dtype=torch.float32)
    network.mel.weight.data[0, 0] = 1e6
    with pytest.raises(ValueError, match=r"mel\.weight does not fit into 16 bits"):
        save_halved(network, tmp_path)
