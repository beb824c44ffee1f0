from __future__ import annotations

import pickle

import pytest
from torch import nn

from snnfw.errors import SnnfwError
from snnfw_tasks.text import library
from snnfw_tasks.text.vocabulary import LONGEST, SPECIAL, Reader, find_words, pack_words, unpack_words


class Knows(nn.Module):
    """A network that knows its words."""

    def __init__(self, *words: str, rows: int = 6) -> None:
        super().__init__()
        self.register_buffer("vocabulary", pack_words([*SPECIAL, *words], rows))


def test_words_are_the_most_frequent_and_as_many_as_asked() -> None:
    texts = ["b a b", "a c b", "d"]
    assert find_words(texts, 5) == ["[pad]", "[unk]", "b", "a", "c"]
    assert find_words(texts, 100) == ["[pad]", "[unk]", "b", "a", "c", "d"]
    assert find_words(["x" * 40, "short"], 9) == ["[pad]", "[unk]", "short"]


def test_packed_words_are_the_words() -> None:
    words = [*SPECIAL, "café", "naïveté", "x" * LONGEST, "🙂"]
    packed = pack_words(words, 9)
    assert packed.shape == (9, LONGEST)
    assert unpack_words(packed) == words
    packed[2, 0] = 0xFF
    with pytest.raises(SnnfwError, match=r"^the network's vocabulary holds bytes that are no words"):
        unpack_words(packed)


def test_a_word_has_the_number_of_its_row() -> None:
    reader = Reader(Knows("", "", "good"), list, 3, "start")
    assert reader.read("good better").tolist() == [4, 1, 0]
    assert reader.last == 4


@pytest.mark.parametrize(("words", "found"), [([], "no words"), (["good", "bad", "so"], "'good', 'bad'")])
def test_a_vocabulary_without_padding_and_unknown_is_refused(words: list[str], found: str) -> None:
    with pytest.raises(SnnfwError) as raised:
        unpack_words(pack_words(words, 4))
    assert str(raised.value) == (
        f"the network's vocabulary begins with {found} and not with '[pad]', '[unk]', the words 0 and 1: load weights "
        "that bring their words, or fill it with pack_words."
    )


READ = {
    "small letters": ("GOOD Good", [2, 2, 0, 0]),
    "punctuation": ("good, bad.", [2, 4, 3, 5]),
    "tags": ("good<br />bad<b>good</b>", [2, 3, 2, 0]),
    "a heart is no tag": ("good <3", [2, 1, 1, 0]),
    "unknown": ("great good", [1, 2, 0, 0]),
    "long": ("bad " * 3 + "good good", [3, 3, 3, 2]),
    "wide letters": ("\uff47\uff4f\uff4f\uff44", [2, 0, 0, 0]),
    "none": ("", [0, 0, 0, 0]),
}


@pytest.mark.parametrize("name", READ)
def test_texts_become_numbers_of_words(name: str) -> None:
    text, numbers = READ[name]
    reader = Reader(Knows("good", "bad", ",", "."), list, 4, "start")
    assert reader.read(text).tolist() == numbers
    assert pickle.loads(pickle.dumps(reader)).read(text).tolist() == numbers  # noqa: S301  # our own


def test_the_words_are_those_that_the_network_has_at_the_time() -> None:
    network = Knows("good", "bad")
    reader = Reader(network, list, 2, "end")
    assert reader.read("good good bad").tolist() == [2, 3]
    network.load_state_dict(Knows("bad", "good").state_dict())
    assert reader.read("good good bad").tolist() == [3, 2]


def test_a_network_without_words_gets_those_of_the_data() -> None:
    reader = Reader(nn.Identity(), lambda: ["[pad]", "[unk]", "a"], 2, "start")
    assert reader.read("a b").tolist() == [2, 1]


def test_without_tokenizers_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    library.require_tokenizers.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(SnnfwError) as raised:
        library.require_tokenizers()
    assert str(raised.value) == "task 'text' needs the package tokenizers: pip install 'snnfw[text]'."
    library.require_tokenizers.cache_clear()
