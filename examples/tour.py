"""A tour of gan_zoo in three minutes on two CPU cores: three losses, side by side.

    python examples/tour.py [FOLDER] [--open]

Explains in plain words what it does, trains bce, lsgan and wgan on eight clouds of points, shows
what was measured, and ends with the path of the report (``--open`` shows it in the browser).  What
is trained goes into FOLDER (default: a new one below multirun/).
"""

import argparse
import shlex
import subprocess
import sys
import textwrap
import time
import webbrowser
from datetime import datetime
from pathlib import Path

import torch

from gan_zoo.losses.bce import Bce
from gan_zoo.losses.lsgan import Lsgan
from gan_zoo.losses.minimax import Minimax
from gan_zoo.losses.wgan import Wgan
from gan_zoo.runs.record import RECORD_NAME, RunRecord, read_record

LOSSES = {"minimax": Minimax(), "bce": Bce(), "lsgan": Lsgan(), "wgan": Wgan()}
BRIEF = ["experiment=ring8", 'hydra.sweeper.params.loss="bce,lsgan,wgan"', "trainer.epochs=4",
         "evaluation.every=4", "evaluation.pictures=4"]  # fmt: skip


def say(text: str) -> None:
    """A paragraph."""
    print(textwrap.fill(" ".join(text.split()), 80), end="\n\n", flush=True)


def chapter(number: int, title: str) -> None:
    """A heading."""
    print(f"\n{number}. {title}\n", flush=True)


def pushes(score: float) -> dict[str, float]:
    """How hard each loss pushes a generated sample of this score towards "real"."""
    found = {}
    for name, loss in LOSSES.items():
        fake = torch.tensor([score], requires_grad=True)
        loss.generator(fake).backward()
        assert fake.grad is not None
        found[name] = -fake.grad.item()
    return found


def train(folder: Path, words: list[str]) -> None:
    """One sweep with the command that the README shows, in a process of its own."""
    command = [*BRIEF, f"hydra.sweep.dir={folder}", *words]
    print(f"$ python run.py {shlex.join(command)}\n", flush=True)
    start = "from gan_zoo.cli.train import main; main()"
    subprocess.run([sys.executable, "-c", start, *command], check=True)


def table(records: list[RunRecord]) -> None:
    """What was measured of each run."""
    print(f"{'loss':8}{'clouds':>8}{'good points':>13}{'G updates':>12}{'seconds':>10}")
    for record in records:
        modes, good = (
            next(value for name, value in record.metrics.items() if name.startswith(start))
            for start in ("modes_covered", "high_quality")
        )
        updates, seconds = record.progress["generator_updates"], record.progress["seconds"]
        print(f"{record.loss:8}{modes:8.0f}{good:13.3f}{updates:12,.0f}{seconds:10.0f}")
    print(flush=True)


def main() -> None:
    """The tour."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    default = Path("multirun") / f"tour-{datetime.now():%Y-%m-%d-%H-%M-%S}"
    parser.add_argument("folder", nargs="?", type=Path, default=default)
    parser.add_argument("--open", action="store_true", help="show the report in the browser")
    parser.add_argument("overrides", nargs="*", help="further options of run.py")
    options = parser.parse_args()
    folder, started = options.folder.resolve(), time.monotonic()

    chapter(1, "Two networks that compete")
    say("""A generator G turns random numbers into a sample: an image, or here a point of the plane.
        A discriminator D looks at a sample and answers with a number, the score: the higher, the
        more it believes that the sample is real. D is trained to score real samples high and
        generated ones low; G is trained so that D scores its samples high.""")
    say("""What "high" and "low" cost is the loss, and there are dozens. They differ in how hard
        they push. Take a sample that D is sure is fake (score -4) and one of which it knows
        nothing (score 0). So hard does G's loss push their scores upwards:""")
    sure, undecided = pushes(-4.0), pushes(0.0)
    print(f"{'loss':10}{'score -4':>10}{'score 0':>10}")
    for name in LOSSES:
        print(f"{name:10}{sure[name]:10.3f}{undecided[name]:10.3f}")
    print()
    say("""minimax, the first of them, hardly pushes just where G is worst; bce was invented to mend
        that. lsgan pushes the harder the further away a score is, wgan always equally.""")

    chapter(2, "Three of them, trained alike")
    say("""The real points lie in eight small clouds on a circle. Now bce, lsgan and wgan get the
        same networks, the same first weights, the same points in the same order: 3,124 updates of D
        each. A line below is an epoch of 781: the losses of G and D on training and held-out
        points, and at the end two measurements. It takes a minute or two.""")
    train(folder, options.overrides)

    chapter(3, "What was measured")
    found = [read_record(path.parent) for path in folder.glob(f"*/{RECORD_NAME}")]
    records = sorted(found, key=lambda record: record.started)
    table(records)
    say("""Clouds: how many of the eight G has found; a G that misses some has "dropped modes". Good
        points: the share of G's points that lie in a cloud (within three of its standard
        deviations); if G were perfect, 0.989.""")
    say("""wgan's critic here takes two steps before G takes one, so its G had half of the updates:
        unfair at equal epochs, and the report says so. And this was a glance, one seed each, cut to
        half of the experiment's length: a serious comparison takes five seeds or more, and
        images, as in""")
    print("    python run.py -m loss=bce,lsgan,wgan seed=0,1,2,3,4\n")

    chapter(4, "Look for yourself")
    report = folder / "report.html"
    say("The report shows samples, curves and how sure the numbers are, in one page:")
    print(f"    {report}\n")
    say("Its pictures are files, too; each critic's opinion of the plane, with the points on it:")
    for path in [*sorted(folder.glob("*/landscape.png")), folder / "modes.png"]:
        print(f"    {path}")
    say("\nWhat each loss computes, when it fails, and which to take: docs/, or make docs.")
    print(f"The tour took {time.monotonic() - started:.0f} seconds.")
    if options.open:
        webbrowser.open(report.as_uri())


if __name__ == "__main__":
    main()
