"""Whatever a configuration says, it is refused in one line or trains; never a traceback."""

import copy
import math
import os
import re
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_zoo.cli import train
from gan_zoo.config.build import build
from gan_zoo.config.compose import VERSION_BASE, config_folder
from gan_zoo.config.explain import LEAKS, MISTAKES, explain
from gan_zoo.runs.record import AlreadyFinished, read_record
from gan_zoo.types import ConfigurationError
from tests.cli.test_train import command

# Errors that the command line explains; what composes raises no plain ValueError.
REFUSALS = (HydraException, OmegaConfBaseException, ConfigurationError)
SHORT = ["device=cpu", "trainer.epochs=1", "trainer.max_steps=1", "trainer.batch_size=5",
         "trainer.generator_batch_size=5", "evaluation.samples=10", "evaluation.final_samples=10",
         "evaluation.loss_samples=5"]  # fmt: skip
POINTS = [*SHORT, "data=dirac", "data.samples=60", "model=mlp", "model.generator.hidden=[4]",
          "model.discriminator.hidden=[4]", "latents=normal"]  # fmt: skip
IMAGES = [*SHORT, "data._target_=my_data.images", "model.generator.width=0.01",
          "model.discriminator.width=0.04", "model.generator.latent_dim=3"]  # fmt: skip


@pytest.fixture(autouse=True)
def _memory(monkeypatch):
    """The same on every machine: how much there is decides what is refused as too large."""
    monkeypatch.setattr("gan_zoo.config.preflight.memory", lambda device: 8 * 2**30)


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))


USER_DATA = """
import torch
from gan_zoo.types import Dataset, Split

def images(root=None):
    rng = torch.Generator().manual_seed(0)
    def part(count):
        shape = (count, 1, 8, 8)
        return Split(torch.randint(0, 256, shape, generator=rng).byte(), torch.arange(count) % 3)
    return Dataset("tiny", 3, part(30), part(12), part(12))
"""


@pytest.fixture(scope="module", autouse=True)
def _user_data(tmp_path_factory):
    """Three classes of 8x8 images, from a module of the user's own."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "my_data.py").write_text(USER_DATA)
    sys.path.append(str(folder))
    yield
    sys.path.remove(str(folder))


def composed(overrides: list[str]):
    """What Hydra hands to a job, its own settings kept where a job finds them."""
    with initialize_config_dir(str(config_folder()), **VERSION_BASE):
        config = compose("config", overrides=overrides, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    OmegaConf.set_struct(config, True)
    return config


def attempt(overrides: list[str], folder: Path) -> str:
    """Train as the command line does; the refusal in one line, or how the run ended."""
    try:
        train.train(composed(overrides), folder)
    except REFUSALS as error:
        message = explain(error)
        assert message.strip()
        assert "\n" not in message
        return f"refused: {message}"
    return read_record(folder).status


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Bases that between them use every kind of number there is.
BASES = {
    "alpha": [*POINTS, "loss=fgan_alpha"],
    "jensen_shannon": [*POINTS, "loss=fgan_jensen_shannon_weighted", "optimizer=sgd"],
    "clipped": [*POINTS, "loss=wgan"],
    "penalised": [*POINTS, "loss=wgan_gp"],
    "lipschitz": [*POINTS, "loss=wgan_lp"],
    "wgan_div": [*POINTS, "loss=wgan_div"],
    "dragan": [*POINTS, "loss=dragan"],
    "zero_gp": [*POINTS, "loss=zero_gp"],
    "r1_lecam": [*POINTS, "regularizer=r1_lecam"],
    "r2": [*POINTS, "loss=r2"],
    "r3gan": [*POINTS, "loss=r3gan"],
    "lecam": [*POINTS, "loss=lecam"],
    "affine": [*SHORT, "data=gaussian_mixture_1d", "data.samples=60", "model=affine"],
    "dirac": [*SHORT, "data=dirac", "data.samples=60", "model=dirac", "optimizer=sgd"],
    "ring": [*SHORT, "data=ring", "data.samples=60", "model=mlp"],
    "grid": [*SHORT, "data=grid", "data.samples=60", "model=mlp"],
    "swiss_roll": [*SHORT, "data=swiss_roll", "data.samples=60", "model=mlp"],
    "acgan": [
        *IMAGES,
        "loss=bce_smoothed",
        "model=acgan",
        "model.generator.width=0.1",
        "model.discriminator.width=0.1",
    ],
    "lsgan": [*IMAGES, "loss=lsgan", "trainer.ema_decay=0.5", "trainer.gradient_clip=1"],
    "small": [*IMAGES, "loss=sngan", "trainer.keep_checkpoints=1", "trainer.threads=1"],
}
# What may be negative; everything else is a size, a rate, a weight or a share.
SIGNED = re.compile(r"loss\.(a|b|c|divergence\.alpha)|latents\.(low|high)"
                    r"|model\.generator\.(mu|theta)|model\.discriminator\.psi")  # fmt: skip
# Keys that a larger value only makes slower, not wrong: not to be tried with huge ones.
LONG = ("trainer.epochs", "trainer.max_steps")
EXAMPLES = int(os.environ.get("GAN_ZOO_EXAMPLES", "220"))
PICTURES = ("loss_curve", "sample_scatter")


@pytest.fixture
def _no_figures(monkeypatch):
    """Drawing takes longer than these trainings, and has tests of its own."""
    for name in PICTURES:
        monkeypatch.setattr(f"gan_zoo.training.run_writer.{name}", lambda *_: b"")


@cache
def base(name: str):
    return composed(BASES[name])


@cache
def hydra_settings(name: str):
    composed(BASES[name])
    return HydraConfig.instance().cfg


def changed(name: str, changes: dict[str, object]):
    """The composed base with some values changed, as Hydra's overrides change them."""
    config = copy.deepcopy(base(name))
    for key, value in changes.items():
        OmegaConf.update(config, key, value, merge=False)
    return config


def numbers(node: object, where: str = "") -> list[str]:
    """The keys of all numbers and of all lists of numbers."""
    if isinstance(node, dict):
        return [k for name, child in node.items() for k in numbers(child, f"{where}.{name}")]
    if isinstance(node, list) and node and isinstance(node[0], dict):
        return [k for i, child in enumerate(node) for k in numbers(child, f"{where}[{i}]")]
    first = node[0] if isinstance(node, list) and node else node
    number = isinstance(first, int | float) and not isinstance(first, bool)
    return [where] if number else []


@cache
def keys(name: str) -> list[str]:
    found = numbers(OmegaConf.to_container(base(name), resolve=True))
    return [key.removeprefix(".") for key in found]


def refused(name: str, key: str, value: object) -> str:
    known = OmegaConf.select(base(name), key)
    try:
        build(changed(name, {key: [value] * len(known) if OmegaConf.is_list(known) else value}))
    except REFUSALS as error:
        return explain(error)
    pytest.fail(f"{key}={value} was built")


def test_every_number_has_a_range_and_a_type():
    seen = set()
    for name in BASES:
        for key in keys(name):
            owner = OmegaConf.select(base(name), f"{key.rpartition('.')[0]}._target_")
            if (owner, key) in seen:
                continue
            seen.add((owner, key))
            for value in (math.nan, "many"):
                message = refused(name, key, value)
                assert "\n" not in message
                assert key in message, message
            if not SIGNED.fullmatch(key):
                message = refused(name, key, -1)
                assert key.rpartition(".")[2] in message
                assert "-1" in message
                assert re.search("must be|allowed", message), message
    assert len(seen) > 80


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e39, -(10**40)])
def test_no_number_exceeds_what_float32_and_a_record_hold(value):
    for key in ("trainer.lr_decay", "regularizer.weight", "optimizer.discriminator.lr"):
        assert f"{key} must be finite" in refused("penalised", key, value)


TARGETS = [
    "builtins.dict", "collections.OrderedDict", "os.getcwd", "no_such.Thing", "gan_zoo", "", ".",
    "gan_zoo.losses.bce.Bce", "gan_zoo.models.latents.Uniform", "gan_zoo.models.mlp.Generator",
    "gan_zoo.regularizers.gradient_penalties.R1", "gan_zoo.data.toys.ring", "torch.optim.LBFGS",
    "a..b", "5", "torch.optim.SparseAdam", "torch.nn.Identity", "torch.nn.Linear", "my_data.images",
    "builtins.print", "math.pi",
]  # fmt: skip
VALUES = [math.nan, math.inf, -math.inf, -1, -0.5, 0, 0.5, 1, 1.5, 10**9, 10**12, 2**63, 10**30,
          10**400, 1e30, 1e300, -1e300, 1e-300, True, False, None, "", "many", "1", "nan", [], [1],
          [0.5, 0.5], [1, 1, 1, 1], [-1, 0], ["a"], {}, {"a": 1}, "???", "${nothing}"]  # fmt: skip

GIVEN = st.one_of(st.sampled_from(VALUES), st.floats(-1, 4), st.integers(-1, 6))


def key_of(data: st.DataObject, name: str) -> str:
    """A key of the base: a number's, or any other's."""
    others = ["model.generator.activation", "evaluation.metrics", "evaluation.extractor", "device",
              "evaluation.loss_split", "after_sweep", "trainer.simultaneous", "aux", "trainer",
              "latents", "model.generator.latent_dim", "data.root", "trainer.threads",
              "model.discriminator", "optimizer.generator", "loss", "model.discriminator.dropout",
              "trainer.gradient_clip", "trainer.ema_decay",
              "evaluation.reference_scores"]  # fmt: skip
    known = [k for k in others if OmegaConf.select(base(name), k, default=others) is not others]
    groups: dict[str, list[str]] = {}
    for key in (*keys(name), *known):
        groups.setdefault(key.partition(".")[0], []).append(key)
    group = data.draw(st.sampled_from(sorted(groups)), "group")
    return data.draw(st.sampled_from(groups[group]), "key")


def misspelt(data: st.DataObject, key: str) -> str:
    """The key with a letter missing, doubled or put in."""
    place = data.draw(st.integers(0, len(key) - 1), "place")
    letters = data.draw(st.sampled_from(["", key[place] * 2, f"{key[place]}x"]), "letters")
    return key[:place] + letters + key[place + 1 :]


def sane(key: str, value: object) -> bool:
    """Not a training of days, which would be right, too."""
    huge = isinstance(value, int | float) and not isinstance(value, bool) and value >= 10
    return not (key in LONG and (huge or value is None))


def refusal_or_run(name: str, config: DictConfig, folder: Path) -> str:
    """As ``attempt``, but from the composed base."""
    HydraConfig.instance().set_config(hydra_settings(name))
    try:
        train.train(config, folder)
    except REFUSALS as error:
        message = explain(error)
        assert message.strip()
        assert "\n" not in message
        assert not list(folder.rglob("*.safetensors")), "refused after it was trained"
        return "refused"
    return read_record(folder).status


@pytest.mark.usefixtures("_no_figures")
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(st.data())
def test_whatever_is_changed_it_is_refused_in_one_line_or_trains(data):
    name = data.draw(st.sampled_from(sorted(BASES)), "base")
    changes: dict[str, object] = {}
    for _ in range(data.draw(st.sampled_from([1, 1, 1, 2, 3]), "changes")):
        kind = data.draw(st.sampled_from(["value", "value", "value", "misspelt", "target"]), "kind")
        key, value = key_of(data, name), data.draw(GIVEN, "value")
        if kind == "misspelt":
            key = misspelt(data, key)
        elif kind == "target":
            targets = ["loss", "regularizer", "latents", "labels", "data", "model.generator",
                       "model.discriminator", "optimizer.generator"]  # fmt: skip
            key = f"{data.draw(st.sampled_from(targets), 'of')}._target_"
            value = data.draw(st.sampled_from(TARGETS), "target")
        if sane(key, value):
            changes[key] = value
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where) / "run"
        (folder / "samples").mkdir(parents=True)
        (folder / "samples/mine.txt").write_text("a file of the user's")
        try:
            config = changed(name, changes)
        except (*REFUSALS, *LEAKS) as error:  # what the command line does when it composes
            assert explain(error).strip()  # noqa: PT017
            event("not composed")
            return
        outcome = refusal_or_run(name, config, folder)
        event(outcome)
        assert outcome in ("refused", "finished", "diverged")
        before = contents(folder)
        assert before[folder / "samples/mine.txt"] == b"a file of the user's"
        if outcome != "refused":
            with pytest.raises(AlreadyFinished):
                refusal_or_run(name, config, folder)
            assert contents(folder) == before


MISSPELT = ["los", "losss", "+loss", "mode", "dat", "seeed", "trainer.epocs", "~loss", "hydra.job",
            "~trainer.epochs", "hydra/launcher"]  # fmt: skip
GROUPS = ["loss", "regularizer", "optimizer", "model", "data", "latents", "labels", "trainer",
          "aux", "evaluation", "+experiment", "tuned"]  # fmt: skip
WORDS = st.one_of(
    st.builds("{}={}".format, st.sampled_from(MISSPELT),
              st.sampled_from(["wgan", "1", "", "nan", "[", "{", "'", "${x}"])),
    st.builds("{}={}".format, st.sampled_from(GROUPS),
              st.sampled_from(["wgann", "", "null", "..", "../conf", "/etc/passwd", "5", "[bce]"])),
    st.text("abc=+~.{}[]$'\"\\ \n\0ü", max_size=12),
)  # fmt: skip


@settings(max_examples=EXAMPLES // 5, derandomize=True, deadline=None, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(st.lists(WORDS, min_size=1, max_size=2))
def test_whatever_the_command_line_says_the_mistake_is_reported_in_one_line(words):
    """Composition alone: what composes is a configuration like those above."""
    try:
        composed([*POINTS, *words])
    except (*MISTAKES, *LEAKS) as error:
        message = explain(error)
        assert message.strip()
        assert "\n" not in message
        event("refused")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("labels = labels + 1", "must be from 0 to 2, as there are 3 classes, got 1 to 3"),
        ("labels = labels - 1", "must be from 0 to 2, as there are 3 classes, got -1 to 1"),
        ("labels = labels.float()", "type torch.int64, got (30,) and torch.float32"),
        ("labels = labels[1:]", "the labels of train must have shape (30,)"),
        ("pixels = pixels / 255", "type torch.float32"),
        ("pixels = pixels[:, 0]", "got shape (30, 8, 8)"),
        ("pixels = pixels[:0]; labels = labels[:0]", "images of train must be at least one"),
        ("pixels = pixels[..., :count % 7 + 1]", "images of validation must have shape"),
        ("pixels = torch.full((count, 2), float('nan'))", "must be finite, got NaN or infinity"),
        ("raise KeyError('index.csv')", "data: 'index.csv'"),
    ],
)
def test_a_user_s_data_are_checked(tmp_path, monkeypatch, change, message):
    code = f"""
import torch
from gan_zoo.types import Dataset, Split

def images(root=None):
    def part(count):
        pixels = torch.zeros(count, 1, 8, 8, dtype=torch.uint8)
        labels = torch.arange(count) % 3
        {change}
        return Split(pixels, labels)
    return Dataset("mine", 3, part(30), part(12), part(12))
"""
    (tmp_path / "their_data.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "their_data", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        build(changed("acgan", {"data._target_": "their_data.images"}))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.generator._target_=gan_zoo.models.affine.DiracGenerator"], "unknown key 'model.g"),
        (
            [
                "model.generator._target_=gan_zoo.models.acgan.Generator",
                "~model.generator.hidden",
                "~model.generator.activation",
            ],
            "acgan needs images (C, H, W), got samples of shape (1,)",
        ),
        (["evaluation.metrics=[fid]"], "there is nothing to measure"),
        (["device=cuda:7"], "device must be auto or one of"),
        (["device=foo"], "(on this machine), got 'foo'"),
        (["trainer.batch_size=51"], "trainer.batch_size must be from 1 to 50"),
        (["model.generator.hidden=[1000000,1000000]"], "GB"),
        (
            ["evaluation.final_samples=1000001"],
            "evaluation.final_samples must be from 2 to 1000000, got 1000001",
        ),
        (["optimizer.generator._target_=torch.optim.LBFGS"], "unknown key 'optimizer.generator."),
        (["seed=-1"], "seed must be from 0 to 9223372036854775807, got -1"),
    ],
)
def test_what_does_not_fit_together_or_into_the_machine_is_refused(tmp_path, overrides, message):
    outcome = attempt([*POINTS, *overrides], tmp_path)
    assert outcome.startswith("refused: ")
    assert message in outcome


def test_metrics_are_checked_before_a_feature_network_is_trained():
    with pytest.raises(ConfigurationError, match="the metric 'fidd' is unknown"):
        build(changed("acgan", {"evaluation.metrics": ["fidd"]}))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimizer.discriminator.lr=inf"], "optimizer.discriminator.lr must be finite"),
        (["loss=null"], "group"),
        (["regularizer=r1_lecam", "regularizer.parts.x.gamma=1"], "Index 'x' (str) is not an int"),
        (["resume=never", "hydra.run.dir=damaged"], "cannot be read as JSON"),
    ],
)
def test_the_command_itself_ends_with_one_line(tmp_path, overrides, message):
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/record.json").write_text('{"schema_version": 2')
    done = command("run.py", *POINTS, "hydra.run.dir=run", *overrides, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    *before, line = done.stderr.splitlines()
    assert len(before) <= 1  # Hydra's, that the job failed
    assert line.startswith("gan_zoo: ")
    assert message in line
    assert (tmp_path / "damaged/record.json").read_text() == '{"schema_version": 2'
    for path in tmp_path.glob("run/record.json"):
        assert read_record(path.parent).status == "failed"
