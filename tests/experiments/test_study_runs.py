"""The commands of the study: each composes, winners are chosen by validation, stress is stress."""

import re
from pathlib import Path

import pytest

from gan_zoo.config.compose import compose_config
from gan_zoo.config.search import Choice, Interval
from gan_zoo.experiments import study_runs
from tests.report.conftest import write_run


@pytest.fixture(scope="module")
def stress():
    return list(study_runs.stress())


def test_every_stress_command_composes_and_changes_one_thing(stress):
    """Of two losses of each command: rates, momentum, norm, critic steps or images."""
    usual = {loss: compose_config([f"loss={loss}"]) for loss in ("bce", "wgan")}
    seen = set()
    for words in stress:
        rest = [word for word in words if not word.startswith("loss=")]
        named = [word for word in words if word.startswith("loss=")]
        for loss in ("bce", "wgan"):
            if named and loss not in named[0].removeprefix("loss=").split(","):
                continue
            harsh, own = compose_config([f"loss={loss}", *rest]), usual[loss]
            rates = {
                round(harsh.optimizer[each].lr / own.optimizer[each].lr, 6)
                for each in ("discriminator", "generator")
            }
            found = {
                "rates": rates - {1},
                "norm": {harsh.model.generator.norm} - {own.model.generator.norm},
                "n_critic": {harsh.trainer.n_critic} - {own.trainer.n_critic},
                "images": {harsh.data.get("train")} - {None},
                "beta1": set(harsh.optimizer.discriminator.get("betas", [])[:1])
                - set(own.optimizer.discriminator.get("betas", [])[:1]),
            }
            (changed,) = [(key, *values) for key, values in found.items() if values]
            seen.add((loss, *changed))
    both = [("rates", 5.0), ("rates", 0.2), ("norm", "none"), ("images", 500), ("images", 2000),
            ("images", 10000)]  # fmt: skip
    assert seen == {(loss, *each) for loss in ("bce", "wgan") for each in both} | {
        ("bce", "n_critic", 5), ("wgan", "n_critic", 1), ("bce", "beta1", 0.9),
    }  # fmt: skip


def test_every_stress_setting_has_each_loss_once_but_for_momentum(stress):
    everyone = next(w for w in stress if w[1:] == ["model.generator.norm=none"])
    losses = str(compose_config(everyone, with_hydra=True).hydra.sweeper.params.loss).split(",")
    assert len(losses) >= 8
    groups: dict[str, list[str]] = {}
    for words in stress:
        named = [word.removeprefix("loss=") for word in words if word.startswith("loss=")]
        key = next(w for w in words[1:] if not w.startswith(("loss=", "data=")))
        mine = named[0].split(",") if named else losses
        factor = float(words[-1].split("=")[1]) > 2e-3 if "lr=" in key else None
        name = f"{key.split('=')[0]} {factor}" if "data.train" not in key else key
        groups.setdefault(name, []).extend(mine)
    for name, found in groups.items():
        adam_only = "betas" in name
        assert len(found) == len(set(found))
        assert adam_only or sorted(found) == sorted(losses), name


def test_few_images_are_measured_as_often_as_many(stress):
    few = [words for words in stress if "data=mnist_few" in words]
    for words in few:
        config = compose_config(words)
        updates = config.evaluation.every * (config.data.train // config.trainer.batch_size)
        assert 700 <= updates <= 781
        assert config.trainer.checkpoint_every == config.evaluation.every


def searched(folder, loss, value, word, status="finished", seed=0):
    words = ["experiment=study_search", word]
    best = {"generator": {"epoch": 1, "metric": "fid", "value": value}}
    run = folder / f"{loss}-{word}-{seed}"
    write_run(run, loss, seed, status, {"fid_m_test_1k": 100 - (value or 0)}, words, best=best)


def test_the_winner_has_the_best_validation_whatever_the_test_says(tmp_path):
    for number, value in enumerate([9.0, 5.0, 7.0]):
        searched(tmp_path, "bce", value, f"a={number}")
        searched(tmp_path, "wgan", 20.0 - value, f"a={number}")
    searched(tmp_path, "bce", 1.0, "a=3", "diverged")
    searched(tmp_path, "bce", 1.0, "a=4", "failed")
    bce, wgan = study_runs.winners(tmp_path)
    assert (bce.loss, bce.words, bce.value, bce.settings, bce.lost) == ("bce", ("a=1",), 5.0, 5, 2)
    assert (wgan.words, wgan.value) == (("a=0",), 11.0)


def test_with_several_seeds_the_mean_decides(tmp_path):
    for seed, (a, b) in enumerate([(1.0, 4.0), (9.0, 5.0)]):
        searched(tmp_path, "bce", a, "a=0", seed=seed)
        searched(tmp_path, "bce", b, "a=1", seed=seed)
    (winner,) = study_runs.winners(tmp_path)
    assert (winner.words, winner.value) == (("a=1",), 4.5)


def test_a_loss_without_a_value_has_no_winner(tmp_path, capsys):
    searched(tmp_path, "bce", 1.0, "a=0", "diverged")
    searched(tmp_path, "wgan", 2.0, "a=0")
    assert [winner.loss for winner in study_runs.winners(tmp_path)] == ["wgan"]
    assert "bce: none of 1 settings has a value" in capsys.readouterr().err
    with pytest.raises(ValueError, match="holds no run: the winners come from the search"):
        study_runs.winners(tmp_path / "none")


def test_a_drawn_setting_of_every_range_is_a_command_of_the_winners(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lr = Interval(1e-4, 1e-2, log=True).at(0.3)
    words = [f"optimizer.discriminator.lr={lr}", f"optimizer.generator.lr={lr}",
             f"trainer.n_critic={Choice(('1', '5')).at(0.7)}"]  # fmt: skip
    best = {"generator": {"epoch": 1, "metric": "fid", "value": 3.0}}
    write_run(Path("multirun/study_search/x"), "bce", 0, "finished", {},
              ["experiment=study_search", *words], best=best)  # fmt: skip
    study_runs.main(["stage=winners"])
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("python run.py ")]
    config = compose_config(line.split()[2:], with_hydra=True)
    assert config.optimizer.generator.lr == config.optimizer.discriminator.lr == float(lr)
    assert config.trainer.n_critic == 5
    assert config.hydra.sweeper.params.seed == "range(100,105)"
    assert config.sweep_name == "study_winners"


def test_all_commands_are_printed_in_order(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study_runs.main([])
    out = capsys.readouterr().out
    named = re.findall(r"experiment=study_(\w+)", out)
    assert list(dict.fromkeys(named)) == ["mnist", "fashion", "search", "stress"]
    assert "# mnist: no run is published" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [(["stage=five"], "stage is 'five'; allowed: mnist, fashion"), (["stag=mnist"], "stage="),
     (["stage=winners"], "holds no run")],
)  # fmt: skip
def test_a_mistake_is_told(words, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=told):
        study_runs.main(words)


def test_runs_are_run_and_what_did_not_finish_is_told(monkeypatch, tmp_path, capfd):
    (tmp_path / "run.py").write_text("import sys; print('ran', *sys.argv[1:]); sys.exit(1)\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="not all runs finished in: mnist"):
        study_runs.main(["stage=mnist", "run=true"])
    assert "ran experiment=study_mnist" in capfd.readouterr().out
