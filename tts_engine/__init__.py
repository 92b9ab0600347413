"""Mandarin (and English words in it) → speech, on this machine.

One call does all of it::

    from tts_engine import IndexTTSModel
    sample_rate, samples = IndexTTSModel("v23").tts("今天天气很好。", speaker_id="female", speed=1.0)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_engine.errors import CloningUnavailableError

if TYPE_CHECKING:
    from tts_engine.audio import FloatArray
    from tts_engine.identity import Identity

__all__ = ["IndexTTSModel"]

MODELS = Path(__file__).resolve().parent.parent / "models"


class IndexTTSModel:
    """The whole engine behind one call. Safe to share between threads."""

    def __init__(self, model: str = "v23", device: str = "auto") -> None:
        """Load ``models/<model>``, or the folder ``model`` where it is a path.

        Raises:
            CheckpointError: the model is missing or damaged.
        """
        from tts_engine.synthesizer import Synthesizer  # here, so that errors and the reader import in milliseconds

        folder = Path(model) if Path(model).is_dir() else MODELS / model
        self.synthesizer = Synthesizer.load(folder, device=device)

    def tts(
        self,
        text: str,
        speaker_id: str = "female",
        speed: float = 1.0,
        reference_audio: str | Path | bytes | None = None,
        **options: Any,
    ) -> tuple[int, FloatArray]:
        """Speak ``text``.

        Args:
            text: Chinese, with English words where wanted.
            speaker_id: a voice's name, ``female``, ``male``, ``child``, or a mixture, ``0.7*female+0.3*child``.
            speed: 0.5–2.0.
            reference_audio: a clip of 3 to 30 seconds to imitate instead, a file's path or its bytes.
            **options: others of ``SynthesisOptions``: ``emotion``, ``intensity``, ``pitch``, ``seed`` …

        Returns:
            Sample rate in Hz and samples (S,) float32 in [-1, 1]: what ``gradio.Audio`` and ``soundfile.write`` take.

        Raises:
            InputError: the text or an option is at fault.
        """
        from tts_engine.synthesizer import SynthesisOptions

        if reference_audio is not None:
            options["speaker"] = self.listen(reference_audio).told
        speech = self.synthesizer.synthesize(text, SynthesisOptions(voice=speaker_id, speed=speed, **options))
        return speech.sample_rate, speech.samples

    def listen(self, clip: str | Path | bytes) -> Identity:
        """Who speaks in a clip, a file's path or its bytes.

        Raises:
            CloningUnavailableError: this model cannot clone.
            BadClipError: the file is no clip of a voice, or cannot be read.
        """
        from tts_engine.clips import load_clip, read_clip

        if self.synthesizer.listener is None:
            raise CloningUnavailableError
        return self.synthesizer.listen((read_clip(clip) if isinstance(clip, bytes) else load_clip(clip)).samples)
