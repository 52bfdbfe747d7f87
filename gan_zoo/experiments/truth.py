"""Divergences of densities on the line by quadrature, independent of the losses' formulas."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Values = NDArray[np.float64]

# The trapezoidal rule converges faster than any power of its step for densities that are smooth
# and vanish at both ends; 0.005 is a fiftieth of the narrowest standard deviation in use.
STEP = 0.005
LINE: Values = np.arange(-30, 35, STEP)
_LARGEST = 700.0  # exp of more overflows


class Gaussian(NamedTuple):
    """The Gaussian nearest to P in some divergence, and that divergence."""

    mu: float
    sigma: float
    divergence: float


def log_gaussian(mu: float, sigma: float) -> Values:
    """Return log N(x; mu, sigma^2) on ``LINE``."""
    return -(((LINE - mu) / sigma) ** 2) / 2 - math.log(sigma) - math.log(2 * math.pi) / 2


def integral(values: Values) -> float:
    """Return the integral over ``LINE``; infinite if the integrand is not near 0 at its ends."""
    ends = max(abs(values[0]), abs(values[-1]))
    return math.inf if ends > 1e-6 else float(values.sum() * STEP)


def divergence(name: str, log_p: Values, log_q: Values, parameter: float | None = None) -> float:
    """Return D(P||Q), the integral of q f(p / q), in nats or chi^2 units; may be infinite.

    Args:
        name: one of ``DIVERGENCES``, which are those of the f-GAN losses.
        log_p, log_q: log densities on ``LINE``.
        parameter: alpha of ``alpha``, pi of ``jensen_shannon_weighted``.
    """
    return DIVERGENCES[name](log_p, log_q, math.nan if parameter is None else parameter)


def nearest_gaussian(name: str, log_p: Values, parameter: float | None = None) -> Gaussian:
    """Return the argmin over (mu, sigma) of D(P||N(mu, sigma^2)), from P's mean and deviation."""
    p = np.exp(log_p)
    mean = integral(p * LINE)
    deviation = math.sqrt(integral(p * (LINE - mean) ** 2))

    def objective(at: Values) -> float:
        return divergence(name, log_p, log_gaussian(at[0], math.exp(at[1])), parameter)

    found = minimize(
        objective, np.array([mean, math.log(deviation)]), method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-12},
    )  # fmt: skip
    return Gaussian(float(found.x[0]), math.exp(float(found.x[1])), float(found.fun))


def _kl(log_p: Values, log_q: Values) -> float:
    return integral(np.exp(log_p) * (log_p - log_q))


def _power(log_p: Values, log_q: Values, power: float) -> float:
    """Return the integral of p^power q^(1 - power)."""
    return integral(np.exp(np.minimum(power * log_p + (1 - power) * log_q, _LARGEST)))


def _alpha(log_p: Values, log_q: Values, alpha: float) -> float:
    if alpha in (0.0, 1.0):
        return _kl(log_p, log_q) if alpha else _kl(log_q, log_p)
    return (_power(log_p, log_q, alpha) - 1) / (alpha * (alpha - 1))


def _weighted_js(log_p: Values, log_q: Values, pi: float) -> float:
    log_m = np.logaddexp(math.log(pi) + log_p, math.log(1 - pi) + log_q)
    return pi * _kl(log_p, log_m) + (1 - pi) * _kl(log_q, log_m)


def _total_variation(log_p: Values, log_q: Values) -> float:
    return integral(np.abs(np.exp(log_p) - np.exp(log_q))) / 2


# D of (log p, log q, parameter); the names are those of the options fgan_<name>.  As f says, JS is
# twice the Jensen-Shannon divergence, and chi^2 is divided by q for Pearson and by p for Neyman.
DIVERGENCES: dict[str, Callable[[Values, Values, float], float]] = {
    "kl": lambda p, q, _: _kl(p, q),
    "reverse_kl": lambda p, q, _: _kl(q, p),
    "jensen_shannon": lambda p, q, _: 2 * _weighted_js(p, q, 0.5),
    "jeffrey": lambda p, q, _: _kl(p, q) + _kl(q, p),
    "pearson": lambda p, q, _: _power(p, q, 2) - 1,
    "neyman": lambda p, q, _: _power(q, p, 2) - 1,
    "squared_hellinger": lambda p, q, _: 2 - 2 * _power(p, q, 0.5),
    "total_variation": lambda p, q, _: _total_variation(p, q),
    "gan": lambda p, q, _: 2 * _weighted_js(p, q, 0.5) - math.log(4),
    "jensen_shannon_weighted": _weighted_js,
    "alpha": _alpha,
}
