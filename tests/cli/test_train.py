"""The command line as a user types it, in processes of its own."""

import copy
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore

from docs import examples
from gan_zoo.cli import train
from gan_zoo.runs.lock import alive
from gan_zoo.runs.record import read_record
from tests.cli.shell import finish, start, wait_for, write_losses

ROOT = Path(__file__).parents[2]
TINY = ["trainer.epochs=1", "trainer.max_steps=2", "trainer.threads=1", "evaluation.samples=20",
        "evaluation.final_samples=20", "evaluation.loss_samples=20",
        "evaluation.reference_scores=false",
        "evaluation.metrics=[fid,label_accuracy]", "device=cpu", "model.generator.width=0.02",
        "model.discriminator.width=0.05"]  # fmt: skip


def command(script: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("HYDRA_FULL_ERROR", None)
    return subprocess.run(
        [sys.executable, str(ROOT / script), *arguments],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loss=wgann", "there is no 'wgann' in the group 'loss'. Did you mean 'wgan'?"),
        ("trainer.epocs=3", "unknown key 'trainer.epocs'. Did you mean 'epochs'?"),
        (
            "evaluation.floors=false",
            "unknown key 'evaluation.floors'. Did you mean 'reference_scores'?",
        ),
        ("trainer.compile=true", "unknown key 'trainer.compile'. Valid: batch_size,"),
        ("+trainer.epocs=3", "unknown key 'trainer.epocs'. Did you mean 'epochs'?"),
        ("+loss.smoothin=0.1", "unknown key 'loss.smoothin'"),
        ("data.root=/nowhere", "/nowhere"),
        ("trainer.epochs=-1", "trainer.epochs must be at least 1, got -1"),
        ("trainer.batch_size=0", "trainer.batch_size must be at least 1, got 0"),
        ("trainer.batch_size=60000", "batch_size must be from 1 to 50000"),
        ("trainer.epochs=many", "trainer.epochs: Value 'many'"),
        ("model.generator.width=0", "width"),
        ("device=cuda:9", "device must be auto or one of cpu"),
    ],
)
def test_a_mistake_is_reported_on_one_screen_before_any_training(
    tmp_path, monkeypatch, override, message
):
    monkeypatch.chdir(tmp_path)
    words = ["run.py", *TINY[1:], override, "hydra.run.dir=run"]
    code, output = examples.called(train.main, words, {})  # in this process: most come with torch
    assert str(code).startswith("gan_zoo: ")
    assert message in output
    assert "Traceback" not in output
    assert len(output.splitlines()) < 25
    assert not list(tmp_path.rglob("*.safetensors"))
    for path in tmp_path.rglob("record.json"):
        assert read_record(path.parent).status == "failed"


def test_a_misspelt_key_in_a_file_is_reported_too(tmp_path):
    (tmp_path / "mine/trainer").mkdir(parents=True)
    (tmp_path / "mine/trainer/long.yaml").write_text("epocs: 100\n")
    done = command("run.py", "--config-dir", "mine", "trainer=long", cwd=tmp_path)
    assert done.returncode == 1
    assert "trainer.epocs" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_configuration_come_without_torch_and_at_once(tmp_path):
    def seconds(words):
        """Of processor time, which other programs leave alone."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return spent, done.stdout

    torch_alone, _ = seconds([sys.executable, "-c", "import torch"])
    for words in (["--help"], ["--cfg", "job"]):
        spent, output = seconds([sys.executable, str(ROOT / "run.py"), *words])
        assert "loss" in output
        assert spent < torch_alone


@pytest.mark.parametrize("words", [[], ["model=acgan"], ["model=mlp"], ["model=tiny_dcgan"]])
def test_what_the_first_update_does_not_need_is_not_imported_before_it(tmp_path, words):
    program = (
        "import sys\n"
        "from gan_zoo.cli import train\n"
        "def step(self):\n"
        "    slow = {'sympy', 'scipy', 'matplotlib', 'pandas', 'torch._dynamo'}\n"
        "    print('imported:', sorted(slow & set(sys.modules)))\n"
        "    raise KeyboardInterrupt\n"
        "import gan_zoo.training.trainer as trainer\n"
        "trainer.Trainer.step = step\n"
        "train.main()"
    )
    widths = TINY[-2:] if words == [] else []
    words = [*TINY[:-2], *widths, *words]
    code, out, _ = finish(start(tmp_path, *words, program=["-c", program]))
    assert code == 130
    assert "imported: []" in out


def test_hydra_s_store_of_schemas_is_not_copied_for_each_group_that_help_lists():
    train.prepare_hydra()
    store = ConfigStore.instance()
    assert copy.deepcopy(store) is store
    loaded = store.load("base_schema.yaml")
    assert loaded.node is not store.load("base_schema.yaml").node  # what is loaded is a copy


def test_the_same_command_gives_the_same_history_and_finished_work_is_kept(tmp_path, monkeypatch):
    for name, more in (("a", []), ("b", ["tracker=none"])):
        done = command("run.py", *TINY, *more, f"hydra.run.dir={name}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a/history.csv").read_bytes() == (tmp_path / "b/history.csv").read_bytes()
    record, other = (read_record(tmp_path / name) for name in ("a", "b"))
    assert (record.run_id, record.overrides) == (other.run_id, other.overrides)
    assert record.config == other.config
    assert "tracker" not in record.config
    assert record.status == "finished"
    words = sorted(o for o in TINY if not o.startswith("device"))
    assert record.overrides == [o.replace("=false", "=False") for o in words]  # as of a sweep
    assert {"label_accuracy_mnistcnn_test_20", "fid_mnistcnn_test_20"} <= set(record.metrics)
    assert record.environment["extractor"]["name"] == "mnistcnn"
    before = {path: path.read_bytes() for path in (tmp_path / "a").rglob("*.*") if path.is_file()}
    monkeypatch.chdir(tmp_path)
    code, message = examples.called(train.main, ["run.py", *TINY, "seed=5", "hydra.run.dir=a"], {})
    assert str(code).startswith("gan_zoo: ")
    assert "never overwritten" in message
    records = {path: content for path, content in before.items() if ".hydra" not in path.parts}
    assert all(path.read_bytes() == content for path, content in records.items())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_names_the_word_that_resumes_it(tmp_path, number, code):
    write_losses(tmp_path)
    (tmp_path / "wait").touch()
    words = ["--config-dir", "conf", *TINY, "loss=patient", "resume=auto"]
    process = start(tmp_path, *words)
    wait_for((tmp_path / "waiting").exists, process)
    (run,) = {path.parent for path in tmp_path.glob("runs/**/record.json")}
    wait_for(lambda: alive(run), process)
    process.send_signal(number)
    (tmp_path / "wait").unlink()
    ended, _, err = finish(process)
    assert ended == code
    assert err.splitlines()[-1] == (
        "gan_zoo: interrupted; progress is saved: to resume, rerun the same command with"
        f" resume={run}"
    )
    done = command("run.py", *words, f"resume={run}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_record(run).status == "finished"


def test_a_run_interrupted_before_it_began_says_so(tmp_path):
    early = (
        "from gan_zoo.cli import train\n"
        "def interrupt(*_): raise KeyboardInterrupt\n"
        "train._job = interrupt\n"
        "train.main()"
    )
    code, _, err = finish(start(tmp_path, *TINY, program=["-c", early]))
    assert code == 130
    assert err.splitlines()[-1] == (
        "gan_zoo: interrupted; no run had started: rerun the same command"
    )


def test_a_sweep_ends_with_a_report_and_one_failure_does_not_stop_the_others(tmp_path):
    (tmp_path / "my_losses.py").write_text(
        "from gan_zoo.losses.bce import Bce\n"
        "class Broken(Bce):\n"
        "    def generator(self, fake, real=None):\n"
        "        raise RuntimeError('broken on purpose')\n"
    )
    (tmp_path / "mine/loss").mkdir(parents=True)
    (tmp_path / "mine/loss/broken.yaml").write_text(
        "# @package _global_\nloss:\n  _target_: my_losses.Broken\n"
    )
    sweep = ["--config-dir", "mine", "-m", "loss=broken,bce,wgan", "seed=0,1"]
    done = command("run.py", *sweep, *TINY, cwd=tmp_path)
    assert done.returncode == 1  # two runs did not finish
    (sweep,) = {path.parent.parent for path in tmp_path.rglob("record.json")}
    records = [read_record(path.parent) for path in sweep.rglob("record.json")]
    outcome = sorted((record.loss, record.seed, record.status) for record in records)
    assert outcome == [
        ("bce", 0, "finished"), ("bce", 1, "finished"),
        ("broken", 0, "failed"), ("broken", 1, "failed"),
        ("wgan", 0, "finished"), ("wgan", 1, "finished"),
    ]  # fmt: skip
    assert "broken on purpose" in json.dumps([record.error for record in records])
    page = (sweep / "report.html").read_text()
    assert str(sweep / "report.html") in done.stdout
    assert "broken on purpose" in page
    summary = (sweep / "summary.csv").read_text()
    assert all(name in summary for name in ("bce", "wgan", "broken"))


def test_ctrl_c_while_the_report_is_written_says_how_to_write_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "bce-s0").mkdir()
    (tmp_path / "bce-s0/record.json").write_text("{}")

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(train.sweep.SweepFolder, "folder", tmp_path)
    monkeypatch.setattr(train.sweep, "_summarise", print)
    monkeypatch.setattr("gan_zoo.report.build.build_report", interrupt)
    for begin in (lambda: None, lambda: train._exit_with(ValueError(), wants_traceback=False)):
        monkeypatch.setattr(train, "_start", begin)
        with pytest.raises(SystemExit) as ended:
            train.main()
        assert ended.value.code == 130
        assert f"rerun the same command with hydra.sweep.dir={tmp_path}" in capsys.readouterr().err


def test_a_failing_report_is_printed_and_does_not_fail_the_sweep(tmp_path, monkeypatch, capsys):
    def broken(folders):
        raise RuntimeError(f"no page of {folders}")

    monkeypatch.setattr("gan_zoo.report.build.build_report", broken)
    monkeypatch.setattr(sys, "argv", ["run.py"])
    train.sweep._report(tmp_path)  # does not raise
    message = capsys.readouterr().err
    assert "RuntimeError: no page of" in message
    assert f"compare.py {tmp_path}" in message.partition("retry with: ")[2]
