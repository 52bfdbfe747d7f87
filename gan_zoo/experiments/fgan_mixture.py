"""f-GAN's univariate experiment: the learned Gaussian against the best one, by quadrature.

Source: Nowozin, Cseke, Tomioka 2016 (arXiv 1606.00709), section 2.4 and its two tables.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan_zoo.data.toys import gaussian_mixture_1d_modes
from gan_zoo.experiments.sweep_results import finished_runs, weights
from gan_zoo.experiments.truth import (
    LINE,
    Gaussian,
    Values,
    divergence,
    integral,
    log_gaussian,
    nearest_gaussian,
)
from gan_zoo.losses.divergences import (
    Alpha,
    Divergence,
    Gan,
    Jeffrey,
    JensenShannon,
    KullbackLeibler,
    Neyman,
    Pearson,
    ReverseKullbackLeibler,
    SquaredHellinger,
    TotalVariation,
    WeightedJensenShannon,
)
from gan_zoo.models.mlp import Discriminator
from gan_zoo.report.formatting import table
from gan_zoo.runs.record import RunRecord, write_bytes, write_rows
from gan_zoo.training.pictures import gaussian_fits

BOUNDS: dict[str, Divergence] = {
    "kl": KullbackLeibler(),
    "reverse_kl": ReverseKullbackLeibler(),
    "jensen_shannon": JensenShannon(),
    "jeffrey": Jeffrey(),
    "pearson": Pearson(),
    "neyman": Neyman(),
    "squared_hellinger": SquaredHellinger(),
    "gan": Gan(),
    "total_variation": TotalVariation(),
}

PARAMETER_BAR = 0.1  # of |mu - mu*| and |sigma - sigma*|: the size of the paper's own deviations
BOUND_BAR = 0.12  # of (D* - F) / |D*|; F must not be above D* either


@dataclass(frozen=True)
class Fit:
    """One run: the Gaussian it learned, its critic's bound, and the best Gaussian."""

    name: str
    parameter: float | None
    mu: float
    sigma: float
    bound: float  # F(T_hat, Q_hat) by quadrature over the critic's scores: no sampling error
    best: Gaussian


def summarise(folder: Path) -> str:
    """Return tables of all finished f-GAN runs below ``folder``; also written there."""
    log_p = mixture()
    fits = [read_fit(run, record, log_p) for run, record in finished_runs(folder, "fgan_")]
    rows = [_row(fit, log_p) for fit in fits]
    cross = [_cross(fit, fits, log_p) for fit in fits]
    write_rows(folder / "fgan_mixture.csv", rows)
    write_rows(folder / "fgan_mixture_cross.csv", cross)
    panels = {
        fit.name: (log_gaussian(fit.mu, fit.sigma), log_gaussian(fit.best.mu, fit.best.sigma))
        for fit in fits
    }
    write_bytes(folder / "fgan_mixture.png", gaussian_fits(LINE, log_p, panels))
    return "\n".join([
        "Learned Gaussian and bound (hat) against the best ones by quadrature (star):",
        table(rows),
        f"Within the bars: mu and sigma at most {PARAMETER_BAR} off, F not above D* and at most"
        f" {BOUND_BAR:.0%} below: {sum(holds(fit) for fit in fits)} of {len(fits)}.",
        "Exact D of each learned Gaussian; row: trained with, column: tested with:",
        table(cross),
        "How far each is behind the best of its own column, in percent: "
        + ", ".join(f"{name} {share:.2g}" for name, share in behind(cross).items()),
    ])  # fmt: skip


def behind(cross: list[dict[str, Any]]) -> dict[str, float]:
    """Return by how many % of |D| each divergence's own run is worse in it than the best run."""
    found = {}
    for row in cross:
        name = row["trained with"]
        best = min(other[name] for other in cross)
        found[name] = 100 * (row[name] - best) / abs(best)
    return found


def mixture() -> Values:
    """Return the log density of the data on ``LINE``."""
    return gaussian_mixture_1d_modes().log_density(torch.from_numpy(LINE)[:, None]).numpy()


def read_fit(folder: Path, record: RunRecord, log_p: Values) -> Fit:
    """Return the Gaussian that the run in ``folder`` learned, and its critic's bound."""
    name = record.loss.removeprefix("fgan_")
    chosen: dict[str, Any] = record.config["loss"]["divergence"]
    parameter = chosen.get("alpha", chosen.get("pi"))
    generator = weights(folder, record, "generator")
    mu, sigma = float(generator["mu"]), abs(float(generator["sigma"]))
    network = record.config["model"]["discriminator"]
    critic = Discriminator(
        image_shape=(1,), num_classes=2, hidden=network["hidden"], activation=network["activation"]
    )
    critic.load_state_dict(weights(folder, record, "discriminator"))
    with torch.no_grad():
        scores = critic(torch.from_numpy(LINE).float()[:, None]).scores.double()
    bound = variational_bound(_bound_of(name, parameter), scores, log_p, log_gaussian(mu, sigma))
    return Fit(name, parameter, mu, sigma, bound, nearest_gaussian(name, log_p, parameter))


def holds(fit: Fit) -> bool:
    """Return whether the run is as near to the best Gaussian and divergence as the paper's."""
    best = fit.best
    below = best.divergence - fit.bound
    return (
        abs(fit.mu - best.mu) <= PARAMETER_BAR
        and abs(fit.sigma - best.sigma) <= PARAMETER_BAR
        and 0 <= below <= BOUND_BAR * abs(best.divergence)
    )


def variational_bound(of: Divergence, scores: torch.Tensor, log_p: Values, log_q: Values) -> float:
    """Return F = E_P[T] - E_Q[f*(T)] of a critic with these scores on ``LINE``."""
    real, fake = of.activation(scores).numpy(), of.conjugate(scores).numpy()
    return integral(np.exp(log_p) * real - np.exp(log_q) * fake)


def _bound_of(name: str, parameter: float | None) -> Divergence:
    if name in BOUNDS:
        return BOUNDS[name]
    assert parameter is not None, f"{name} has no parameter in its configuration"
    return Alpha(parameter) if name == "alpha" else WeightedJensenShannon(parameter)


def _row(fit: Fit, log_p: Values) -> dict[str, object]:
    best = fit.best
    exact = divergence(fit.name, log_p, log_gaussian(fit.mu, fit.sigma), fit.parameter)
    return {
        "trained with": fit.name,
        "mu*": best.mu, "mu": fit.mu, "mu error": fit.mu - best.mu,
        "sigma*": best.sigma, "sigma": fit.sigma, "sigma error": fit.sigma - best.sigma,
        "D*": best.divergence, "exact D": exact, "bound F": fit.bound,
        "F below D* %": 100 * (best.divergence - fit.bound) / abs(best.divergence),
        "within bars": "yes" if holds(fit) else "no",
    }  # fmt: skip


def _cross(fit: Fit, tested: list[Fit], log_p: Values) -> dict[str, object]:
    log_q = log_gaussian(fit.mu, fit.sigma)
    columns = {other.name: divergence(other.name, log_p, log_q, other.parameter)
               for other in tested}  # fmt: skip
    return {"trained with": fit.name, **columns}
