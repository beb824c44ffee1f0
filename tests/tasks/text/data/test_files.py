"""Texts on disk in the layouts of IMDB, of folders and of tables, and everything that can be wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.text.data.folders import TextFolders
from snnfw_tasks.text.data.imdb import Imdb
from snnfw_tasks.text.data.tables import TextTables
from snnfw_tasks.text.models.text import LstmModel
from snnfw_tasks.text.task import TextTask

SMALL = LstmModel(layers=1, embedding=4, hidden=3, head=4)
REVIEWS = {"neg": "It was <br /><br /> awful.", "pos": "It was lovely, café and all!"}


def write_folders(root: Path, splits: tuple[str, ...] = ("train", "test"), count: int = 2) -> Path:
    for split in splits:
        for label, text in REVIEWS.items():
            folder = root / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{number}_{1 if label == 'neg' else 9}.txt").write_text(text, encoding="utf-8")
    return root


def write_table(file: Path, rows: str = 'id,review,mood\n1,"Bad, bad",sad\n2,Good,glad\n') -> Path:
    file.write_text(rows, encoding="utf-8")
    return file


def imdb(root: Path) -> Imdb:
    write_folders(root)
    (root / "train" / "unsup").mkdir()
    (root / "train" / "unsup" / "0_0.txt").write_text("Who knows?")
    return Imdb(root)


def tables(root: Path, test: str | None = None) -> TextTables:
    train = write_table(root / "train.csv")
    return TextTables(train, write_table(root / "test.csv", test) if test else train, text="review", label="mood")


def load(data: Any, **options: Any) -> tuple[Any, list[str]]:
    lines: list[str] = []
    return TextTask(limit=None, **options).load(SMALL, data, Resources(tell=lines.append)), lines


def test_imdb_is_read_as_it_is_published(tmp_path: Path) -> None:
    bundle, lines = load(imdb(tmp_path), length=6)
    assert lines == [
        f"data 'imdb': read texts of 2 classes from '{tmp_path}': 4 in train and 4 in test.",
        "  left out files in no class's folder: 1 ('train/unsup').",
    ]
    (batch,) = bundle.data.evaluation
    assert batch.target.tolist() == [0, 0, 1, 1]
    # The most frequent words come first, and of as many the first in the alphabet; tags are no words.
    words = ["[pad]", "[unk]", "it", "was", "!", ",", ".", "all", "and", "awful", "café", "lovely"]
    assert batch.inputs[0][::2].tolist() == [
        [words.index(word) for word in ("it", "was", "awful", ".", "[pad]", "[pad]")],
        [words.index(word) for word in ("it", "was", "lovely", ",", "café", "and")],
    ]


def test_folders_may_have_a_split_to_calibrate_with(tmp_path: Path) -> None:
    source = TextFolders(write_folders(tmp_path, ("train", "calibration", "val")))
    _, lines = load(source)
    assert lines == [
        f"data 'texts': read texts of 2 classes from '{tmp_path}': 4 in train and 4 in calibration and 4 in val."
    ]


def test_tables_have_columns_that_options_name(tmp_path: Path) -> None:
    texts = tables(tmp_path).open()
    assert texts.classes == ("glad", "sad")
    assert [tuple(text) for text in texts.training()] == [  # type: ignore[attr-defined]  # a list
        ("Bad, bad", 1, f"line 2 of '{tmp_path / 'train.csv'}'"),
        ("Good", 0, f"line 3 of '{tmp_path / 'train.csv'}'"),
    ]


def test_spaces_around_a_label_make_no_class(tmp_path: Path) -> None:
    texts = tables(tmp_path, "review,mood\nBad, sad\nGood,glad \n").open()
    assert [text.label for text in (texts.evaluation[0], texts.evaluation[1])] == [1, 0]


def test_a_text_in_a_table_may_be_of_any_length(tmp_path: Path) -> None:
    written = "good " * 40_000
    texts = tables(tmp_path, f"review,mood\n{written},glad\n").open()
    assert texts.evaluation[0].text == written


def test_tables_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        write_table(tmp_path / split / "said.csv")
    source = TextTables(tmp_path / "train" / "said.csv", tmp_path / "test" / "said.csv", text="review", label="mood")
    reading = source.open().reading
    assert reading is not None
    assert reading.read == {"said.csv": 2, str(tmp_path / "test" / "said.csv"): 2}


def folders_with(change: Callable[[Path], Any]) -> Callable[[Path], Any]:
    def write(root: Path) -> TextFolders:
        change(write_folders(root))
        return TextFolders(root)

    return write


def table_with(rows: str) -> Callable[[Path], Any]:
    return lambda root: tables(root, rows)


def without_labels(root: Path) -> TextFolders:
    for split in ("train", "test"):
        (root / split).mkdir()
        (root / split / "1.txt").write_text("It was.")
    return TextFolders(root)


def without_texts(root: Path) -> None:
    for file in root.glob("test/*/*.txt"):
        file.unlink()


def new_class(root: Path) -> None:
    (root / "test" / "meh").mkdir()


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "another encoding": (
        folders_with(lambda root: (root / "test/pos/0_9.txt").write_bytes("caf\xe9".encode("latin-1"))),
        "'{}/test/pos/0_9.txt' of data 'texts' is no text in UTF-8 (byte 0xe9 at place 3): save it as such.",
    ),
    "a table in another encoding": (
        lambda root: (tables(root), (root / "train.csv").write_bytes(b"review,mood\ncaf\xe9,sad\n"))[0],
        "'{}/train.csv' of data 'csv' is no text in UTF-8 (byte 0xe9 at place 15): save it as such.",
    ),
    "empty": (
        folders_with(lambda root: (root / "test/neg/1_1.txt").write_text(" <br />\n")),
        "text 1 of data 'texts', '{}/test/neg/1_1.txt', (evaluation) holds no words: give it some, or remove it.",
    ),
    "an empty cell": (
        table_with("review,mood\n,sad\n"),
        "text 0 of data 'csv', line 2 of '{}/test.csv', (evaluation) holds no words: give it some, or remove it.",
    ),
    "no such column": (
        table_with("text,mood\nGood,sad\n"),
        "'{}/test.csv' of data 'csv' has no column 'review': it has 'text', 'mood'. Say data.text=COLUMN, and "
        "data.separator where it is no comma.",
    ),
    "another separator": (
        table_with("review;mood\nGood;sad\n"),
        "'{}/test.csv' of data 'csv' has no column 'review': it has 'review;mood'. Say data.text=COLUMN, and "
        "data.separator where it is no comma.",
    ),
    "a quote that does not end": (
        table_with('review,mood\n"Good,sad\n'),
        "'{}/test.csv' of data 'csv' is no CSV behind line 1 (unexpected end of data): write it with a CSV library, with "
        "quotes around text that holds the separator.",
    ),
    "a separator in a text without quotes": (
        table_with("review,mood\nGood, all in all,glad\n"),
        "'{}/test.csv' of data 'csv' has more columns in line 2 than its first line names: put quotes around text that "
        "holds ','.",
    ),
    "one column for both": (
        lambda root: TextTables(root / "a.csv", root / "b.csv", text="mood", label="mood"),
        "data.text and data.label both name the column 'mood': name a column for each.",
    ),
    "no label": (
        table_with("review,mood\nGood,\n"),
        "'{}/test.csv' of data 'csv' has no label in line 2, column 'mood': give it one.",
    ),
    "a label that training does not have": (
        table_with("review,mood\nGood,glad\nSo so,meh\n"),
        "'{}/test.csv' of data 'csv' has the label 'meh' in line 3, which training does not have: it has glad, sad. "
        "Correct it, or train with it.",
    ),
    "an empty table": (
        table_with(" "),
        "'{}/test.csv' of data 'csv' has no column 'review': it has ' '. Say data.text=COLUMN, and data.separator where "
        "it is no comma.",
    ),
    "one class": (
        lambda root: TextTables(write_table(root / "one.csv", "text,label\nGood,glad\n"), root / "one.csv"),
        "'{}/one.csv' of data 'csv' has only the class 'glad': a classifier needs two classes or more.",
    ),
    "no file": (
        lambda root: TextTables(root / "a.csv", root / "b.csv"),
        "data 'csv' finds no file '{}/a.csv': check the path.",
    ),
    "folders without labels": (
        without_labels,
        "data 'texts' is empty: '{}/train' holds no class folders, expected are train/CLASS/*.txt, test/CLASS/*.txt "
        "(or val/) and, optionally, calibration/CLASS/*.txt.",
    ),
    "a folder that training does not have": (
        folders_with(new_class),
        "data 'texts' has a class 'meh' in '{}/test' that training does not have: it has neg, pos. Move its texts, or "
        "train with it.",
    ),
    "no test": (
        lambda root: Imdb(write_folders(root, ("train",))),
        "data 'imdb' finds no folder '{}/test/neg': expected under '{}' are train/neg, train/pos, test/neg and "
        "test/pos with a review in each ID_RATING.txt.",
    ),
    "no texts": (
        folders_with(without_texts),
        "data 'texts' has 0 evaluation texts, 1 or more are needed.",
    ),
}


def evaluate(source: Any) -> list[Any]:
    return list(load(source)[0].data.evaluation)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_told_in_a_sentence_that_names_it(name: str, tmp_path: Path) -> None:
    write, sentence = REFUSED[name]
    source = write(tmp_path)
    with pytest.raises(SnnfwError) as raised:
        evaluate(source)
    assert str(raised.value) == sentence.format(tmp_path, tmp_path)


def test_ten_thousand_words_are_read_as_far_as_the_task_says(tmp_path: Path) -> None:
    write_folders(tmp_path)
    long = " ".join(["it", *["was"] * 9_998, "lovely"])
    (tmp_path / "test/pos/0_9.txt").write_text(long)
    for keep, ends in (("start", ("it", "was")), ("end", ("was", "lovely"))):
        bundle, _ = load(TextFolders(tmp_path), length=8, keep=keep)
        words = bundle.model.vocabulary
        (batch,) = bundle.data.evaluation
        read = [bytes(words[number].tolist()).rstrip(b"\0").decode() for number in batch.inputs[0][2].tolist()]
        assert (read[0], read[-1]) == ends
        assert len(read) == 8


def test_words_never_seen_are_unknown(tmp_path: Path) -> None:
    write_folders(tmp_path)
    (tmp_path / "test/pos/0_9.txt").write_text("Zyzzyva quux")
    bundle, _ = load(TextFolders(tmp_path), length=3)
    (batch,) = bundle.data.evaluation
    assert batch.inputs[0][2].tolist() == [1, 1, 0]
    assert bool(bundle.model(*batch.inputs).isfinite().all())
