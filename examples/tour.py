"""A tour of gan_zoo in three minutes on two CPU cores: three losses, side by side.

    python examples/tour.py [FOLDER] [--open]

Explains in plain words what it does, trains bce, lsgan and wgan briefly on handwritten digits,
shows what was measured, and ends with the path of the report (``--open`` shows it in the browser).
What is trained goes into FOLDER (default: a new one below multirun/).
"""

import argparse
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
from gan_zoo.records import RECORD_NAME, RunRecord, read_record

LOSSES = {"minimax": Minimax(), "bce": Bce(), "lsgan": Lsgan(), "wgan": Wgan()}
BRIEF = ["trainer.epochs=2", "trainer.max_steps=200", "trainer.batch_size=32",
         "trainer.generator_batch_size=32", "trainer.threads=1", "evaluation.samples=500",
         "evaluation.final_samples=1000", "evaluation.metrics=[fid,label_accuracy]",
         "evaluation.floors=false"]  # fmt: skip


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
    command = ["-m", "loss=bce,lsgan,wgan", f"hydra.sweep.dir={folder}", *BRIEF, *words]
    print("$ python run.py " + " ".join(command) + "\n", flush=True)
    start = "from gan_zoo.cli import main; main()"
    subprocess.run([sys.executable, "-c", start, *command], check=True)


def table(records: list[RunRecord]) -> None:
    """What was measured of each run."""
    print(f"{'loss':8}{'label accuracy':>16}{'FID':>8}{'G updates':>12}{'seconds':>10}")
    for record in records:
        accuracy, fid = (
            next(value for name, value in record.metrics.items() if name.startswith(start))
            for start in ("label_accuracy", "fid")
        )
        updates, seconds = record.progress["generator_updates"], record.progress["seconds"]
        print(f"{record.loss:8}{accuracy:16.3f}{fid:8.0f}{updates:12,.0f}{seconds:10.0f}")
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
    say("""A generator G turns random numbers and a digit's name into an image. A discriminator D
        looks at an image and answers with a number, the score: the higher, the more it believes
        that the image is real. D is trained to score real images high and generated ones low; G is
        trained so that D scores its images high. Here D also says which digit it sees, so that G
        learns to draw the digit that it was asked for (this is an AC-GAN).""")
    say("""What "high" and "low" cost is the loss, and there are dozens. They differ in how hard
        they push. Take an image that D is sure is fake (score -4) and one of which it knows nothing
        (score 0). So hard does G's loss push their scores upwards:""")
    sure, undecided = pushes(-4.0), pushes(0.0)
    print(f"{'loss':10}{'score -4':>10}{'score 0':>10}")
    for name in LOSSES:
        print(f"{name:10}{sure[name]:10.3f}{undecided[name]:10.3f}")
    print()
    say("""minimax, the first of them, hardly pushes just where G is worst; bce was invented to mend
        that. lsgan pushes the harder the further away a score is, wgan always equally.""")

    chapter(2, "Three of them, trained alike")
    say("""Now bce, lsgan and wgan get the same networks, the same first weights, the same images
        in the same order. Each line below is an epoch, cut short to 200 updates of D: losses of G
        and D on training and held-out images, and two measurements. It takes two or three
        minutes.""")
    train(folder, options.overrides)

    chapter(3, "What was measured")
    found = [read_record(path.parent) for path in folder.glob(f"*/{RECORD_NAME}")]
    records = sorted(found, key=lambda record: record.started)
    table(records)
    say("""Label accuracy: how often an independent classifier recognises the digit that G was asked
        for; real digits reach 0.995, guessing 0.1. FID: how far the generated images are from real
        ones as that classifier sees them; smaller is better.""")
    say("""wgan's critic takes five steps before G takes one, so its G had a fifth of the updates:
        unfair at equal epochs, and the report says so. And this was a glance, one seed each, 400
        small steps: a serious comparison takes whole epochs and five seeds or more, as in""")
    print("    python run.py -m loss=bce,lsgan,wgan seed=0,1,2,3,4\n")

    chapter(4, "Look for yourself")
    report = folder / "report.html"
    say("The report shows samples, curves and how sure the numbers are, in one page:")
    print(f"    {report}\n")
    say("Every run's folder has pictures of its samples (row = digit, the same latents for all):")
    for path in sorted(folder.glob("*/samples/*002_generated.png")):
        print(f"    {path}")
    say("\nWhat each loss computes, when it fails, and which to take: docs/, or make docs.")
    print(f"The tour took {time.monotonic() - started:.0f} seconds.")
    if options.open:
        webbrowser.open(report.as_uri())


if __name__ == "__main__":
    main()
