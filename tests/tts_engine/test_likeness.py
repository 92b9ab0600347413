"""Who sounds alike: the likelihood ratio of two clips, and the file it is read from."""

import math

import numpy as np
import pytest

from tts_engine.errors import CheckpointError
from tts_engine.identity import EMBEDDING, Identity
from tts_engine.likeness import FILE, Likeness, heard


def identity(*numbers, shift=0.0):
    return Identity(np.array([*numbers, *[0.0] * (EMBEDDING - len(numbers))], np.float32), 200.0, 3.0, shift)


@pytest.fixture
def judge():
    """Looks at two numbers; people differ in the first by a deviation of 3, in the second hardly."""
    directions = np.eye(2, EMBEDDING + 1)
    return Likeness(np.zeros(EMBEDDING + 1), directions, np.array([9.0, 0.01]))


def density(rows, covariance):
    """Of a normal distribution around 0, its logarithm."""
    rest = rows @ np.linalg.solve(covariance, rows)
    return -0.5 * (rest + math.log(np.linalg.det(2 * math.pi * covariance)))


def test_the_ratio_is_that_of_the_two_hypotheses(judge):
    x, y = (1.5, -0.3), (2.5, 0.8)
    expected = 0.0
    for a, b, between in zip(x, y, judge.between, strict=True):
        one = np.array([[between + 1, between], [between, between + 1]])
        two = np.eye(2) * (between + 1)
        expected += density(np.array([a, b]), one) - density(np.array([a, b]), two)
    assert judge.ratio(identity(*x), identity(*y)) == pytest.approx(expected)
    assert judge.ratio(identity(*y), identity(*x)) == pytest.approx(expected)


def test_what_tells_people_apart_counts_and_what_does_not_is_overheard(judge):
    same = judge.ratio(identity(4.0, 0.0), identity(4.0, 0.0))
    assert judge.ratio(identity(4.0, 0.0), identity(4.0, 1.5)) == pytest.approx(same, abs=0.1)
    assert judge.ratio(identity(4.0, 0.0), identity(0.5, 0.0)) < 0 < same


def test_the_vocal_tract_is_heard_beside_the_vector():
    assert heard(identity(1.0, shift=0.25)).tolist() == [1.0, *[0.0] * (EMBEDDING - 1), 0.5]


def test_a_file_brings_the_judge_back(judge, tmp_path):
    judge.save(tmp_path)
    again = Likeness.load(tmp_path)
    assert again is not None
    clips = identity(1.0, 2.0), identity(1.2, 1.0)
    assert again.ratio(*clips) == pytest.approx(judge.ratio(*clips), rel=1e-5)


def test_an_encoder_without_one_has_none(tmp_path):
    assert Likeness.load(tmp_path) is None


@pytest.mark.parametrize("fault", ["text", "short", "shapes", "code"])
def test_a_file_that_is_something_else_is_refused(judge, tmp_path, fault):
    rows = vars(judge)
    if fault == "text":
        (tmp_path / FILE).write_text("no archive")
    elif fault == "short":
        np.savez(tmp_path / FILE, mean=rows["mean"])
    elif fault == "shapes":
        np.savez(tmp_path / FILE, **rows | {"between": np.ones(3)})
    else:
        np.savez(tmp_path / FILE, **rows | {"between": np.array([print], dtype=object)})
    with pytest.raises(CheckpointError, match=r"likeness\.npz"):
        Likeness.load(tmp_path)
