"""Say in sentences what a diagnosis has found: what is wrong first, where, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snnfw.diagnosis.findings import Diagnosis, Normalisation, SiteError, first_bad, worst_of

NAMED = 5
"""Sites that a sentence names."""


def explain(found: Diagnosis) -> list[str]:
    """Return the sentences, the one that matters most first."""
    parts = (_normalisation, _output, _bad, _cure, _silent)
    return [*(sentence for part in parts for sentence in part(found)), *found.notes]


def describe_cause(site: SiteError) -> str:
    """Return in a clause where a site's own error comes from."""
    clipped, lost = _percent(site.clipped), _percent(site.lost)
    threshold = f"the threshold ({site.threshold.mean:.3g} on average, for activations up to {site.largest:.3g})"
    return {
        "operators": "what lies between the neurons before and this one does not give what it gives in the network, "
        "because weights were changed or because an operator there is analog",
        "clipping": f"{clipped} of the values are beyond what its neurons can send, because {threshold} is too low or "
        "too few spikes are allowed",
        "quantisation": f"what its neurons can send is too coarse, and nothing at all is sent for {lost} of the "
        f"activations that are not zero, because {threshold} is too high or the timesteps are too few",
        "timing": "spikes come too early or too late, so that what is sent is not what a steady input of the same size "
        "would give",
    }[site.cause]


def _normalisation(found: Diagnosis) -> Iterator[str]:
    normalisation = found.normalisation
    if normalisation is None:
        return
    scale = normalisation.found
    yield (
        f"The data does not fit the weights: what batch norm '{scale.module}' reads lies {scale.shift:.3g} standard "
        f"deviations from what it read in training and varies {scale.width:.3g} times as much. "
        + _better(normalisation)
    )


def _better(normalisation: Normalisation) -> str:
    if normalisation.better is None or normalisation.then is None:
        return "None of the usual normalisations brings it back: look up how the weights were trained."
    then = normalisation.then
    return f"Mended by this: {normalisation.better} ({then.shift:.2g} deviations and {then.width:.3g} times then)."


def _output(found: Diagnosis) -> Iterator[str]:
    yield (
        f"After T = {found.timesteps} the output differs from the network's own by {_percent(found.output)} of its "
        f"size, on {found.samples} samples."
    )


def _bad(found: Diagnosis) -> Iterator[str]:
    if sentence := describe_first_bad(found.sites):
        yield sentence


def describe_first_bad(sites: Sequence[SiteError]) -> str:
    """Return in sentences which layer is the first bad one, or that none is; nothing where none has a signal."""
    bad, worst = first_bad(sites), worst_of(sites)
    if bad:
        return (
            f"The first bad layer is '{bad.site}': what goes wrong there alone is {_percent(bad.own)} of its "
            f"activation. Most of it is {bad.cause}: {describe_cause(bad)}."
        )
    if worst is None:
        return ""
    last = next(site for site in reversed(sites) if not site.is_silent)
    return (
        f"No layer is bad by itself: the largest error that arises in one is {_percent(worst.own)} of its activation "
        f"('{worst.site}', {worst.cause}). Together they have come to {_percent(last.error)} at '{last.site}'."
    )


def _cure(found: Diagnosis) -> Iterator[str]:
    bad, cure, everywhere = found.bad, found.cure, found.cure_everywhere
    if bad is None or not found.tried:
        return
    if cure is None:
        yield f"None of the {len(found.tried)} knobs tried there lowers the error of '{bad.site}'."
        return
    enough = "" if cure.mends else ", which is not enough"
    yield f"Tried: {cure.words} lowers the error there from {bad.error:.3g} to {cure.error:.3g}{enough}. {cure.how}"
    if everywhere:
        what = "lowers" if everywhere.output < found.output else "does not lower"
        times = everywhere.events / found.events if found.events else 0.0
        yield (
            f"With {everywhere.words} it {what} the output's error: {found.output:.3g} before, "
            f"{everywhere.output:.3g} then, at {times:.2g} times the events."
        )


def _silent(found: Diagnosis) -> Iterator[str]:
    silent = [f"'{site.site}'" for site in found.sites if site.is_silent]
    if silent:
        more = f" and {len(silent) - NAMED} more" * (len(silent) > NAMED)
        yield (
            "Silent in the network itself on these samples, which its weights or the data do and no conversion can "
            f"mend: {', '.join(silent[:NAMED])}{more}."
        )


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 10 else f"{share:.3g} times"
