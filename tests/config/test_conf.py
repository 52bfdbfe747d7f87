"""Configurations are tested as code: every file composes, is strict and builds what it says."""

import re
from functools import cache
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from gan_zoo.cli import train
from gan_zoo.config.build import instantiate
from gan_zoo.config.compose import VERSION_BASE, check_choices
from gan_zoo.config.schema import Config
from gan_zoo.config.validate import check_targets
from gan_zoo.models.acgan import Discriminator
from gan_zoo.types import Batch, ConfigurationError, CriticStep

CONF = Path(__file__).parents[2] / "conf"
GROUPS = ["aux", "evaluation", "labels", "latents", "loss", "model", "optimizer", "regularizer",
          "schedules", "tracker", "trainer"]  # fmt: skip
TOP_LEVEL = {"seed", "device", "data", "model", "latents", "labels", "loss", "regularizer",
             "optimizer", "trainer", "aux", "evaluation", "after_sweep", "resume",
              "schedules", "sweep_name", "tracker", "deterministic", "capture",
              "profile"}  # fmt: skip


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def composed(*overrides: str):
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = compose("config", overrides=list(overrides), return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        return config


def jobs(experiment: str, *given: str) -> list[list[str]]:
    """The jobs of a sweep in their order, each with its overrides."""
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        sweeper = compose("config", overrides=[experiment], return_hydra_config=True).hydra.sweeper
        words = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    return BasicSweeper.split_arguments(parser.parse_overrides([*words, *given]), None)[0]


@cache
def checked(*overrides: str):
    """The job's own strictness: onto the schema, every key known to its target."""
    config = composed(*overrides)
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    plain = OmegaConf.to_container(config, resolve=True)
    strict = OmegaConf.merge(OmegaConf.structured(Config), plain)
    check_targets(plain)
    for group in ("trainer", "aux", "evaluation"):
        OmegaConf.to_object(strict[group])
    return plain


@pytest.mark.parametrize(
    "choice", [f"{group}={name}" for group in GROUPS for name in options(group)]
)
def test_every_option_composes_and_builds(choice):
    plain = checked(choice)
    assert set(plain) == TOP_LEVEL
    for key in ("loss", "regularizer", "latents", "labels"):
        instantiate(plain[key])
    for network in ("generator", "discriminator"):
        optimizer = instantiate(plain["optimizer"][network])
        optimizer([torch.zeros(1, requires_grad=True)])


@pytest.mark.parametrize("name", options("data"))
def test_every_data_set_composes(name):
    checked(f"data={name}")


@pytest.mark.parametrize("name", options("debug"))
def test_debugging_wins_over_an_experiment_and_the_command_line_over_both(name):
    checked(f"debug={name}", "loss=wgan")
    config = composed("experiment=compare_families", f"debug={name}", "trainer.keep_checkpoints=7")
    assert config.evaluation.final_samples <= 1000 < composed().evaluation.final_samples
    assert config.trainer.epochs < 10
    assert config.trainer.keep_checkpoints == 7
    motion = composed("experiment=lesson_dirac", f"debug={name}")  # needs all weights
    assert (motion.evaluation.motion, motion.trainer.keep_checkpoints) == (True, None)


@pytest.mark.parametrize(
    ("words", "loader", "refused"),
    [
        ([], "mnist.load_mnist", None),
        (["data@data.of=folder", "data.of.root=x"], "folder.load_folder", None),
        (["experiment=ring8", "data@data.of=ring"], "toys.ring", None),
        (["data=folder", "data.root=x"], None, r"is the whole data set.*as data@data\.of=folder"),
    ],
)
def test_one_batch_of_any_data_set_can_be_learnt_by_heart(words, loader, refused):
    config = composed("debug=overfit_batch", *words)
    if refused is None:
        check_choices(config.hydra)
        assert config.data._target_ == "gan_zoo.data.one_batch.one_batch"
        assert config.data.of._target_ == f"gan_zoo.data.{loader}"
        return
    with pytest.raises(ConfigurationError, match=refused):
        check_choices(config.hydra)


@pytest.mark.parametrize("name", options("experiment"))
def test_every_experiment_composes(name):
    """Compose it with each loss that its sweep lists; that all losses compose is tested above."""
    found = jobs(f"experiment={name}")
    every = {word for words in found for word in words} >= {f"loss={o}" for o in options("loss")}
    for overrides in found[:1] if every else found:
        checked(f"experiment={name}", *(word for word in overrides if "seed=" not in word))


@pytest.mark.parametrize(("name", "seeds"), [("study_mnist", 10), ("study_fashion", 5)])
def test_the_study_trains_every_loss_seed_by_seed(name, seeds):
    losses = options("loss")
    expected = [[f"seed={seed}", f"loss={loss}"] for seed in range(seeds) for loss in losses]
    assert jobs(f"experiment={name}") == expected
    few = jobs(f"experiment={name}", "loss=wgan,bce", "seed=3,1")
    assert few == [[f"seed={seed}", f"loss={loss}"] for seed in (3, 1) for loss in ("wgan", "bce")]


@pytest.mark.parametrize("name", [name for name in options("experiment") if "study" in name])
def test_the_study_keeps_the_recipes_and_runs_one_thread_per_worker(name):
    for loss in ("bce", "wgan", "r1"):
        study, usual = composed(f"experiment={name}", f"loss={loss}"), composed(f"loss={loss}")
        for key in ("loss", "model", "optimizer", "regularizer", "aux", "latents", "labels"):
            assert study[key] == usual[key]
        changed = {key for key in usual.trainer if study.trainer[key] != usual.trainer[key]}
        assert changed == {"threads", "keep_checkpoints", "precision"}
        assert study.trainer.threads == 1
        assert study.evaluation.every == 1
        assert study.sweep_name == name
        assert study.hydra.launcher._target_.endswith("ProcessLauncher")
        assert study.hydra.launcher.n_jobs == -1
    assert composed("experiment=study_mnist", "sweep_name=mine").hydra.sweep.dir == "multirun/mine"


def test_the_study_s_search_tries_every_loss_that_has_ranges():
    assert [words[1] for words in jobs("experiment=study_search")] == [
        f"loss={name}" for name in options("search")
    ]
    assert composed("experiment=study_search").hydra.sweeper.budget == 12


@pytest.mark.parametrize("name", options("model"))
def test_every_model_builds(name):
    plain = checked(f"model={name}")
    shape = {"image_shape": (1, 28, 28), "num_classes": 10}
    for network in ("generator", "discriminator"):
        built = instantiate(plain["model"][network])(**shape)
        assert sum(p.numel() for p in built.parameters()) > 0


@pytest.mark.parametrize("name", options("loss"))
def test_every_loss_file_states_its_paper_command_expectation_and_deviations(name):
    header = re.match(r"(#.*\n)+", (CONF / "loss" / f"{name}.yaml").read_text()).group()
    assert header.startswith("# @package _global_\n")
    for word in ("Paper:", f"python run.py loss={name}", "Expect:", "Deviation"):
        assert word in header, f"conf/loss/{name}.yaml does not say {word}"


@pytest.mark.parametrize("name", options("loss"))
def test_every_recipe_takes_a_critic_step(name):
    """Loss and regularizer of the recipe work together on a small critic."""
    plain = checked(f"loss={name}")
    loss = instantiate(plain["loss"])
    regularizer = instantiate(plain["regularizer"])
    torch.manual_seed(0)
    critic = Discriminator(image_shape=(1, 8, 8), num_classes=3, width=0.1)
    labels = torch.tensor([0, 1, 2, 0, 1])
    real, fake = (Batch(torch.rand(5, 1, 8, 8), labels) for _ in range(2))
    for batch in (real, fake):
        batch.images.requires_grad_(regularizer.needs_image_gradients)
    scores = critic(torch.cat([real.images, fake.images])).scores
    step = CriticStep(real, fake, scores[:5], scores[5:], torch.Generator().manual_seed(0))
    total = loss.discriminator(scores[:5], scores[5:]) + regularizer.penalty(critic, step)
    total.backward()
    assert total.ndim == 0
    assert all(p.grad.isfinite().all() for p in critic.adversarial_parameters())
    regularizer.constrain(critic)


def test_the_loss_brings_its_recipe_and_the_command_line_wins():
    paper = composed("loss=wgan", "tuned=paper")
    assert paper.regularizer.clip == 0.01
    for network in ("discriminator", "generator"):
        assert paper.optimizer[network]["_target_"] == "torch.optim.RMSprop"
        assert paper.optimizer[network].lr == 5e-5
    assert paper.trainer.n_critic == 5
    changed = composed("loss=wgan", "trainer.n_critic=2", "optimizer=adam", "regularizer.clip=0.2")
    assert changed.trainer.n_critic == 2
    assert changed.optimizer.generator["_target_"] == "torch.optim.Adam"
    assert changed.regularizer.clip == 0.2
    assert "clip" not in composed("loss=wgan", "regularizer=none", "tuned=paper").regularizer


def test_tuning_belongs_to_the_default_model_alone():
    full = composed("loss=wgan", "model=acgan")
    assert full.optimizer.generator.lr == 5e-5
    assert full.trainer.n_critic == 5
    default = composed("loss=wgan")
    assert default.optimizer.generator.lr == 2e-3
    assert default.trainer.n_critic == 2
    assert default.regularizer.clip == full.regularizer.clip == 0.01


def test_the_default_recipe_and_that_the_command_line_wins():
    default = composed()
    assert default.optimizer.discriminator.lr == 1e-3
    assert default.optimizer.generator.lr == 2e-3
    assert default.trainer.lr_decay == 0.5
    assert default.trainer.ema_decay == 0.999
    assert composed("trainer.lr_decay=0").trainer.lr_decay == 0
    assert composed("optimizer.discriminator.lr=1e-4").optimizer.discriminator.lr == 1e-4


@pytest.mark.parametrize("name", ["adam_dragan", "adam_r3gan", "adam_wgan_gp", "rmsprop", "sgd"])
def test_published_optimizers_have_one_rate_for_both_networks(name):
    found = composed(f"optimizer={name}", "optimizer.discriminator.lr=3e-4").optimizer
    assert found.generator.lr == found.discriminator.lr == 3e-4


def test_the_document_s_recipe():
    config = composed("experiment=acgan_document")
    assert config.trainer.epochs == 50
    assert config.trainer.batch_size == 100
    assert config.trainer.generator_batch_size == 200
    assert config.model.generator.width == config.model.discriminator.width == 1
    for network in ("discriminator", "generator"):
        assert config.optimizer[network].lr == 2e-4
        assert config.optimizer[network].betas == [0.5, 0.999]
    assert (config.aux.weight_d, config.aux.weight_g, config.aux.on_fake) == (1, 1, True)


def test_local_values_are_taken_where_neither_experiment_nor_command_line_has_others(tmp_path):
    (tmp_path / "local").mkdir()
    values = "# @package _global_\ndevice: cpu\ntrainer:\n  threads: 3\n  epochs: 7\n"
    (tmp_path / "local/default.yaml").write_text(values)
    search = f"hydra.searchpath=[file://{tmp_path}]"
    config = composed(search, "experiment=acgan_document", "trainer.threads=2")
    assert (config.device, config.trainer.epochs, config.trainer.threads) == ("cpu", 50, 2)
    assert composed(search).trainer.threads == 3
    with pytest.raises(ConfigurationError, match="there is no 'defalt' in the group 'local'"):
        check_choices(composed(search, "local=defalt").hydra)


def test_a_run_s_identity_is_what_determines_its_numbers():
    base = train.identity(composed("seed=1"))
    assert base == train.identity(composed("seed=1", "device=cpu", "hydra.run.dir=/tmp/elsewhere"))
    assert base == train.identity(composed("seed=1", "tracker=tensorboard", "profile=3"))
    others = [train.identity(composed(o)) for o in ("seed=2", "loss=lsgan", "trainer.epochs=3")]
    assert len({base, *others}) == 4
