"""A sweep is so many complete runs, and all of its faults are said at once."""

from __future__ import annotations

import pytest

from snnfw.config.resolution import resolve
from snnfw.config.sweep import resolve_sweep
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw_plugins.launchers.processes import Local

WORDS = ["task=classification", "model=digits-vgg"]


def test_every_job_is_a_run_of_its_words() -> None:
    registry = Registry()
    words = [*WORDS, "plugin=rate,signed", "timesteps=1,2", "launcher=local", "launcher.workers=2", "out=there"]
    config = resolve_sweep(words, registry)
    assert [job.name for job in config.jobs] == [
        *("rate_timesteps=1", "rate_timesteps=2", "signed_timesteps=1", "signed_timesteps=2"),
    ]
    assert (config.launcher, str(config.out)) == (Local(workers=2), "there")
    second = config.jobs[1]
    assert second.words == (*WORDS, "plugin=rate", "timesteps=2")
    assert dict(second.values) == {"plugin": "rate", "timesteps": "2"}
    assert second.config == resolve(second.words, registry)
    assert config.resolved["axes"] == {"plugin": ["rate", "signed"], "timesteps": ["1", "2"]}
    assert config.resolved["jobs"]["rate_timesteps=2"]["timesteps"] == 2
    assert not {"out", "launcher"} & config.resolved["jobs"]["rate_timesteps=2"].keys()


def test_a_first_look_is_short_in_every_job() -> None:
    config = resolve_sweep([*WORDS, "plugin=rate,adafire"], Registry(), quick=True)
    assert all("task.limit=64" in job.words for job in config.jobs)
    assert "search=null" in config.jobs[1].words


def test_names_are_one_job_each_whatever_the_file_system_makes_of_capitals() -> None:
    config = resolve_sweep([*WORDS, "plugin=rate", "model.weights=a.pt,A.pt,a/pt,a-pt"], Registry())
    assert [job.name for job in config.jobs] == [
        *("model.weights=a.pt", "model.weights=A.pt-2", "model.weights=a-pt", "model.weights=a-pt-2"),
    ]


def test_all_faults_are_said_at_once() -> None:
    with pytest.raises(SnnfwError) as caught:
        resolve_sweep([*WORDS, "plugin=rat,signed", "timesteps=1,2,4,8,0"], Registry())
    first, *others = str(caught.value).splitlines()
    assert first == "6 of 10 combinations cannot be run, and none was started."
    assert others[0].startswith(
        "  rat_timesteps=1, rat_timesteps=2, rat_timesteps=4 and 2 more: no plugin named 'rat'."
    )
    assert others[1] == "  signed_timesteps=0: timesteps=0 is not allowed: it must be at least 1."
    assert len(others) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["plugin=rate,signed", "timestep=1"], "no key named 'timestep'. Did you mean 'timesteps'?"),
        (["plugin=rate,signed", "launcher=rai"], "no launcher named 'rai'. Did you mean 'ray'?"),
        (["plugin=rate,signed", "timesteps"], "'timesteps' is not of the form key=value."),
    ],
)
def test_what_all_share_is_refused_too(words: list[str], sentence: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        resolve_sweep([*WORDS, *words], Registry())
    assert sentence in str(caught.value)
