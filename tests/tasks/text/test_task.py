from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import snnfw
from given_sources import GivenModel
from snnfw.capture.export import capture
from snnfw.contracts import ModelSource, Task
from snnfw.errors import SnnfwError
from snnfw.planning.rules import Rule
from snnfw.values import Bundle, Resources, View
from snnfw_plugins.sigmadelta import SigmaDelta, delta_rules
from snnfw_plugins.tracking import Tracking
from snnfw_tasks.text import task as text
from snnfw_tasks.text.models.text import LstmModel, SentencesLstm, SentencesTransformer, TransformerModel
from snnfw_tasks.text.pictures import LINES, wrap
from snnfw_tasks.text.sources import Text, Texts
from snnfw_tasks.text.task import TextTask
from snnfw_tasks.text.vocabulary import unpack_words

if TYPE_CHECKING:
    from collections.abc import Sequence

SAID = [
    Text(f"{'good' if label else 'bad'} {'really ' * (index % 3)}film", label) for index in range(6) for label in (0, 1)
]
LENGTH = 5


@dataclass(frozen=True, slots=True)
class GivenTexts:
    name: ClassVar[str] = "given"
    tasks: ClassVar[tuple[str, ...]] = ()
    samples: Sequence[Text] = tuple(SAID)
    calibration: Sequence[Text] = tuple(SAID[:4])

    def open(self) -> Texts:
        return Texts(("bad", "good"), LENGTH, lambda: self.samples, self.calibration, self.samples)


TINY = LstmModel(layers=2, embedding=4, hidden=3, head=4, dropout=0.0)
SMALL = TransformerModel(layers=2, features=8, heads=2, wide=6, dropout=0.0)
NETWORKS: dict[str, ModelSource] = {"lstm": TINY, "transformer": SMALL}


def load(model: ModelSource = TINY, data: Any = None, seed: int = 0, **options: Any) -> Bundle:
    return TextTask(**{"limit": None, "vocabulary": 9, **options}).load(
        model, data or GivenTexts(), Resources(seed=seed)
    )


def test_describing_the_task_imports_neither_torch_nor_tokenizers() -> None:
    code = "import sys, snnfw_tasks.text.task; print([m for m in ('torch', 'tokenizers') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own
    assert ran.stdout.strip() == "[]"


def test_everything_registered_fulfils_its_contract() -> None:
    models = {source.name: source for source in text.snnfw_register_models()}
    data = {source.name: source for source in text.snnfw_register_data()}
    assert list(models) == ["sentences-lstm", "sentences-transformer", "lstm", "transformer"]
    assert list(data) == ["sentences", "imdb", "texts", "csv"]
    assert TextTask.default_model in models
    assert TextTask.default_data in data
    assert isinstance(TextTask(), Task)
    sources: list[Any] = [*models.values(), *data.values()]
    assert all(source.tasks == ("text",) for source in sources)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_bundle_is_complete(name: str) -> None:
    bundle = load(NETWORKS[name], calibration=3, batch=2)
    assert bundle.judgement.headline == "accuracy"
    assert bundle.example[0].shape == (2, LENGTH)
    assert bundle.example[0].dtype is torch.int64
    assert bundle.model(*bundle.example).shape == (2, 2)
    assert [len(words) for (words,) in bundle.data.calibration] == [2, 1]
    batch = next(iter(bundle.data.evaluation))
    assert batch.target.tolist() == [0, 1]
    scorer = bundle.judgement.scorer()
    scorer.update(torch.eye(2), torch.tensor([0, 0]))
    assert scorer.compute() == {"accuracy": 0.5, "macro_f1": pytest.approx(1 / 3)}
    assert bundle.training is not None
    trained = next(iter(bundle.training.batches(4, 0, 0)))
    assert bundle.training.loss(bundle.model(*trained.inputs), trained.target, 0.1).isfinite()


def test_a_network_knows_the_words_of_the_training_texts_and_its_weights_bring_them() -> None:
    first = load(vocabulary=6).model
    assert unpack_words(first.get_buffer("vocabulary")) == ["[pad]", "[unk]", "film", "really", "bad", "good"]
    other = load(data=GivenTexts(tuple(Text(f"{each.text} odd", each.label) for each in SAID)), vocabulary=6)
    before = next(iter(other.data.evaluation)).inputs[0]
    other.model.load_state_dict(first.state_dict())  # as a checkpoint is loaded, when the data is there already
    after = next(iter(other.data.evaluation)).inputs[0]
    assert after[0].tolist() == [4, 2, 1, 0, 0]
    assert not torch.equal(before, after)


class Foreign(nn.Module):
    """A network that knows numbers of words and no words."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.embedding, self.out = nn.Embedding(rows, 4), nn.Linear(4, 2)

    def forward(self, words: Tensor) -> Tensor:
        return self.out(torch.relu(self.embedding(words).mean(1)))  # type: ignore[no-any-return]


def test_a_network_of_any_origin_reads_the_words_of_the_data() -> None:
    bundle = load(GivenModel(Foreign(9)))
    assert next(iter(bundle.data.evaluation)).inputs[0][1].tolist() == [5, 2, 0, 0, 0]


def test_a_network_without_a_row_for_a_rare_word_is_refused() -> None:
    data = GivenTexts((*SAID, Text("rare good film", 1)), tuple(SAID[:2]))
    assert load(GivenModel(Foreign(6)), data, vocabulary=6).example[0].max() < 6
    with pytest.raises(SnnfwError) as raised:
        load(GivenModel(Foreign(6)), data)
    assert str(raised.value) == (
        "model 'given' does not know the number 6, which the rarest word has (index out of range in self): give the "
        "rows of its embedding as task.vocabulary, and as many in its buffer 'vocabulary' if it has one."
    )


GATES = tuple(Rule("*", Tracking(), activation=name, optional=True) for name in ("sigmoid", "tanh"))
WAYS: dict[str, tuple[Rule, ...]] = {
    "changes": delta_rules(SigmaDelta()),
    "rate, the ReLUs alone": (Rule("*", Tracking()),),
    "rate, gates too": (*GATES, Rule("*", Tracking())),
}


def texts_of_all_lengths() -> list[tuple[Tensor, int]]:
    """Return texts of all lengths, each in a batch with the others, and how long they are."""
    generator = torch.Generator().manual_seed(0)
    words = torch.randint(1, 9, (LENGTH, LENGTH), generator=generator)
    return [(words[row].masked_fill(torch.arange(LENGTH) > row, 0), row + 1) for row in range(LENGTH)]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_padded_batch_is_its_texts_one_by_one(name: str) -> None:
    network = load(NETWORKS[name]).model.double()
    texts = texts_of_all_lengths()
    with torch.no_grad():
        whole = network(torch.stack([words for words, _ in texts]))
        alone = torch.cat([network(words[:length].unsqueeze(0)) for words, length in texts])
        longer = network(nn.functional.pad(torch.stack([words for words, _ in texts]), (0, 7)))
    torch.testing.assert_close(alone, whole, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(longer, whole, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_padded_batch_is_its_texts_one_by_one_after_conversion(name: str, way: str) -> None:
    network = load(NETWORKS[name]).model.double()
    texts = texts_of_all_lengths()
    batch = torch.stack([words for words, _ in texts])
    snn = snnfw.convert(network, batch, layers=WAYS[way], timesteps=3)
    whole = snn(batch)
    alone = torch.cat([snn(words.unsqueeze(0)) for words, _ in texts])
    torch.testing.assert_close(alone, whole, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_text_at_all_gives_a_finite_answer(name: str) -> None:
    network = load(NETWORKS[name]).model
    assert bool(network(torch.zeros(2, LENGTH, dtype=torch.int64)).isfinite().all())


def test_heads_share_the_features() -> None:
    with pytest.raises(SnnfwError, match=r"^model.features=9 cannot be shared by model.heads=2: give a multiple of it"):
        load(TransformerModel(features=9, heads=2))


def test_weights_of_another_vocabulary_are_refused(tmp_path: Any) -> None:
    torch.save(load(vocabulary=8).model.state_dict(), tmp_path / "net.pth")
    with pytest.raises(
        SnnfwError, match=r"are of another architecture: .*'vocabulary' is \[8, 32\] instead of \[9, 32\]"
    ):
        load(LstmModel(layers=2, embedding=4, hidden=3, head=4, weights=tmp_path / "net.pth"))


def test_the_sites_of_both_conversions() -> None:
    bundle = load()
    graph = capture(bundle.model, bundle.example)
    assert [site.name for site in graph.sites] == ["relu"]
    gates = {site.name.partition("#")[0] for site in graph.gates if site.activation != "identity"}
    names = ("input_gate", "forget_gate", "cell_gate", "output_gate", "cell_state")
    assert gates == {
        f"layers.{layer}.{way}.l0.{name}" for layer in (0, 1) for way in ("ahead", "back") for name in names
    }


def test_pictures_show_the_texts_that_the_networks_tell_apart() -> None:
    bundle = load()
    gallery, scorer = bundle.gallery, bundle.judgement.scorer()
    assert gallery is not None
    assert gallery.choose is not None
    batch = gallery.batch()
    output = bundle.model(*batch.inputs).detach()
    said = torch.cat([-output[:1], output[1:]])  # the first one differently
    scorer.update(said, batch.target)
    chosen = gallery.choose(batch, output, scorer)
    assert chosen[0] == 0
    scores = {"accuracy": 0.5}
    spiking = {1: -said[list(chosen)], 4: said[list(chosen)]}
    drawn = gallery.draw(View(batch, output, spiking, scores, {1: scores, 4: scores}, scorer, chosen))
    assert [drawing.name for drawing in drawn] == ["samples", "confusion"]
    assert "texts the two networks answer 1 differently" in drawn[0].caption
    assert drawn[0].caption.endswith("network 50.0%, spiking network 50.0% at T = 4.")


def test_a_text_s_first_lines_are_drawn() -> None:
    assert wrap("one  two\nthree") == "one two three"
    lines = wrap("word " * 200).split("\n")
    assert len(lines) == LINES
    assert lines[-1].endswith(" …")


EMBEDDED: dict[str, tuple[type[Any], float]] = {
    "sentences-lstm": (SentencesLstm, 0.97),
    "sentences-transformer": (SentencesTransformer, 0.95),
}


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_networks_are_right_nine_times_in_ten_and_not_always(name: str) -> None:
    model, least = EMBEDDED[name]
    bundle = TextTask(limit=512).load(model(), snnfw.Registry().data["sentences"](), Resources())
    scorer = bundle.judgement.scorer()
    with torch.no_grad():
        for batch in bundle.data.evaluation:
            scorer.update(bundle.model(*batch.inputs), batch.target)
    assert least < scorer.compute()["accuracy"] < 0.99
