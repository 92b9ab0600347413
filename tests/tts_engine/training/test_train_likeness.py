"""What tells people apart is found in clips of people that the trial does not hear."""

import numpy as np
import pytest

from tts_engine.identity import EMBEDDING, Identity
from tts_engine.training import train_likeness
from tts_engine.training.evaluate_voices import Heard, cosine, measure_verification, teacher_at
from tts_engine.training.train_likeness import Person, choose, fit, impostors


def people(count, seed, f0_hz=200.0):
    """Who differ in ten numbers of the vector, and say different things in twenty others."""
    rng = np.random.default_rng(seed)
    spectrum = np.sin(np.linspace(0, 9, 375))
    made = []
    for _ in range(count):
        own = np.concatenate([rng.normal(size=10), np.zeros(EMBEDDING - 10)])
        clips = []
        for _ in range(3):
            said = np.concatenate([0.25 * rng.normal(size=10), 1.2 * rng.normal(size=20), np.zeros(EMBEDDING - 30)])
            vector = (own + said + 0.02 * rng.normal(size=EMBEDDING)).astype(np.float32)
            clips.append(Identity(vector / np.linalg.norm(vector), f0_hz, 3.0, 0.0))
        made.append(Person(tuple(clips), spectrum))
    return made


def test_strangers_are_told_apart_better_than_by_the_angle():
    strangers = [Heard(one.clips[0], one.clips[1], (), one.spectrum) for one in people(24, seed=2)]
    judged = measure_verification(strangers, fit(people(60, seed=1), 16))
    assert judged["trials"] == 24 * 23
    assert judged["score"] == "log likelihood ratio"
    assert judged["same_above_impostor"] > 0.97
    assert judged["same_above_impostor"] > judged["same_above_impostor_by_cosine"] + 0.05
    plain = measure_verification(strangers, None)
    assert plain["same_above_impostor"] == judged["same_above_impostor_by_cosine"]
    assert plain["same"] == [round(cosine(one.first, one.second), 3) for one in strangers]


def test_only_those_who_sound_alike_are_impostors():
    low, high = people(2, seed=1), people(1, seed=2, f0_hz=300.0)
    assert impostors([*low, *high]) == [(0, 1), (1, 0)]


def test_the_number_of_directions_is_tried_on_people_that_were_not_learnt_from(monkeypatch):
    learnt = []
    original = train_likeness.fit
    monkeypatch.setattr(train_likeness, "DIRECTIONS", (2, 10))
    monkeypatch.setattr(train_likeness, "fit", lambda some, count: learnt.append(len(some)) or original(some, count))
    scores = choose(people(40, seed=3), seed=1)
    assert scores.keys() == {2, 10}
    assert scores[10] > scores[2]
    assert scores[10] == pytest.approx(1, abs=0.05)
    assert set(learnt) == {20}


def test_the_teacher_is_asked_about_as_much_of_a_feeling_as_was_told():
    teacher = {("neutral", 0.0): 0.01, ("sad", 0.33): 0.04, ("sad", 1.0): 0.2, ("happy", 0.5): 0.9}
    assert teacher_at(teacher, "sad", 0.33) == pytest.approx(0.04)
    assert teacher_at(teacher, "sad", 0.165) == pytest.approx(0.025)
    assert teacher_at(teacher, "neutral", 0.0) == pytest.approx(0.01)
