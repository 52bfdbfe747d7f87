"""A user's files, names and shells: each works or is refused with an explanation."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

import gan_zoo
from docs import examples
from gan_zoo.cli import train
from gan_zoo.cli.main import VERBS, main
from gan_zoo.runs.overrides import path_override, shell_command, shell_word
from gan_zoo.runs.record import RunRecord
from gan_zoo.runs.resume import check_same
from gan_zoo.training.process import OutOfMemory, shortage_explained
from gan_zoo.types import ConfigurationError
from tests.cli.shell import POINTS

ROOT = Path(__file__).parents[2]
ODD = os.fsdecode(b"n\xff\xc3\xbc 'x'")  # no locale prints all of it


def refused(monkeypatch, folder, *words, last="trainer.epochs=0"):
    """What the command says of words that it refuses; it trains nothing."""
    monkeypatch.chdir(folder)
    for name in ("run", "folder", "after"):
        monkeypatch.setattr(train.sweep.SweepFolder, name, None)
    before = set(folder.rglob("*.safetensors"))
    code, output = examples.called(train.main, ["run.py", *words, *POINTS, last], {})
    assert str(code).startswith("gan_zoo: "), code
    assert "Traceback" not in output
    assert set(folder.rglob("*.safetensors")) == before
    return output.splitlines()[-1]


def own(folder, name, content):
    path = folder / "mine" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "loss/wgan.yaml", "config.yaml", "search/bce.yaml", "experiment/ring8.yaml",
        "tuned/mlp_wgan.yaml", "trainer/default.yaml", "hydra/launcher/joblib.yaml",
        "hydra/job_logging/none.yaml",
    ],
)  # fmt: skip
def test_a_file_named_like_a_shipped_one_is_refused(tmp_path, monkeypatch, name):
    path = own(tmp_path, name, b"# @package _global_\nloss:\n  clip: 99\n")
    message = refused(monkeypatch, tmp_path, "--config-dir", "mine")
    assert f"mine/{name}: gan_zoo ships a configuration of that name" in message
    assert f"Rename yours, as my_{path.name}" in message
    searched = f"hydra.searchpath=[{tmp_path}/mine]"
    assert f"mine/{name}: gan_zoo ships a configuration of that name" in refused(
        monkeypatch, tmp_path, searched.replace("[", "[file://")
    )
    with pytest.raises(ConfigurationError, match="which would be used instead"):
        gan_zoo.train(POINTS, config_dir=tmp_path / "mine")


def test_a_copy_of_a_shipped_file_is_not_refused(tmp_path, monkeypatch):
    own(tmp_path, "loss/wgan.yaml", (ROOT / "conf/loss/wgan.yaml").read_bytes())
    message = refused(monkeypatch, tmp_path, "--config-dir", "mine", "loss=wgan")
    assert message.startswith("gan_zoo: trainer.epochs must be at least 1, got 0")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\n\tb: 2\n", "not valid YAML: line 2, column 1: found character '\\t' that"
                            " cannot start any token; indent by spaces, not tabs"),
        (b"a: 1\na: 2\n", "not valid YAML: line 2, column 1: found duplicate key a"),
        (b'a: "caf\xe9"\n', "not UTF-8 (byte 7: invalid continuation byte); save it as"),
        (b"a: [1\n", "not valid YAML: line 2, column 1: expected ',' or ']'"),
        (b"a: \x00\n", "not valid YAML: unacceptable character #x0000"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named_with_the_place(
    tmp_path, monkeypatch, content, message
):
    path = own(tmp_path, "loss/mine.yaml", content)
    line = refused(monkeypatch, tmp_path, "--config-dir", "mine", "loss=mine")
    assert line.startswith(f"gan_zoo: {path}: {message}")
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        gan_zoo.train([*POINTS, "loss=mine"], config_dir=tmp_path / "mine")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["loss=["], "'loss=[' cannot be read"),
        (["loss='"], "cannot be read. Allowed: key=value"),
        (["a b"], "'a b' cannot be read"),
        (["loss"], "'loss' cannot be read (missing EQUAL"),
        (["loss=bce,wgan"], "'loss=bce,wgan' has several values, but this is one run. Add -m"),
        (["loss=null"], "the configuration cannot be composed: Config group override"),
        (["seed=${x}"], "hydra.run.dir: Interpolation key 'x' not found"),
        (["hydra.run.dir=${x}"], "hydra.run.dir: Interpolation key 'x' not found"),
        (["~nope"], "the configuration cannot be composed: Could not delete"),
        (["hydra.searchpath=[file:///nope]"], "hydra.searchpath has '/nope': no such folder"),
        (["tuned=papr"], "there is no 'papr' in the group 'tuned'. Did you mean 'paper'?"),
        (
            ["-m", "loss=wgan_gp,dragan", "regularizer.weight=5"],
            "unknown key 'regularizer.weight'. Valid: _target_. A value given for a whole sweep"
            " must also be valid without loss=wgan_gp,dragan; if it is valid only with these,"
            " write 'regularizer.weight=choice(5)'",
        ),
    ],
)
def test_errors_of_other_libraries_are_explained(tmp_path, monkeypatch, words, message):
    assert f"gan_zoo: {message}" in refused(monkeypatch, tmp_path, *words).replace(
        "gan_zoo: 'loss=' cannot", "gan_zoo: cannot"
    ).replace('gan_zoo: "loss=\'" cannot', "gan_zoo: cannot")


def test_a_tracker_s_own_message_comes_first(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    message = refused(monkeypatch, tmp_path, "tracker=trackio", last="seed=0")
    assert message.startswith("gan_zoo: tracker=trackio needs trackio, not installed here: pip")


def test_the_hint_about_a_sweep_s_value_works(tmp_path, monkeypatch):
    words = ["-m", "loss=wgan_gp,dragan", "regularizer.weight=choice(5)", "seed=0.5"]
    assert "seed" in refused(monkeypatch, tmp_path, *words)  # no longer the regularizer


NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.just("\udcff"),
    min_size=1, max_size=12,
) | st.text("ab '\"\\${}[](),=:~#!*\n\t\udcff", min_size=1, max_size=12)  # fmt: skip


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(NAMES)
def test_a_pasted_hint_names_the_folder(name):
    word = path_override("hydra.sweep.dir", name)
    pasted = subprocess.run(
        ["bash", "-c", f"printf %s {shell_word(word)}"], capture_output=True, check=True
    )
    arrived = os.fsdecode(pasted.stdout)
    assert arrived == word
    (parsed,) = OverridesParser.create().parse_overrides([arrived])
    assert str(parsed.value()).replace("\\${", "${") == name


def test_hints_name_commands_that_exist(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", [str(ROOT / "run.py")])
    program, script, folder = shlex.split(shell_command("compare", tmp_path / "a b"))
    called = [program, "-c", "import hydra, sys; print(sys.prefix)"]
    done = subprocess.run(called, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sys.prefix
    assert Path(script) == ROOT / "compare.py"
    assert Path(folder) == tmp_path / "a b"
    monkeypatch.setattr(sys, "argv", [str(Path(sys.executable).with_name("gan-zoo"))])
    (program, verb, _) = shlex.split(shell_command("compare", "x"))
    assert program in ("gan-zoo", str(Path(sys.executable).with_name("gan-zoo")))
    assert verb == "compare"


@pytest.mark.parametrize("here", [False, True])
def test_the_interpreter_is_named_as_the_shell_finds_it(monkeypatch, tmp_path, here):
    """Another python on the path has not our packages, though it is the same file."""
    (tmp_path / "python").symlink_to(sys.executable)
    folders = [str(Path(sys.executable).parent), str(tmp_path)]
    monkeypatch.setenv("PATH", ":".join(folders if here else folders[::-1]))
    monkeypatch.setattr(sys, "argv", [str(ROOT / "run.py")])
    program, *_ = shlex.split(shell_command("compare"))
    assert Path(shutil.which(program)).parent == Path(sys.executable).parent
    assert ("/" not in program) == (here or Path(sys.executable).name != "python")


def test_a_run_s_own_command_is_quoted(tmp_path):
    config = {"trainer": {"epochs": 1}}
    old = RunRecord("a", "bce", 0, "finished", ['data.root="a b"'], config)
    new = RunRecord("b", "bce", 0, "finished", [], {"trainer": {"epochs": 0}})
    with pytest.raises(ConfigurationError, match=r"loss=bce seed=0 'data\.root=\"a b\"'"):
        check_same(old, new, tmp_path)


def test_any_name_passes_and_a_reader_that_leaves_fails_nothing(tmp_path):
    """In a locale that prints ASCII alone, with names of bytes that are no text."""
    folder = tmp_path / ODD
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "LC_ALL": "C",
                   "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}  # fmt: skip

    def passes(script, *words, reader="cat"):
        start = [str(ROOT / script)] if script.endswith(".py") else ["-m", "gan_zoo.cli", script]
        typed = " ".join(map(shell_word, [sys.executable, *start, *words]))
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {typed} | {reader}"], cwd=folder, env=environment,
            capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        message = done.stderr.decode(errors="replace")
        assert done.returncode == 0, message
        assert "Traceback" not in message
        assert "progress is saved" not in message
        return done.stdout.decode(errors="replace")

    run = f"run {ODD}"
    passes("run.py", *POINTS, path_override("hydra.run.dir", run), reader="true")
    passes("sample", run, "n=2", f"out={ODD}")
    passes("evaluate", run, "samples=20")
    passes("export", run, "format=torch_export")
    assert "1 finished" in passes("status", run)
    assert "report.html" in passes("compare.py", run)
    assert (folder / run / "report.html").exists()
    sweep = ["-m", *POINTS, path_override("hydra.sweep.dir", ODD), "seed=0"]
    passes("run.py", *sweep, reader="true")
    assert (folder / ODD / "report.html").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), r"^out of memory; this machine has [\d.]+ GiB.*Choose smaller trainer.bat"),
        (MemoryError("Unable to allocate 7.45 GiB for an array"), "7.45 GiB more were requested"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 400000"
                         " bytes. Error code 12"),
            "400000 bytes more were requested",
        ),
    ],
)  # fmt: skip
def test_a_shortage_of_memory_says_what_was_asked_for_and_what_there_is(error, message):
    with pytest.raises(OutOfMemory, match=message) as caught, shortage_explained():
        raise error
    assert caught.value.__cause__ is error


def test_other_errors_are_not_reported_as_a_shortage():
    with pytest.raises(RuntimeError, match="shapes") as caught, shortage_explained():
        raise RuntimeError("shapes differ")
    assert not isinstance(caught.value, OutOfMemory)


def test_a_run_that_runs_out_of_memory_ends_in_one_line(tmp_path):
    """Three gigabytes of address space, and a batch of images that needs more."""
    typed = " ".join(map(shell_word, [
        sys.executable, str(ROOT / "run.py"), "device=cpu", "trainer.epochs=1",
        "trainer.max_steps=1", "trainer.generator_batch_size=50000", "hydra.run.dir=run",
    ]))  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", f"ulimit -v 6000000; {typed}"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("gan_zoo: out of memory: ")
    assert "more were requested; this machine has" in last
    assert "of which this process may use 5.7 GiB" in last


@pytest.mark.parametrize("verb", [name for name in VERBS if name != "train"])
def test_help_lists_every_option_with_its_default(verb, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gan-zoo", verb, "--help"])
    main()
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: gan-zoo {verb} ")
    for option in fields(import_module(f"gan_zoo.cli.{verb}").Options):
        default = str(option.default).lower()
        assert re.search(rf"^  {option.name}={default} +\S.{{5,}}$", shown, re.MULTILINE), (
            option.name
        )
