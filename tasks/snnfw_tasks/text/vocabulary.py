"""From texts to numbers of words, and the words of a network in a buffer that goes wherever its weights go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch

from snnfw import SnnfwError
from snnfw_tasks.text.library import require_tokenizers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor, nn

PADDING, UNKNOWN = 0, 1
"""The numbers of what is behind the end of a text, and of every word that the vocabulary does not hold."""
SPECIAL = ("[pad]", "[unk]")
LONGEST = 32
"""Bytes of a word in UTF-8; longer ones, addresses mostly, are in no vocabulary."""
TAGS = r"</?[a-zA-Z][^<>]*>"
"""What is left out of a text: tags of HTML, such as <br />, but no <3."""

End: TypeAlias = Literal["start", "end"]


def find_words(texts: Iterable[str], vocabulary: int) -> list[str]:
    """Return the most frequent words of texts, after padding and unknown, at most ``vocabulary`` in all.

    Of words as frequent, the first in the alphabet comes first.
    """
    tokenizer = _splitter([*SPECIAL])
    trainer = require_tokenizers().trainers.WordLevelTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    found: dict[str, int] = tokenizer.get_vocab()
    return [word for word in sorted(found, key=found.__getitem__) if len(word.encode()) <= LONGEST]


def pack_words(words: Sequence[str], vocabulary: int) -> Tensor:
    """Return words as a tensor of bytes [vocabulary, 32], a row for each, zeros behind its end and for no word."""
    packed = torch.zeros(vocabulary, LONGEST, dtype=torch.uint8)
    for row, word in zip(packed, words, strict=False):
        written = list(word.encode())
        row[: len(written)] = torch.tensor(written, dtype=torch.uint8)
    return packed


def unpack_words(packed: Tensor) -> list[str]:
    """Return the words of ``pack_words``, without the empty rows behind the last one.

    Raises:
        SnnfwError: the bytes are no words in UTF-8, or do not begin with padding and unknown.

    """
    try:
        words = [bytes(row).rstrip(b"\0").decode() for row in packed.cpu().tolist()]
    except UnicodeDecodeError as error:
        raise SnnfwError("the network's vocabulary holds bytes that are no words: load its weights again.") from error
    known = words[: max((row + 1 for row, word in enumerate(words) if word), default=0)]
    if tuple(known[:2]) != SPECIAL:
        found = ", ".join(f"'{word}'" for word in known[:2]) or "no words"
        raise SnnfwError(
            f"the network's vocabulary begins with {found} and not with '{SPECIAL[PADDING]}', '{SPECIAL[UNKNOWN]}', "
            "the words 0 and 1: load weights that bring their words, or fill it with pack_words."
        )
    return known


class Reader:
    """Turn texts into numbers of words, by the vocabulary of a network, or another one where it has none.

    The network is asked anew whenever its vocabulary has changed: weights may be loaded after the data is there.
    """

    def __init__(self, network: nn.Module, words: Callable[[], list[str]], length: int, keep: End) -> None:
        self._network, self._words = network, words
        self._length, self._keep = length, keep
        self._known: tuple[Any, Any] | None = None

    def read(self, text: str) -> Tensor:
        """Return the numbers [length] of a text's words, cut at the end, or at the start, and padded at the end."""
        return torch.tensor(self._tokenizer().encode(text).ids)

    @property
    def last(self) -> int:
        """Return the largest number of a word."""
        return int(max(self._tokenizer().get_vocab().values()))

    def _tokenizer(self) -> Any:
        packed = getattr(self._network, "vocabulary", None)
        key = (id(packed), packed._version) if isinstance(packed, torch.Tensor) else None
        if self._known is None or self._known[0] != key:
            words = unpack_words(packed) if isinstance(packed, torch.Tensor) else self._words()
            self._known = (key, build_tokenizer(words, self._length, self._keep))
        return self._known[1]

    def __getstate__(self) -> dict[str, Any]:
        """Go to processes that read files without what is rebuilt there."""
        return {**self.__dict__, "_known": None}


def build_tokenizer(words: Sequence[str], length: int, keep: End) -> Any:
    """Return a tokenizer of words and punctuation marks that cuts and pads to ``length``."""
    tokenizer = _splitter(words)
    # What is cut off is on the other side of what is kept.
    tokenizer.enable_truncation(length, direction="right" if keep == "start" else "left")
    tokenizer.enable_padding(length=length, pad_id=PADDING, pad_token=SPECIAL[PADDING])
    return tokenizer


def _splitter(words: Sequence[str]) -> Any:
    """Return a tokenizer that leaves out tags, makes letters small, and splits at spaces and around punctuation."""
    library = require_tokenizers()
    model = library.models.WordLevel({word: number for number, word in enumerate(words)}, unk_token=SPECIAL[UNKNOWN])
    tokenizer = library.Tokenizer(model)
    tags = library.normalizers.Replace(library.Regex(TAGS), " ")
    tokenizer.normalizer = library.normalizers.Sequence(
        [tags, library.normalizers.NFKC(), library.normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = library.pre_tokenizers.Whitespace()
    return tokenizer
