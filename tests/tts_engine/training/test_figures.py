import numpy as np
import pytest

from tts_engine.training.figures import Figure, change, draws

RNG = np.random.default_rng(5)


def test_a_mean_is_a_mean_and_leaves_out_what_says_nothing():
    assert Figure.mean([1.0, 2.0, 6.0]).value == 3
    assert Figure.mean([1.0, np.nan, 6.0]).value == 3.5
    assert np.isnan(Figure.mean([np.nan]).value)
    assert np.isnan(Figure.mean([]).value)


def test_a_rate_weighs_utterances_by_their_syllables():
    assert Figure(np.array([1.0, 0.0]), np.array([2.0, 8.0])).value == 0.1


def test_draws_are_with_replacement_and_repeatable():
    drawn = draws(40)
    assert (drawn.sum(1) == 40).all()
    assert drawn.mean(0) == pytest.approx(np.ones(40), abs=0.1)
    assert drawn.max() > 1
    np.testing.assert_array_equal(drawn, draws(40))
    assert not np.array_equal(drawn, draws(40, seed=1))


def test_noise_is_the_standard_error_of_the_first():
    values = RNG.normal(3, 2, 400)
    noise = change("x", Figure.mean(values), Figure.mean(values)).noise
    assert noise == pytest.approx(np.std(values) / 20, rel=0.1)


def test_the_interval_is_that_of_the_differences_not_of_the_figures():
    before = RNG.normal(0, 10, 400)
    apart = RNG.normal(0.1, 0.2, 400)
    found = change("x", Figure.mean(before), Figure.mean(before + apart))
    half = 1.96 * np.std(apart) / 20
    assert found.difference == pytest.approx(apart.mean())
    assert (found.low, found.high) == pytest.approx((apart.mean() - half, apart.mean() + half), rel=0.1)


@pytest.mark.parametrize(
    ("moved", "spread", "higher", "verdict"),
    [
        (0.0, 0.0, False, "same"),
        (0.01, 0.0, False, "same"),  # for certain, but far less than other utterances would move it
        (1.0, 0.1, False, "worse"),
        (-1.0, 0.1, False, "better"),
        (1.0, 0.1, True, "better"),
        (-1.0, 0.1, True, "worse"),
        (0.3, 8.0, False, "same"),  # more than the noise, but some utterances rose and others fell
    ],
)
def test_what_moved_for_certain_and_by_more_than_the_noise_is_better_or_worse(moved, spread, higher, verdict):
    before = np.tile([-1.0, 1.0], 50)  # a standard error of 0.1
    after = before + moved + np.repeat([-spread, spread], 50)
    found = change("x", Figure.mean(before), Figure.mean(after), higher)
    assert (found.verdict, found.moved) == (verdict, verdict != "same")


@pytest.mark.parametrize(("before", "after"), [([np.nan] * 3, [1.0] * 3), ([1.0] * 3, [np.nan] * 3)])
def test_a_figure_that_one_side_lacks_is_not_the_same(before, after):
    found = change("x", Figure.mean(before), Figure.mean(after))
    assert (found.verdict, found.moved) == ("unknown", True)


def test_a_figure_that_both_sides_lack_did_not_move():
    found = change("x", Figure.mean([np.nan]), Figure.mean([np.nan]))
    assert (found.verdict, found.moved) == ("unknown", False)


def test_only_figures_of_the_same_utterances_are_compared():
    with pytest.raises(ValueError, match="2 utterances beside 3"):
        change("x", Figure.mean([1.0, 2.0]), Figure.mean([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match="0 utterances"):
        change("x", Figure.mean([]), Figure.mean([]))
