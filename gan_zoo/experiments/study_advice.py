"""What the study advises: the README's table, and its part of the page on choosing a loss."""

from gan_zoo.experiments import study_results as results
from gan_zoo.experiments.study_results import BASELINE, Stage, faster, median, seconds
from gan_zoo.experiments.study_words import (
    NOTHING,
    Study,
    code,
    difference,
    in_words,
    listed,
    mean,
    mean_in_words,
    seed_counts,
    table,
    too_few,
)
from gan_zoo.report.comparison import Variant
from gan_zoo.report.formatting import duration, short

WELL_KNOWN = (BASELINE, "minimax", "lsgan", "wgan", "wgan_gp", "fgan_kl")


def first_table(study: Study) -> str:
    """Return the README's table: well-known losses and the smallest median of stage 1."""
    stage = study.stages.get("mnist")
    if stage is None:
        return f"[The study](docs/study.md): {NOTHING}"
    known = [v for v in stage.variants if v.index == 0 or v.name in WELL_KNOWN]
    recall = stage.outcomes.get("recall")
    rows = []
    for variant in sorted(known, key=lambda v: mean(stage, v)):
        of_recall = results.median_of_finished(variant, recall.name) if recall else None
        time = duration(seconds(variant))
        rows.append([code(variant), mean_in_words(stage, variant), short(of_recall, 2), time])
    for name, title in (("real", "real images"), ("kernel_density", "kernel density")):
        fid = short(stage.comparison.reference(stage.primary, name), 3)
        of_recall = stage.comparison.reference(recall, name) if recall else None
        rows.append([title, fid, short(of_recall, 2), ""])
    note = f"{_in_a_sentence(stage)} MNIST, {seed_counts(stage)} ([all](docs/study.md)):"
    return f"{note}\n\n{table(['loss', 'FID, mean [95%]', 'recall', 'training'], rows)}"


def _in_a_sentence(stage: Stage) -> str:
    chosen, held = results.default_choice(stage), results.established(stage)
    if chosen is None or not held:
        return f"**No difference between {len(stage.variants)} losses is established yet.**"
    beaten = sum(pair.first == chosen.index for pair in held)
    return (
        f"**Take {code(chosen)}**: of {len(stage.variants)} losses none is established to be"
        f" better, {beaten} are established to be worse."
    )


def choosing(study: Study) -> str:
    """Return the study's part of the page on choosing a loss."""
    stage = study.stages.get("mnist")
    title = "## What the study recommends\n"
    if stage is None:
        return title + "\n[The study](study.md) has no data yet; until then, what is below is all."
    chosen = results.default_choice(stage)
    intro = (
        "Written from [the study](study.md)'s stage 1: MNIST, the default network,"
        f" {seed_counts(stage)}; differences are in FID, after Holm's correction over all pairs."
    )
    if chosen is None or not results.established(stage):
        return f"{title}\n{intro}\n\nNo recommendation: {_nothing(stage, chosen)}"
    points = [_default(stage, chosen), *_deviate(stage, chosen), _avoid(stage, chosen)]
    points += _elsewhere(study, chosen)
    return "\n".join([title, intro, "", *(f"- {point}" for point in points if point)])


def _nothing(stage: Stage, chosen: Variant | None) -> str:
    if chosen is None:
        return (
            "each of the losses that nothing is established to beat has lost a run, or has too few."
        )
    return f"no difference is established. {too_few(stage)}".strip()


def _default(stage: Stage, chosen: Variant) -> str:
    base = "" if chosen.name == BASELINE else f" {difference(stage, chosen.name, BASELINE)}"
    others = [v for v in results.leaders(stage) if v is not chosen]
    beside = f" No difference from it is established for: {listed(others)}." if others else ""
    return (
        f"**By default, {code(chosen)}**: median FID {short(median(chosen, stage.primary), 3)},"
        f" {duration(seconds(chosen))} of training.{base}{beside}"
    )


def _deviate(stage: Stage, chosen: Variant) -> list[str]:
    points = []
    cheap = results.cheapest(stage)
    if cheap is not None and faster(cheap, chosen):
        points.append(
            f"**Short of time, {code(cheap)}**: {duration(seconds(cheap))} instead of"
            f" {duration(seconds(chosen))}. {difference(stage, cheap.name, chosen.name)}"
        )
    for outcome in ("recall", "label_accuracy"):
        if outcome not in stage.outcomes:
            continue
        better = [pair for pair in results.established(stage, outcome)
                  if pair.second == chosen.index]  # fmt: skip
        if better:
            best = max(better, key=lambda pair: (pair.theta, abs(pair.shift or 0.0)))
            name = code(stage.variants[best.first])
            points.append(
                f"**For {outcome.replace('_', ' ')}, {name}** (a secondary outcome, Holm's"
                f" correction over its own pairs): {outcome.replace('_', ' ')} {in_words(best)}."
            )
    return points


def _avoid(stage: Stage, chosen: Variant) -> str:
    slow = []
    for pair in results.established(stage):
        other = stage.variants[pair.second]
        if pair.first == chosen.index and not faster(other, chosen):
            slow.append((other, pair))
    if not slow:
        return ""
    slow.sort(key=lambda item: item[0].index)
    shifts = [abs(pair.shift) for _, pair in slow if pair.shift is not None]
    ends = list(dict.fromkeys(short(end(shifts), 3) for end in (min, max))) if shifts else []
    sizes = f", by {' to '.join(ends)} in FID" if ends else ""
    return (
        f"**Not worth the bother here**: {listed([v for v, _ in slow])}, established to be worse"
        f" than {code(chosen)}{sizes}, and no faster."
    )


def _elsewhere(study: Study, chosen: Variant) -> list[str]:
    """Return what stage 2 says of the recommended loss."""
    second = study.stages.get("fashion")
    there = None if second is None else second.variant(chosen.name)
    if second is None or there is None:
        return []
    beaten = [pair for pair in results.established(second) if pair.second == there.index]
    place = [v.name for v in second.variants].index(chosen.name) + 1
    how = (
        f"established to be worse than {listed([second.variants[p.first] for p in beaten])}"
        if beaten
        else "nothing is established to beat it"
    )
    return [
        f"**On Fashion-MNIST** {code(chosen)} has median FID"
        f" {short(median(there, second.primary), 3)}, place {place} of {len(second.variants)};"
        f" {how} ({seed_counts(second)})."
    ]
