from __future__ import annotations

from snnfw_tasks.text.data.grammar import BAD, GOOD, LOATHED, LONGEST, TURNS, draw_sentences
from snnfw_tasks.text.data.sentences import COUNTS, Sentences


def test_sentences_are_the_same_with_the_same_seed_and_half_of_each_class() -> None:
    drawn = draw_sentences(200, (3, 0))
    assert drawn == draw_sentences(200, (3, 0))
    assert drawn != draw_sentences(200, (3, 1))
    assert sum(sentence.label for sentence in drawn) == 100
    assert all(5 <= len(sentence.text.split()) <= LONGEST for sentence in drawn)


def opinion(clause: str) -> int | None:
    """Return what a clause without slips says: of its adjective, turned round or not, or of its verb."""
    words = clause.split()
    if words[0] == "i" and len(words) <= 5 and "the" in words:
        loathed = any(word in LOATHED for word in words)
        return int(loathed if "never" in words else not loathed)
    judged = [word for word in words if word in GOOD or word in BAD]
    if len(judged) != 1:
        return None
    return int((judged[0] in GOOD) != any(f" {turn} " in f" {clause} " for turn in TURNS))


def test_the_last_word_of_a_contrast_counts() -> None:
    checked = 0
    for sentence in draw_sentences(600, (0, 0), slips=0.0):
        weak, but, strong = sentence.text.removesuffix(" .").partition(" but ")
        if but and not any(mark in sentence.text.removesuffix(" .") for mark in (",", ";", ".", "anything")):
            assert (opinion(weak), opinion(strong)) == (1 - sentence.label, sentence.label), sentence
            checked += 1
    assert checked > 10


def test_slips_put_words_where_they_do_not_belong() -> None:
    plain, slipped = (draw_sentences(100, (0, 0), slips) for slips in (0.0, 1.0))
    assert {word for sentence in slipped for word in sentence.text.split()} != {
        word for sentence in plain for word in sentence.text.split()
    }


def test_splits_share_no_seed() -> None:
    texts = Sentences(seed=4).open()
    assert (len(texts.training()), len(texts.calibration), len(texts.evaluation)) == tuple(COUNTS.values())
    assert texts.calibration[0] != texts.evaluation[0]
    assert texts.evaluation[5] == Sentences(seed=4).open().evaluation[5]
