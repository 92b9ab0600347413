"""What the benchmark of polyphones leaves out because somebody wrote it after seeing the sentence."""

import pytest

from benchmarks.cross_validation import WORDS, Folded, without_seen
from tts_engine.frontend.data import seen, table
from tts_engine.frontend.readings import Readings
from tts_engine.training.polyphones import FOLDS, Example

TABLES = ("words.tsv", "polyphones.tsv")


@pytest.mark.parametrize("name", TABLES)
def test_marked_rows_are_left_out_and_the_others_kept_in_order(name):
    marked, rows = seen(name), without_seen()(name)
    assert marked
    assert [row for row in table(name) if row not in marked] == rows
    assert len(rows) + len(marked) == len(table(name))


def test_a_word_that_was_found_again_is_let_in():
    (first, second, *_) = seen(WORDS)
    rows = without_seen([first])(WORDS)
    assert first in rows
    assert second not in rows


def test_the_mark_is_no_part_of_a_row():
    assert all(len(row) == 2 for row in table("words.tsv"))
    assert all(len(row) == 4 for row in table("polyphones.tsv"))


def test_a_reader_without_the_marked_rows_does_not_know_them():
    syllables = Readings(rows=without_seen()).read("这家书吧不大")
    assert [one.rule for one in syllables if one and one.text == "吧"] == ["polyphone"]
    assert [one.rule for one in Readings().read("这家书吧不大") if one and one.text == "吧"] == ["lexicon"]


def test_every_fold_has_members_and_none_is_in_two():
    folded = Folded([Example("重庆", 0, "chong2")] * 50, table)
    members = [folded.members(fold) for fold in range(FOLDS)]
    assert all(members)
    assert sorted(index for its in members for index in its) == list(range(50))
