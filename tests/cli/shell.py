"""The command line in processes of its own, at sizes that train in a second."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES = ["trainer.epochs=1", "trainer.max_steps=2", "trainer.batch_size=4", "device=cpu",
          "trainer.generator_batch_size=4", "model.generator.width=0.02",
          "model.discriminator.width=0.05", "evaluation.samples=20", "evaluation.final_samples=20",
          "evaluation.loss_samples=20", "evaluation.reference_scores=false",
          "evaluation.extractor=none"]  # fmt: skip
POINTS = ["data=ring", "data.samples=600", "model=mlp", "model.generator.hidden=[4]",
          "model.discriminator.hidden=[4]", "latents=normal", "aux=none", "trainer.epochs=2",
          "trainer.max_steps=5", "trainer.batch_size=8", "trainer.generator_batch_size=8",
          "evaluation.samples=20", "evaluation.final_samples=20", "evaluation.loss_samples=20",
          "device=cpu"]  # fmt: skip
# run.py without the report, which has tests of its own and takes most of the time
RUN = ["-c", "from gan_zoo.cli import sweep, train; sweep._report = print; train.main()"]
LOSSES = """
import os, pathlib, signal, time
from gan_zoo.losses.bce import Bce

class Broken(Bce):
    def generator(self, fake, real=None):
        raise RuntimeError("broken on purpose")

class Deadly(Bce):
    def generator(self, fake, real=None):
        os.kill(os.getpid(), signal.SIGKILL)

class Patient(Bce):  # waits at each step while there is a file called wait
    def discriminator(self, real, fake):
        while pathlib.Path("wait").exists():
            pathlib.Path("waiting").touch()
            time.sleep(0.05)
        return super().discriminator(real, fake)
"""


def start(cwd: Path, *words: str, program=("run.py",), **environment: str):
    """Start run.py, or another program, in a folder."""
    first, *more = program
    script = [first, *more] if first.startswith("-") else [str(ROOT / first), *more]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(
        [sys.executable, *script, *words], cwd=cwd, env=variables, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process) -> tuple[int, str, str]:
    """Wait for a process; its exit code, output and error output."""
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


def call(cwd: Path, *words: str, **more) -> tuple[int, str, str]:
    """Run a program to its end."""
    return finish(start(cwd, *words, **more))


def write_losses(folder: Path) -> None:
    """Write ``loss=broken``, ``loss=deadly`` and ``loss=patient`` for ``--config-dir conf``."""
    (folder / "my_losses.py").write_text(LOSSES)
    (folder / "conf/loss").mkdir(parents=True)
    for name in ("Broken", "Deadly", "Patient"):
        text = f"# @package _global_\nloss:\n  _target_: my_losses.{name}\n"
        (folder / f"conf/loss/{name.lower()}.yaml").write_text(text)


def wait_for(condition, process):
    """Poll until a condition holds while a process runs; return its value."""
    until = time.monotonic() + 600
    while not (found := condition()):
        assert time.monotonic() < until
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    return found
