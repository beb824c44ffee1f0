from __future__ import annotations

import shlex

import pytest

import toy_plugin
from snnfw.config.resolution import resolve
from snnfw.errors import SnnfwError
from snnfw.registry import Registry


@pytest.fixture
def registry() -> Registry:
    return Registry(plugins=[toy_plugin], entry_points=False)


def refusal(registry: Registry, *words: str) -> str:
    with pytest.raises(SnnfwError) as caught:
        resolve(words, registry)
    return str(caught.value)


OWN = "One of your own comes with load=[FILE.py]."
NEURONS = "Registered: burst, following, single."
NOTHING_SAYS = (
    "nothing says which neuron to use: give plugin=NAME, neuron=NAME or recipe=FILE. "
    "Registered plugins: ann, bursting, plain. Registered neurons: burst, following, single."
)
KEYS = (
    "Keys: backend, checkpoint, checkpoints, converter, data, device, devices, energy, exit, experiment, fitting,"
    " launcher, layers, load, memory, model, neuron, nodes, out, plugin, recipe, resume, save, search, seed, settled, "
    "strict, task, timesteps, tracker."
)
NO_EFFECT = "every rule of the layers names its own neuron. Leave the neuron out of the rules that it is meant for."
REFUSALS: dict[str, str] = {
    # names
    "neuron=brst": f"no neuron named 'brst'. Did you mean 'burst'? {NEURONS}",
    "plugin=bursti": "no plugin named 'bursti'. Did you mean 'bursting'? Registered: ann, bursting, plain.",
    "neuron=burst task=namin": "no task named 'namin'. Did you mean 'naming'? Registered: finding, naming.",
    "neuron=burst model=smal": ("no model named 'smal'. Did you mean 'small'? Registered: callable, small, zoo."),
    "neuron=burst model=zo/net": "no model named 'zo'. Did you mean 'zoo'? Registered: callable, small, zoo.",
    "neuron=burst data=digit": ("no data set named 'digit'. Did you mean 'digits'? Registered: digits, folder."),
    "neuron=burst data=a:b": f"no data set named 'a:b'. Registered: digits, folder. {OWN}",
    "neuron=burst exit=never": f"no exit policy named 'never'. Registered: confident. {OWN}",
    "neuron=burst search=gready": "no search named 'gready'. Did you mean 'greedy'? Registered: greedy.",
    "neuron=burst converter=none": "no converter named 'none': write converter=null for none.",
    "plugin=toy_plugin": (
        "plugin 'toy_plugin' has no preset: choose what it registers by name, see "
        "'snnfw plugins info toy_plugin'. Presets: ann, bursting, plain."
    ),
    # keys and parameters
    "neuron=burst timestep=4": f"no key named 'timestep'. Did you mean 'timesteps'? {KEYS}",
    "neuron=burst neuron.fi=4": (
        "neuron 'burst' has no parameter 'fi'. Did you mean 'phi'? Its parameters: phi, shift."
    ),
    "plugin=bursting neuron=single neuron.phi=4": (
        "neuron 'single' has no parameter 'phi'. Its parameters: threshold, leak."
    ),
    "neuron=burst model.size=4": "model 'small' has no parameter 'size'. It has none.",
    "neuron=burst energy.mac=1": (
        "energy model 'horowitz' has no parameter 'mac'. Did you mean 'mac_pj'? Its parameters: mac_pj, ac_pj, static, joules_per_spike."
    ),
    "neuron=burst model=zoo": "model 'zoo' needs a value for 'network': give model.network=...",
    # nothing said
    "": NOTHING_SAYS,
    "'layers=[{match: a}]'": NOTHING_SAYS,
    "neuron=burst task=null": "nothing says which task: give task=NAME. Registered: finding, naming.",
    "neuron.phi=4": (
        "neuron.phi=4 is given, but nothing says which neuron: give neuron=NAME. Registered: burst, following, single."
    ),
    "plugin=plain exit.margin=1": (
        "exit.margin=1 is given, but nothing says which exit policy: give exit=NAME. Registered: confident."
    ),
    "neuron=burst exit=": "'exit=' gives no value: write 'exit=null' for none.",
    # values
    "neuron=burst neuron.phi=0": "neuron.phi=0 is not allowed: it must be at least 1.",
    "neuron=burst neuron.phi=true": "neuron.phi=true is not allowed: it must be a whole number.",
    "neuron=burst neuron.phi=2.5": "neuron.phi=2.5 is not allowed: it must be a whole number.",
    "neuron=burst neuron.phi=many": "neuron.phi=many is not allowed: it must be a whole number.",
    "neuron=burst neuron.phi=null": "neuron.phi=null is not allowed: it must be a whole number.",
    "neuron=burst neuron.shift=1": "neuron.shift=1 is not allowed: it must be true or false.",
    "neuron=single neuron.leak=0": "neuron.leak=0 is not allowed: it must be greater than 0.",
    "neuron=single neuron.leak=1.5": "neuron.leak=1.5 is not allowed: it must be at most 1.",
    "neuron=single neuron.leak=.nan": "neuron.leak=NaN is not allowed: it must be at most 1.",
    "neuron=single neuron.threshold=mean": ("neuron.threshold=mean is not allowed: it must be 'max' or 'percentile'."),
    "neuron=burst model=zoo model.network=18": (
        "model.network=18 is not allowed: it must be text, in quotes if it looks like a number."
    ),
    "neuron=burst timesteps=0": "timesteps=0 is not allowed: it must be at least 1.",
    "neuron=burst timesteps=true": "timesteps=true is not allowed: it must be a whole number.",
    "neuron=burst timesteps=[4]": "timesteps=[4] is not allowed: it must be a whole number.",
    "neuron=burst checkpoints=true": "checkpoints=true is not allowed: it must be a list.",
    "neuron=burst checkpoints=[]": ("checkpoints=[] is not allowed: it must be a list of timesteps from 1 to 8."),
    "neuron=burst checkpoints=[0,4]": (
        "checkpoints=[0, 4] is not allowed: it must be a list of timesteps from 1 to 8."
    ),
    "neuron=burst checkpoints=[4,9]": (
        "checkpoints=[4, 9] is not allowed: it must be a list of timesteps from 1 to 8."
    ),
    "neuron=burst checkpoints=[4,late]": "checkpoints[1]=late is not allowed: it must be a whole number.",
    "neuron=burst backend=fast": "backend=fast is not allowed: it must be 'auto', 'reference', 'native' or 'cupy'.",
    "neuron=burst device=gpu": ("device=gpu is not allowed: it must be cpu, cuda, or one of several like cuda:1."),
    "neuron=burst seed=-1": "seed=-1 is not allowed: it must be at least 0.",
    "neuron=burst memory=2GB": (
        "memory=2GB is not allowed: it must be a number of bytes, or a number with a unit like 512MiB or 2GiB."
    ),
    "neuron=burst memory=0": "memory=0 is not allowed: it must be greater than 0.",
    "neuron=burst energy.ac_pj=-1": "energy.ac_pj=-1 is not allowed: it must be at least 0.",
    "neuron=burst energy=dear": f"no energy model named 'dear'. Registered: flat, horowitz. {OWN}",
    "neuron=burst energy=flat energy.mac_pj=2": "energy model 'flat' has no parameter 'mac_pj'. Did you mean 'each'? Its parameters: each.",
    "neuron=burst energy=null": "nothing says which energy model: give energy=NAME. Registered: flat, horowitz.",
    "neuron=burst energy=4": "energy=4 is not allowed: it must be a name, or a mapping with a name.",
    "neuron=4": "neuron=4 is not allowed: it must be a name, or a mapping with a name.",
    "neuron=burst plugin=[a]": 'plugin=["a"] is not allowed: it must be one name.',
    "neuron=burst load=4": "load=4 is not allowed: it must be a list of files, like load=[./mine.py].",
    "neuron=burst seed=${nothing}": ("the configuration cannot be read: Interpolation key 'nothing' not found."),
    # sources
    "neuron=burst model=small/net": (
        "model=small/net is not allowed: 'small' has no parameters, so write model=small."
    ),
    "neuron=burst model=zoo/a model.network=b": "model=zoo/a and model.network=b contradict each other.",
    "neuron=burst task=finding model=small": (
        "model 'small' does not serve task 'finding'. Models that do: callable, zoo."
    ),
    "neuron=burst task=finding data=digits": (
        "data set 'digits' does not serve task 'finding'. Data sets that do: folder."
    ),
    # layers
    "layers=4": "layers=4 is not allowed: it must be a list of rules, like [{match: '*', neuron: if}].",
    "'layers=[a]'": ("layers=[\"a\"] is not allowed: it must be a list of rules, like [{match: '*', neuron: if}]."),
    "'layers=[{mach: a}]' neuron=burst": (
        "layers[0] has no key 'mach'. Did you mean 'match'? Its keys: match, neuron, activation, optional."
    ),
    "'layers=[{neuron: burst}]'": "layers[0] needs a value for 'match': give layers[0].match=...",
    "'layers=[{match: 3, neuron: burst}]'": (
        "layers[0].match=3 is not allowed: it must be text, in quotes if it looks like a number."
    ),
    "'layers=[{match: a, neuron: burst, optional: 1}]'": (
        "layers[0].optional=1 is not allowed: it must be true or false."
    ),
    "'layers=[{match: a, neuron: {phi: 2}}]'": (
        "layers[0].neuron has no name: give it one, or leave the neuron out to follow neuron=NAME."
    ),
    "'layers=[{match: a, neuron: {name: burst, phi: 0}}]'": (
        "layers[0].neuron.phi=0 is not allowed: it must be at least 1."
    ),
    "'layers=[{match: a, neuron: brst}]'": f"no neuron named 'brst'. Did you mean 'burst'? {NEURONS}",
    "'layers=[{match: a, neuron: {name: keep, phi: 1}}]'": ("neuron 'keep' has no parameter 'phi'. It has none."),
    "'layers=[{match: a, neuron: burst}]' neuron.phi=2": f"neuron.phi=2 has no effect: {NO_EFFECT}",
    "'layers=[{match: a, neuron: burst}]' neuron=single": f"neuron=single has no effect: {NO_EFFECT}",
}


@pytest.mark.parametrize(("words", "sentence"), REFUSALS.items(), ids=list(REFUSALS))
def test_what_is_not_allowed_is_refused_in_one_sentence(registry: Registry, words: str, sentence: str) -> None:
    given = shlex.split(words)
    tasks = [] if any(word.startswith("task=") for word in given) else ["task=naming"]
    assert refusal(registry, *tasks, *given) == sentence


def test_a_run_needs_a_task(registry: Registry) -> None:
    assert refusal(registry, "neuron=burst") == (
        "nothing says which task: give task=NAME. Registered: finding, naming."
    )


def test_a_quarantined_plugin_says_why_it_cannot_be_used() -> None:
    registry = Registry(plugins=[toy_plugin, Registry], entry_points=False)
    assert refusal(registry, "task=naming", "plugin=Registry") == (
        "plugin 'Registry' is quarantined: it has no hook: mark its functions with @snnfw.hookimpl."
    )
