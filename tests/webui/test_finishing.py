"""Every file that leaves the WebUI is labelled; what people can download is heard to be."""

import io

import numpy as np
import soundfile

from settings import LabelSettings
from sound import read_label
from webui_page.finishing import Finish
from webui_page.utterance import Utterance

MADE = Utterance(np.full(22050, 0.1, np.float32), 22050, (), (), 0.1)


def frames(data):
    return soundfile.info(io.BytesIO(data)).frames


def test_a_file_for_programs_is_as_long_as_the_speech_and_labelled():
    first, second = (Finish(LabelSettings(producer="code-1")).file(MADE, "mp3") for _ in range(2))
    assert frames(first) == 22050
    assert read_label(io.BytesIO(first)).producer == "code-1"
    assert first == second  # the number is the content's own


def test_another_content_has_another_number():
    other = Utterance(np.full(22050, 0.2, np.float32), 22050, (), (), 0.1)
    finish = Finish(LabelSettings())
    numbers = {read_label(io.BytesIO(finish.file(made, "wav"))).produce_id for made in (MADE, other)}
    assert len(numbers) == 2
    assert {len(number) for number in numbers} == {32}


def test_a_download_has_the_rhythm_where_the_settings_say():
    lengths = {
        position: frames(Finish(LabelSettings(position=position)).download(MADE, "wav"))
        for position in ("start", "end", "both")
    }
    extra = round((0.3 + 1.2 - 0.1) * 22050)  # silence, and 短长 短短
    assert lengths["start"] == lengths["end"]
    assert abs(lengths["end"] - 22050 - extra) < 2205
    assert lengths["both"] - 22050 == 2 * (lengths["end"] - 22050)
    assert frames(Finish(LabelSettings(explicit="none")).download(MADE, "wav")) == 22050
