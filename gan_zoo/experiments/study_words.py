"""The sentences of the study: only what its tests support, with numbers from the data."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gan_zoo.experiments import study_results as results
from gan_zoo.experiments.study import Data
from gan_zoo.experiments.study_results import (
    BASELINE,
    Ratio,
    Stage,
    enough,
    median,
    seconds,
)
from gan_zoo.report.comparison import Pair, Variant
from gan_zoo.report.formatting import short
from gan_zoo.report.statistics import Interval, holm
from gan_zoo.report.summary import power

NOTHING = "No run of this stage has ended yet."
CONTROLS = ("fgan_gan", "fgan_jensen_shannon")
PLANNED = ("minimax", "lsgan", "wgan", "wgan_gp", "hinge", "fgan_kl")  # against bce, in stage 2
FIGURES = "study/figures"
STAGES = ("mnist", "fashion", "search", "winners", "stress")


@dataclass(frozen=True)
class Study:
    """All stages that have runs, and the data that they come from."""

    data: Data
    stages: Mapping[str, Stage]


def load(data: Data) -> Study:
    """Compare the runs of every stage; of the search and of stress on FID alone."""
    wanted = {name: ("fid",) if name in ("search", "stress") else results.OUTCOMES
              for name in STAGES}  # fmt: skip
    found = {name: results.stage(data, name, outcomes) for name, outcomes in wanted.items()}
    return Study(data, {name: stage for name, stage in found.items() if stage is not None})


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right.

    >>> print(table(["loss", "FID"], [["bce", "9.1"]]))
    | loss | FID |
    | --- | ---: |
    | bce | 9.1 |
    """
    marks = ["---", *["---:"] * (len(head) - 1)]
    lines = [head, marks, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def figure(stage: str, name: str, drawn: set[str], caption: str) -> str:
    """Return a picture in Markdown; empty if it was not drawn."""
    file = f"{stage}_{name}"
    return f"![{caption}]({FIGURES}/{file}.png)\n" if file in drawn else ""


def span(interval: Interval | None, digits: int = 3) -> str:
    """Return an interval in brackets; empty if there is none."""
    if interval is None:
        return ""
    return f"[{signed(interval.low, digits)}, {signed(interval.high, digits)}]"


def signed(value: float | None, digits: int = 2) -> str:
    """Return a number that may be negative, with a minus sign instead of a hyphen.

    >>> signed(-0.25), signed(None), signed(0.1 + 0.2 - 0.3)  # a rounding error is 0
    ('−0.25', '–', '0')
    """
    text = short(None if value is None else round(value, 12), digits)
    return f"−{text[1:]}" if text.startswith("-") else text


def probability(p: float) -> str:
    """Return a p value as people read it.

    >>> probability(0.0000432), probability(0.03), probability(1.0)
    ('4.3e-05', '0.030', '1')
    """
    if p >= 1:
        return "1"
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"


def mean(stage: Stage, variant: Variant) -> float:
    """Return the mean FID of the runs that finished; infinite without one."""
    found = stage.comparison.estimates.get((variant.name, stage.primary.name))
    return found.mean if found else math.inf


def mean_in_words(stage: Stage, variant: Variant) -> str:
    """Return the mean FID with its 95% interval, if there is one."""
    found = stage.comparison.estimates.get((variant.name, stage.primary.name))
    return f"{short(found.mean, 3)} {span(found.interval)}".strip() if found else "–"


def summary(study: Study) -> str:
    main = study.stages.get("mnist")
    if main is None:
        return "**There are no data yet**: the runs are under way, and this page fills as they end."
    pairs = main.comparison.pairs[main.primary.name]
    held = results.established(main)
    lines = [
        f"**In short** (stage 1, {seed_counts(main)}): of {len(pairs)} differences in FID between"
        f" {len(main.variants)} losses, {len(held)} are established."
    ]
    chosen = results.default_choice(main)
    if chosen is None or not held:
        lines.append("No loss can be recommended over the others on these data.")
    else:
        group = listed(results.leaders(main))
        lines.append(
            f"No loss is established to be better than {group}; of these, without a lost run,"
            f" {code(chosen)} has the smallest median FID,"
            f" {short(median(chosen, main.primary), 3)}."
        )
    return " ".join(lines)


def seed_counts(stage: Stage) -> str:
    counts = sorted({sum(v.counts.get(s, 0) for s in ("finished", "diverged"))
                     for v in stage.variants})  # fmt: skip
    if len(counts) == 1:
        return f"{counts[0]} seed{'s' if counts[0] != 1 else ''} of each loss"
    return f"{counts[0]} to {counts[-1]} seeds of each loss"


def code(variant: Variant) -> str:
    return f"`{variant.name}`"


def listed(variants: Sequence[Variant]) -> str:
    names = [code(variant) for variant in variants]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def too_few(stage: Stage) -> str:
    said = power(replace(stage.comparison, pairs={
        stage.primary.name: stage.comparison.pairs[stage.primary.name]}))  # fmt: skip
    return said or ""


def claims(stage: Stage) -> str:
    """Return the claims of the literature, each with its test and its result."""
    ratios = results.ratios(stage)
    early = _ratio(ratios.get("gradient_first"), "G's gradient in the first measured epoch")
    late = _ratio(ratios.get("gradient_last"), "G's gradient in the last one")
    parts = [
        "**The saturating loss's gradient vanishes** (Goodfellow et al. 2014, section 3). Test: G's"
        " gradient norm with `minimax` as a multiple of that with `bce`, whose D has the same loss,"
        f" and FID. Result: {early} {late} {difference(stage, 'minimax', BASELINE)}",
        "Gradient norms of losses with other scales cannot be compared, so that a cure is judged by"
        " FID.",
    ]
    for loss, title in (("wgan", "WGAN"), ("lsgan", "LSGAN")):
        time = _time(stage, loss, BASELINE)
        parts.append(
            f"**{title} gives better samples than cross-entropy, at a price in time.** Test: FID of"
            f" `{loss}` against `{BASELINE}`, and its training time as a multiple. Result:"
            f" {_verdict(stage.pair(loss, BASELINE))}. {difference(stage, loss, BASELINE)} {time}"
        )
    parts += [_divergences(stage, against) for against in (BASELINE, "fgan_kl")]
    return "\n\n".join(parts)


def _verdict(pair: Pair | None) -> str:
    if pair is None or not pair.established:
        return "undecided"
    return "supported" if pair.theta > 0.5 else "contradicted on this network"


def planned(stage: Stage) -> str:
    """Return the comparisons that were fixed beforehand, with Holm's correction over them alone.

    Five seeds cannot establish anything among all pairs of more than four losses.
    """
    pairs = {loss: stage.pair(loss, BASELINE) for loss in PLANNED}
    there = {loss: pair for loss, pair in pairs.items() if pair is not None}
    if not there:
        return ""
    corrected = holm([pair.p for pair in there.values()])
    rows = [
        [
            f"`{loss}`",
            signed(pair.shift, 3),
            span(pair.shift_interval) or "–",
            f"{pair.theta:.2f} {span(pair.interval, 2)}".strip(),
            probability(p),
            "established" if replace(pair, p_holm=p).established else "not established",
        ]
        for (loss, pair), p in zip(there.items(), corrected, strict=True)
    ]
    head = ["loss", "difference in FID", "95%", "P(better)", "p (Holm)", ""]
    note = (
        f"The planned comparisons against `{BASELINE}`, with Holm's correction over these"
        f" {len(there)} alone:"
    )
    return f"{note}\n\n{table(head, rows)}"


def _ratio(found: Ratio | None, what: str) -> str:
    if found is None:
        return f"{what}: not stated, it takes two seeds of both."
    how = "established" if found.established else "not established to differ from 1"
    return (
        f"{what} is {short(found.ratio, 3)} times {span(found.interval)} that of `{found.second}`"
        f" (p = {probability(found.p_holm)} after Holm's correction, n = {found.n} and {found.m}):"
        f" {how}."
    ).replace("  ", " ")


def _time(stage: Stage, first: str, second: str) -> str:
    one, other = (v and seconds(v) for v in map(stage.variant, (first, second)))
    if not one or not other:
        return "Its training time: not stated, it takes two seeds of both."
    return (
        f"Its training time is {short(one / other, 3)} times that of `{second}`, by the shortest"
        " runs of both; not tested."
    )


def difference(stage: Stage, first: str, second: str) -> str:
    """Return the difference in FID of two losses as a sentence."""
    pair = stage.pair(first, second)
    if pair is None:
        return f"FID of `{first}` against `{second}`: not stated, it takes two seeds of both."
    return f"FID of `{first}` against `{second}`: {in_words(pair)}."


def in_words(pair: Pair) -> str:
    """Return a comparison: shift, probability of improvement, p and whether it is established."""
    shift = "no finite difference"
    if pair.shift is not None:
        sign = "−" if pair.shift < 0 else "+"
        shift = f"{sign}{short(abs(pair.shift), 3)} {span(pair.shift_interval)}".strip()
    how = "established" if pair.established else "not established"
    return (
        f"{shift}, better with probability {pair.theta:.2f} {span(pair.interval, 2)}, p ="
        f" {probability(pair.p_holm)} after Holm's correction, n = {pair.n} and {pair.m}: {how}"
    )


def _divergences(stage: Stage, against: str) -> str:
    others = [v for v in stage.variants if v.name.startswith("fgan_") and v.name != against]
    pairs = [(v, pair) for v in others if (pair := stage.pair(v.name, against)) is not None]
    title = (
        f"**Some f-divergence is better than `{against}`.** Test: FID of each against it. Result: "
    )
    if not pairs:
        return title + "not stated, it takes two seeds of both."
    better = [v for v, pair in pairs if pair.established and pair.theta > 0.5]
    worse = [v for v, pair in pairs if pair.established and pair.theta < 0.5]
    said = [
        f"of {len(pairs)}, established to be better: {listed(better) if better else 'none'};",
        f"established to be worse: {listed(worse) if worse else 'none'}.",
    ]
    best = max(pairs, key=lambda item: item[1].theta)
    return title + " ".join(said) + f" The most favourable: {code(best[0])}, {in_words(best[1])}."


def what_is_established(stage: Stage) -> str:
    held = results.established(stage)
    total = len(stage.comparison.pairs[stage.primary.name])
    if not held:
        return f"Of {total} differences in FID on MNIST, none. {too_few(stage)}".strip()
    by_winner: dict[int, list[Pair]] = {}
    for pair in held:
        by_winner.setdefault(pair.first, []).append(pair)
    lines = [f"Of {total} differences in FID on MNIST, {len(held)}, after Holm's correction:", ""]
    for variant in stage.variants:
        beaten = by_winner.get(variant.index)
        if beaten:
            names = [stage.variants[pair.second] for pair in beaten]
            names.sort(key=lambda each: each.index)
            lines.append(f"- {code(variant)} is better than {listed(names)}.")
    return "\n".join(lines)


def not_established(stage: Stage) -> str:
    total = len(stage.comparison.pairs[stage.primary.name])
    held = len(results.established(stage))
    group = results.leaders(stage)
    lines = [f"- {total - held} of {total} differences in FID on MNIST."]
    if len(group) > 1:
        lines.append(f"- Any order among {listed(group)}, which nothing is established to beat.")
    for control in CONTROLS:
        pair = stage.pair(control, BASELINE)
        if pair is not None:
            verdict = (
                "**established, which is an accident or a fault of this study**"
                if pair.established
                else "not established, as it must be"
            )
            lines.append(
                f"- Control: a difference between `{control}` and `{BASELINE}` is {verdict}."
            )
    few = [v for v in stage.variants if not enough(v)]
    if few:
        lines.append(f"- Anything of {listed(few)}: fewer than two runs have ended.")
    said = too_few(stage)
    return "\n".join([*lines, f"- {said}"] if said else lines)
