"""A teacher, where libespeak-ng is installed, and a corpus of a few utterances that it spoke."""

import pytest

from tts_engine.training.features import FeatureSet, Script, make_utterance, save
from tts_engine.training.teacher import VOICES, Teacher, TeacherError

SENTENCES = ("你好。", "我们去看花儿！", "AI很好？")


@pytest.fixture(scope="session")
def teacher():
    try:
        return Teacher()
    except TeacherError as error:
        pytest.skip(f"the teacher cannot speak: {error}")


@pytest.fixture(scope="session")
def corpus(teacher, frontend, tmp_path_factory):
    """The folder of a feature set: each sentence in another voice."""
    utterances = []
    for speaker, text in enumerate(SENTENCES):
        phonemes = frontend.read(text).sentences[0].phonemes
        rendering = teacher.render(phonemes, VOICES[list(VOICES)[speaker]])
        utterances.append(make_utterance(Script(text, speaker, phonemes), rendering.samples, rendering.ends))
    folder = tmp_path_factory.mktemp("features")
    save(folder, utterances, list(VOICES))
    return folder


@pytest.fixture(scope="session")
def features(corpus):
    return FeatureSet(corpus)
