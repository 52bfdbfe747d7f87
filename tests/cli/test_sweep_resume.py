"""A sweep's command, given again: as a user types it, in processes of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from gan_zoo.cli.status import survey
from gan_zoo.runs.lock import alive
from gan_zoo.runs.plan import read_plan
from gan_zoo.runs.record import read_record

ROOT = Path(__file__).parents[2]
TINY = ["data=ring", "data.samples=600", "model=mlp", "model.generator.hidden=[4]",
        "model.discriminator.hidden=[4]", "latents=normal", "aux=none", "trainer.epochs=2",
        "trainer.max_steps=5", "trainer.batch_size=8", "trainer.generator_batch_size=8",
        "evaluation.samples=20", "evaluation.final_samples=20", "evaluation.loss_samples=20",
        "trainer.threads=1", "device=cpu", "sweep_name=mine"]  # fmt: skip
# run.py, but for the report, which has tests of its own and takes most of the time
RUN = "from gan_zoo.cli import sweep, train; sweep._report = print; train.main()"
BROKEN = """
from gan_zoo.losses.bce import Bce
class Broken(Bce):
    def generator(self, fake, real=None):
        raise MemoryError("no room for it")
"""


def start(cwd, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "--config-dir", "conf", "-m", *TINY, *arguments],
        cwd=cwd, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def command(cwd, *arguments):
    process = start(cwd, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def own_loss(folder, text):
    (folder / "my_losses.py").write_text(text)
    (folder / "conf/loss").mkdir(parents=True, exist_ok=True)
    (folder / "conf/loss/mine.yaml").write_text(
        "# @package _global_\nloss:\n  _target_: my_losses.Broken\n"
    )


def states(folder):
    return sorted(line.state for line in survey(folder))


def test_the_same_command_again_does_what_is_missing(tmp_path):
    sweep = tmp_path / "multirun/mine"
    own_loss(tmp_path, BROKEN)
    code, _, err = command(tmp_path, "loss=mine,bce", "seed=0")
    assert code == 1
    assert re.search(
        r"1 of 2 runs did not finish:\n  mine-s0-\w+: failed: out of memory; this machine has", err
    )
    assert "resume=retry" in err
    assert states(sweep) == ["failed", "finished"]
    assert len(read_plan(sweep)) == 2
    before = {path: path.read_bytes() for path in sweep.glob("bce*/[!.]*") if path.is_file()}
    own_loss(tmp_path, BROKEN.replace("raise", "return super().generator(fake, real) #"))
    code, out, err = command(tmp_path, "loss=mine,bce", "seed=0,1")  # one seed more
    assert code == 1  # what failed is not tried again unless asked
    assert err.count("is done: skipped") == 1
    assert "OutOfMemory); resume=retry tries it again" in err
    assert out.count(" finished: ") == 2
    assert states(sweep) == ["failed", *["finished"] * 3]
    code, out, _ = command(tmp_path, "loss=mine,bce", "seed=0,1", "resume=retry")
    assert code == 0
    assert out.count(" finished: ") == 1
    assert states(sweep) == ["finished"] * 4
    assert before == {path: path.read_bytes() for path in before}


def test_a_signal_ends_the_whole_sweep_and_two_commands_share_one(tmp_path):
    sweep = tmp_path / "multirun/mine"
    own_loss(tmp_path, BROKEN)
    long = ["loss=bce,wgan", "trainer.epochs=400"]
    process = start(tmp_path, *long)
    wait_for(lambda: any(alive(path.parent) for path in sweep.glob("*/record.json")), process)
    code, _, err = command(tmp_path, "loss=bce", "trainer.epochs=400")  # meanwhile
    assert code == 1
    assert f"is being trained by process {process.pid}" in err
    assert "still running" in err
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert f"go on with the same command and hydra.sweep.dir={sweep}" in err
    assert states(sweep) == ["interrupted", "planned"]
    (run,) = {path.parent for path in sweep.glob("*/record.json")}
    process = start(tmp_path, *long)
    wait_for(lambda: read_record(run).status == "running" and alive(run), process)
    process.kill()
    process.communicate()
    assert read_record(run).status == "running"  # it could not say otherwise
    assert states(sweep) == ["interrupted", "planned"]


def wait_for(happened, process):
    until = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < until
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
