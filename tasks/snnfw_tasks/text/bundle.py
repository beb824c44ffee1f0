"""Bring a network and texts together: build, check that they fit, and cut the splits into batches of numbers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from snnfw import Bundle, Judgement, SnnfwError, Training, obtain
from snnfw.simulate import cross_entropy, is_correct, require_logits
from snnfw_tasks.samples.batches import as_batch, batch_splits, few_at_a_time, training_batches
from snnfw_tasks.samples.checked import CheckedSamples, check_all
from snnfw_tasks.samples.choosing import choose_tested, require_samples, shuffle
from snnfw_tasks.samples.confusions import Confusions
from snnfw_tasks.samples.description import describe_bundle
from snnfw_tasks.samples.gallery import make_gallery
from snnfw_tasks.samples.probe import require_finite, require_fit
from snnfw_tasks.samples.reading import tell_reading
from snnfw_tasks.text.pictures import look_at
from snnfw_tasks.text.scores import ACCURACY, TextScores
from snnfw_tasks.text.sources import Text, Texts, Wanted
from snnfw_tasks.text.vocabulary import Reader, find_words

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw import DataSource, ModelSource, Resources
    from snnfw_tasks.text.options import TextAmounts

TASK = "text"


def make_bundle(amounts: TextAmounts, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
    """Return the bundle of a run, with the example on the network's device and the batches on the CPU."""
    texts = obtain(Texts, TASK, data, "open")
    read = tell_reading(texts.reading, resources.tell)
    require_samples(data.name, "texts", len(texts.calibration), len(texts.evaluation))
    classes = len(texts.classes)
    wanted = Wanted(classes, amounts.vocabulary, lambda: words_of(texts, data.name, amounts.vocabulary))
    asked = wanted if TASK in model.tasks else classes
    network = obtain(nn.Module, TASK, model, "build", asked, resources).eval().to(resources.device)
    require_finite(network, model.name)
    reader = Reader(network, wanted.words, amounts.length or texts.length, amounts.keep)
    checked = partial(CheckedSamples, data=data.name, check=partial(check_text, reader, classes), noun="text")
    mixed = checked(texts.calibration, shuffle(len(texts.calibration), resources.seed), "calibration")
    calibration = mixed.first(amounts.calibration)
    evaluation = checked(texts.evaluation, choose_tested(len(texts.evaluation), amounts.limit), "evaluation")
    example = mixed.stack(range(2))[0].to(resources.device)
    require_known(network, example, reader.last, model.name)
    require_fit(network, example, classes, model.name, data.name)
    splits = batch_splits(amounts, calibration, evaluation)

    def read_text(position: int) -> str:
        return texts.evaluation[evaluation.indices[position]].text

    return Bundle(
        model=network,
        example=(example,),
        data=splits,
        judgement=Judgement(
            lambda: Confusions(TextScores(classes)),
            ACCURACY,
            logits=require_logits,
            correct=is_correct,
            chance=1 / classes,
        ),
        training=Training(
            partial(training_batches, lambda: check_all(checked, texts.training()), "texts", as_batch), cross_entropy
        ),
        gallery=make_gallery(few_at_a_time(evaluation), texts.classes, look_at(read_text)),
        description=describe_bundle(texts.classes, list(example.shape[1:]), calibration, evaluation, network, read),
    )


def words_of(texts: Texts, data: str, vocabulary: int) -> list[str]:
    """Return the words that the training split knows."""
    training = texts.training()
    if not len(training):
        raise SnnfwError(f"data '{data}' has no training texts, and the network's words are to be found in them.")
    return find_words((training[index].text for index in range(len(training))), vocabulary)


def require_known(network: nn.Module, example: Tensor, last: int, model: str) -> None:
    """Refuse a network whose embedding has no row for the last word, which few texts may hold."""
    rarest = example.clone()
    rarest[:, 0] = last
    try:
        with torch.no_grad():
            network(rarest)
    except IndexError as error:
        raise SnnfwError(
            f"model '{model}' does not know the number {last}, which the rarest word has ({error}): give the rows of "
            "its embedding as task.vocabulary, and as many in its buffer 'vocabulary' if it has one."
        ) from error


def check_text(reader: Reader, classes: int, sample: Text, where: str, split: str) -> tuple[Tensor, int]:
    """Return a text's numbers of words and its label, refusing a text without words and a label of no class."""
    where = f"{where}, {sample.place}," if sample.place else where
    numbers = reader.read(sample.text)
    if not numbers.any():
        raise SnnfwError(f"{where} ({split}) holds no words: give it some, or remove it.")
    if not 0 <= sample.label < classes:
        raise SnnfwError(f"{where} ({split}) has the label {sample.label}, outside the {classes} classes.")
    return numbers, sample.label
