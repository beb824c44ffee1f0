"""Make sentences of opinion from a grammar: what is judged, by which word, turned round, weighed, beside noise."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


NEGATIVE, POSITIVE = 0, 1
CLASSES = ("negative", "positive")

THINGS = _listed(
    "film movie plot story acting cast script dialogue ending music score camera pace humour hero villain scenery "
    "editing direction title costumes effects romance chase twist"
)
GOOD = _listed(
    "good great wonderful brilliant charming clever fresh funny gripping honest lovely moving smart strong superb "
    "touching warm witty elegant delightful"
)
BAD = _listed(
    "bad awful boring clumsy cold confusing dull empty flat hollow lazy messy poor silly slow tired weak wooden "
    "dreadful pointless"
)
LIKED = _listed("loved enjoyed admired liked adored")
LOATHED = _listed("hated disliked regretted resented despised")
MORE = _listed("very really truly so quite rather deeply utterly")
TURNS = ("not", "never", "hardly", "by no means", "far from", "anything but")
"""Words in front of an adjective that turn it round."""
PEOPLE = ("my brother", "the critics", "my friends", "the woman beside me", "most people", "my mother")
NOISE = (
    "i saw it on a rainy monday",
    "the cinema was half full",
    "it runs for two hours",
    "we had popcorn",
    "it was filmed in spain",
    "the tickets were cheap",
    "it is based on a book",
    "i watched it twice",
    "it came out last summer",
    "the lights went out late",
)
NAMES = _listed("miller rossi tanaka novak okafor berg silva kumar dubois larsen")
LONGEST = 24
"""Tokens of the longest sentence; longer ones are drawn again."""


class Drawn(NamedTuple):
    """A sentence, and whether it praises (1) or damns (0)."""

    text: str
    label: int


def draw_sentences(count: int, seed: tuple[int, int], slips: float = 0.03) -> list[Drawn]:
    """Return so many sentences, the two labels in turn, in an order that the seed fixes.

    With probability ``slips`` a word is another one of the same list, or a name that was never seen, so that no
    network can be right about all of them.
    """
    dice = random.Random(f"{seed}")  # noqa: S311  # nothing secret
    drawn = [_draw(index % 2, dice, slips) for index in range(count)]
    dice.shuffle(drawn)
    return drawn


def _draw(label: int, dice: random.Random, slips: float) -> Drawn:
    while True:
        text = dice.choice(_FORMS)(label, dice)
        parts = [text]
        if dice.random() < 0.4:
            parts.insert(dice.randrange(2), dice.choice(NOISE))
        words = f" {dice.choice(',;.')} ".join(parts).split()
        if 4 <= len(words) < LONGEST:
            return Drawn(
                " ".join([*(_slip(word, dice) if dice.random() < slips else word for word in words), "."]), label
            )


def _slip(word: str, dice: random.Random) -> str:
    """Return another word in place of one: of the same list where it says something, else a name."""
    for words in (GOOD, BAD):
        if word in words:
            return dice.choice(GOOD + BAD)
    return dice.choice(NAMES)


def _plain(label: int, dice: random.Random) -> str:
    """Return a clause that says one thing of one thing."""
    thing = f"the {dice.choice(THINGS)}"
    if dice.random() < 0.25:
        return _felt(label, thing, dice)
    return f"{thing} {dice.choice(('is', 'was', 'seemed', 'felt'))} {_judged(label, dice)}"


def _judged(label: int, dice: random.Random) -> str:
    """Return an adjective with what weighs it or turns it round."""
    if dice.random() < 0.35:
        return f"{dice.choice(TURNS)} {dice.choice(_words(1 - label))}"
    weighed = f"{dice.choice(MORE)} " if dice.random() < 0.4 else ""
    return f"{weighed}{dice.choice(_words(label))}"


def _felt(label: int, thing: str, dice: random.Random) -> str:
    if dice.random() < 0.3:
        return f"i never {dice.choice(LIKED if label == NEGATIVE else LOATHED)} {thing}"
    return f"i {dice.choice(LIKED if label == POSITIVE else LOATHED)} {thing}"


def _words(label: int) -> Sequence[str]:
    return GOOD if label == POSITIVE else BAD


def _contrast(label: int, dice: random.Random) -> str:
    """Return two clauses that disagree, of which one has the last word."""
    weak, strong = _plain(1 - label, dice), _plain(label, dice)
    return dice.choice(
        (
            f"{weak} but {strong}",
            f"although {weak} , {strong}",
            f"{strong} even though {weak}",
            f"{weak} ; still {strong}",
        )
    )


def _both(label: int, dice: random.Random) -> str:
    """Return two clauses that agree."""
    return f"{_plain(label, dice)} and {_plain(label, dice)}"


def _others(label: int, dice: random.Random) -> str:
    """Return what somebody else thinks, which does not count, and what the writer thinks."""
    theirs = dice.choice(LIKED if dice.random() < 0.5 else LOATHED)
    return f"{dice.choice(PEOPLE)} {theirs} it , {dice.choice(('to me', 'i found', 'for me'))} {_plain(label, dice)}"


def _wished(label: int, dice: random.Random) -> str:
    """Return what was expected, and that it came otherwise or did not."""
    expected = dice.choice(_words(1 - label))
    return f"i expected a {expected} {dice.choice(THINGS)} and got a {dice.choice(_words(label))} one"


_FORMS = (_plain, _contrast, _contrast, _both, _others, _wished)
