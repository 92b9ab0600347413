"""Export without the warnings of the exporter that torch calls legacy (the new one needs onnxscript)."""

import warnings
from pathlib import Path


def export_quietly(acoustic: Path, vocoder: Path, out: Path, name: str = "tiny") -> None:
    from tts_engine.training.export import export

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are using the legacy TorchScript-based ONNX", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning, r"torch\.onnx\.")
        warnings.filterwarnings("ignore", "Constant folding - Only steps=1", UserWarning, r"torch\.onnx\.")
        export(acoustic, vocoder, out, name=name)
