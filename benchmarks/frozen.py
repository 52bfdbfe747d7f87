"""Numbers that a refactoring must not change: hashes of short runs, to compare two commits.

``python benchmarks/frozen.py OUT.json [ROOT]`` trains short runs of the checkout in ROOT (default:
this one) and writes hashes of their histories, final metrics and weights;
``python benchmarks/frozen.py OUT.json ROOT --against BEFORE.json`` compares them with those of
another commit on the same machine, and ends with exit code 1 if any differs.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SHORT = [
    "trainer.max_steps=12", "trainer.epochs=2", "trainer.threads=1", "trainer.precision=fp32",
    "evaluation.samples=200", "evaluation.final_samples=300", "evaluation.loss_samples=100",
    "device=cpu",
]  # fmt: skip
TOYS = ["trainer.max_steps=20", "trainer.epochs=2", "trainer.threads=1", "device=cpu"]
RUNS = {
    "bce": [],
    "wgan": ["loss=wgan"],
    "lsgan, raw weights": ["loss=lsgan", "trainer.ema_decay=null"],
    "fgan_kl": ["loss=fgan_kl"],
    "wgan_gp": ["loss=wgan_gp"],
    "dragan": ["loss=dragan"],
    "r3gan": ["loss=r3gan"],
    "sngan": ["loss=sngan"],
    "rahinge": ["loss=rahinge"],
    "lecam": ["loss=lecam"],
    "simultaneous, clipped": ["trainer.simultaneous=true", "trainer.gradient_clip=1"],
    "bf16": ["trainer.precision=bf16"],
    "acgan": ["model=acgan", "model.generator.width=0.1", "model.discriminator.width=0.1"],
    "stacked_mnist": ["data=stacked_mnist"],
}
SWEEPS = {
    "ring8": ["experiment=ring8", "loss=bce,wgan_gp"],
    "dirac": ["experiment=dirac", "loss=minimax,r1"],
    "fgan_mixture": ["experiment=fgan_mixture", "loss=fgan_kl"],
}


def main() -> int:
    """Train, hash, write and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("root", type=Path, nargs="?", default=Path(__file__).parents[1])
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()
    short = [*SHORT, f"evaluation.{scores_key(options.root)}=false"]
    found: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, words in RUNS.items():
            folder = Path(scratch, name)
            run(options.root, [*short, *words, f"hydra.run.dir='{folder}'"])
            found[name] = hashes(folder)
        folder = Path(scratch, "resumed")
        words = [*short, "trainer.lr_decay=0", f"hydra.run.dir='{folder}'"]
        run(options.root, [word.replace("epochs=2", "epochs=1") for word in words])
        run(options.root, words)  # more epochs: resumes after the first
        found["resumed"] = hashes(folder)
        for name, words in SWEEPS.items():
            folder = Path(scratch, name)
            plus = [f"+{word}" if word.startswith("experiment") else word for word in words]
            run(options.root, ["-m", *plus, *TOYS, f"hydra.sweep.dir='{folder}'"])
            for record in sorted(folder.glob("*/record.json")):
                loss = json.loads(record.read_text())["loss"]
                found[f"{name}, {loss}"] = hashes(record.parent)
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    if options.against is None:
        return 0
    before = json.loads(options.against.read_text())
    different = [
        f"{name}: {part}"
        for name in before
        for part in before[name]
        if found.get(name, {}).get(part) != before[name][part]
    ]
    print("\n".join(different) or f"{len(before)} runs: every number is the same")
    return 1 if different else 0


def scores_key(root: Path) -> str:
    """Return what a checkout calls ``evaluation.reference_scores``, formerly ``floors``."""
    settings = (root / "conf/evaluation/default.yaml").read_text()
    return "reference_scores" if "reference_scores" in settings else "floors"


def run(root: Path, words: list[str]) -> None:
    """Run ``run.py`` of a checkout."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root.resolve())}
    command = [sys.executable, str(root / "run.py"), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def hashes(folder: Path) -> dict[str, str]:
    """Return a hash of a run's history, final metrics and last weights."""
    from safetensors.numpy import load_file

    record = json.loads((folder / "record.json").read_text())
    weights = {
        path.name: {key: value.tobytes().hex() for key, value in load_file(path).items()}
        for path in sorted(folder.glob("checkpoints/params_*.safetensors"))
    }
    return {
        "history": digest((folder / "history.csv").read_text()),
        "metrics": digest(json.dumps(record["metrics"], sort_keys=True)),
        "weights": digest(json.dumps(weights, sort_keys=True)),
    }


def digest(text: str) -> str:
    """Return the first digits of a SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
