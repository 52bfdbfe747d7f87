"""The wheel in an environment of its own, in empty folders: what a user does first.

Torch and the rest come from the environment of these tests (5 GB would be installed again
otherwise); gan_zoo itself must not, which is the first thing that is tested.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gan_zoo.runs.record import read_record

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
SMALL = ["trainer.epochs=1", "trainer.max_steps=3", "trainer.batch_size=4", "device=cpu",
         "trainer.generator_batch_size=4", "evaluation.samples=20", "evaluation.final_samples=20",
         "evaluation.loss_samples=20", "evaluation.reference_scores=false",
         "evaluation.metrics=[fid,label_accuracy]"]  # fmt: skip
TINY = [*SMALL, "model.generator.width=0.02", "model.discriminator.width=0.05"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """A virtual environment with the wheel, which sees the packages of this one behind its own."""
    pytest.importorskip("hatchling")
    where = tmp_path_factory.mktemp("install")
    for command in (
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(where)],
        [sys.executable, "-m", "venv", str(where / "env")],
    ):
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    site = where / "env" / "lib" / PYTHON / "site-packages"
    shared = [path for path in sys.path if path.endswith("site-packages")]
    (site / "shared.pth").write_text("\n".join(shared) + "\n")
    (wheel,) = where.glob("*.whl")
    subprocess.run(
        [str(where / "env/bin/python"), "-m", "pip", "install", "-q", "--no-index", "--no-deps",
         "--ignore-installed", str(wheel)],
        check=True, capture_output=True,
    )  # fmt: skip
    return where / "env"


@pytest.fixture
def call(environment, tmp_path):
    """Call a command of the environment in an empty folder; gives what it printed."""
    folder = tmp_path / "empty"
    folder.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    clean |= {"OMP_NUM_THREADS": "1", "GAN_ZOO_CACHE": str(tmp_path / "cache"),
              "PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}  # fmt: skip

    def called(*words: str, fails: bool = False) -> str:
        done = subprocess.run(
            [str(environment / "bin" / words[0]), *words[1:]], cwd=folder, env=clean,
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    called.folder = folder
    called.environment = clean
    return called


def test_gan_zoo_comes_from_the_wheel(call, environment):
    found = call(
        "python",
        "-c",
        "import gan_zoo, gan_zoo.cli.train; print(gan_zoo.cli.train.config_folder())",
    )
    assert Path(found.strip()) == environment / f"lib/{PYTHON}/site-packages/gan_zoo/conf"


def test_a_run_and_its_measurement_in_an_empty_folder(call):
    assert "lsgan seed 0 finished" in call("gan-zoo", "loss=lsgan", "hydra.run.dir=run", *TINY)
    assert [path.name for path in call.folder.iterdir()] == ["run"]
    record = read_record(call.folder / "run")
    assert record.dataset["train"] == 50_000
    assert "label_accuracy_mnistcnn_test_20" in record.metrics
    assert "fid" in call(
        "gan-zoo", "evaluate", "run", "samples=20", "metrics=fid", "reference_scores=false"
    )
    assert "1 finished" in call("gan-zoo", "status", "run")


def test_a_sweep_and_its_report_in_an_empty_folder(call):
    call("gan-zoo", "-m", "loss=lsgan,bce", "sweep_name=mine", *TINY)
    (page,) = call.folder.rglob("report.html")
    first = page.read_bytes()
    page.unlink()
    assert str(page) in call("gan-zoo", "compare", str(page.parent))
    assert page.read_bytes() == first
    assert "2 finished" in call("gan-zoo", "status", "multirun/mine")


def test_the_plugin_example_in_an_empty_folder(call):
    shutil.copytree(ROOT / "examples" / "my_loss", call.folder, dirs_exist_ok=True)
    parts = ["loss=bgan", "data=stripes", "model=dense", "hydra.run.dir=run"]
    call("gan-zoo", "--config-dir", "conf", *parts, *SMALL)
    record = read_record(call.folder / "run")
    assert record.config["loss"]["_target_"] == "my_gan.bgan.Bgan"
    assert record.config["regularizer"]["_target_"] == "my_gan.drift.Drift"
    assert "label_accuracy_stripescnn_test_20" in record.metrics
    measure = ["gan-zoo", "evaluate", "run", "samples=20", "metrics=fid", "reference_scores=false"]
    assert "If you trust it: allow=my_gan" in call(*measure, fails=True)
    assert "fid" in call(*measure, "allow=my_gan")


def test_the_function_in_an_empty_folder(call):
    code = f"import gan_zoo; print(gan_zoo.train({TINY!r}, folder='here').record.status)"
    assert "finished" in call("python", "-c", code)
    assert read_record(call.folder / "here").status == "finished"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_what_is_installed(call):
    script = """
        eval "$(gan-zoo -sc install=bash)"
        COMP_LINE="gan-zoo loss=wg"; COMP_POINT=${#COMP_LINE}
        COMP_WORDS=(gan-zoo loss=wg); COMP_CWORD=1
        hydra_bash_completion
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=call.folder, env=call.environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["loss=wgan", "loss=wgan_div", "loss=wgan_gp", "loss=wgan_lp"]
