"""The study's page from its data: ``python -m gan_zoo.experiments.study_page [data=…] [docs=…]``.

Writes docs/study.md from the template docs/study/study.md.jinja, its figures to docs/study/figures,
and the parts between the study's marks of docs/choosing.md and of the README beside docs. The same
data give the same files. Needs no torch.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
from scipy import stats

from gan_zoo.cli.options import program
from gan_zoo.experiments import study_figures
from gan_zoo.experiments import study_results as results
from gan_zoo.experiments.study import Data, read
from gan_zoo.experiments.study_advice import choosing, first_table
from gan_zoo.experiments.study_results import BASELINE, Stage, enough, median, seconds
from gan_zoo.experiments.study_settings import search_section, stress_section
from gan_zoo.experiments.study_words import (
    FIGURES,
    NOTHING,
    Study,
    claims,
    code,
    figure,
    load,
    mean_in_words,
    not_established,
    planned,
    probability,
    seed_counts,
    signed,
    span,
    summary,
    table,
    too_few,
    what_is_established,
)
from gan_zoo.report.formatting import duration, short
from gan_zoo.report.summary import ALPHA
from gan_zoo.runs.record import write_bytes

TEMPLATE = "study/study.md.jinja"
BEGIN, END = "<!-- study: begin, written by make study -->", "<!-- study: end -->"
TITLES = {
    "mnist": "MNIST: stage 1", "fashion": "Fashion-MNIST: stage 2", "search": "Search: stage 3",
    "winners": "Winners of the search: stage 3", "stress": "Stress: stage 4",
}  # fmt: skip
DOTS = 24  # characters of a row of dots


@dataclass(frozen=True)
class Options:
    """What the command line may say."""

    data: str = "docs/study/data"
    docs: str = "docs"


def page(study: Study, template: str, figures: Iterable[str]) -> str:
    """Return the page as Markdown.

    Args:
        study: what is said.
        template: its fixed text.
        figures: names of the figures that there are.
    """
    drawn = set(figures)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    main = study.stages.get("mnist")
    text = environment.from_string(template).render(
        summary=summary(study),
        state=state(study.data),
        stages=[
            {"title": TITLES[name], "text": _stage(study, name, drawn)}
            for name in ("mnist", "fashion")
        ],
        search=search_section(study, drawn),
        stress=stress_section(study),
        curves=NOTHING if main is None else _curves(main),
        claims=NOTHING if main is None else claims(main),
        established=NOTHING if main is None else what_is_established(main),
        open=NOTHING if main is None else not_established(main),
        effort=_effort(study.data),
    )
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def dots(values: Sequence[float], low: float, high: float) -> str:
    """Return a row of characters on a logarithmic axis: • a run, a digit so many runs.

    >>> dots([1.0, 1.0, 10.0], 1.0, 10.0)
    '`2──────────────────────•`'
    """
    span_of_all = math.log(high / low) if high > low else 1.0
    cells = [0] * DOTS
    for value in values:
        place = math.log(value / low) / span_of_all
        cells[round(place * (DOTS - 1))] += 1
    return "`" + "".join("─" if n == 0 else "•" if n == 1 else str(min(n, 9)) for n in cells) + "`"


def state(data: Data) -> str:
    """Return what there is of each stage, on which machines, and whether they are mixed."""
    if data.runs.empty:
        return "No run has ended yet."
    rows, notes = [], []
    for name, title in TITLES.items():
        runs = data.runs[data.runs["stage"] == name]
        if runs.empty:
            continue
        counts = runs["status"].value_counts()
        machines = (runs["cpu"] + ", " + runs["device"] + ", " + runs["precision"]
                    + ", threads: " + runs["threads"].astype(int).astype(str))  # fmt: skip
        versions = "torch " + runs["torch"] + ", commit " + runs["commit"]
        rows.append([
            title, f"{len(runs)}", f"{runs['loss'].nunique()}", f"{runs['seed'].nunique()}",
            *(f"{counts.get(status, 0)}" for status in ("finished", "diverged", "failed")),
            duration(float(runs["seconds"].sum())),
            "; ".join(sorted(machines.unique())), "; ".join(sorted(versions.unique())),
        ])  # fmt: skip
        later = runs[~runs["seed"].isin(results.complete_seeds(data, name))]
        if name in results.BY_SEED and not later.empty:
            notes.append(
                f"{title}: the {len(later)} runs of seeds that not every loss has yet are in the"
                " data and count nowhere below."
            )
        if machines.nunique() > 1:
            notes.append(
                f"**{title} mixes {machines.nunique()} kinds of machine or precision**, against the"
                " protocol: its training times are not comparable, and its numbers may differ by"
                " more than rounding."
            )
    head = ["stage", "runs", "losses", "seeds", "finished", "diverged", "failed", "training",
            "machine", "versions"]  # fmt: skip
    return "\n\n".join([table(head, rows), *notes])


def _stage(study: Study, name: str, drawn: set[str]) -> str:
    stage = study.stages.get(name)
    if stage is None:
        return NOTHING
    real = stage.comparison.real(stage.primary)
    aside = "" if real is None else f" Real images reach {short(real, 3)}."
    parts = [
        f"FID of the averaged weights, {seed_counts(stage)}, the smallest median first.{aside} Each"
        " run is a dot on a logarithmic axis; *better* and *worse*: how many losses it is"
        " established to be better and worse than; *gap*: 0 at real images, 1 at a kernel density"
        " sampler or where a run diverged.",
        _primary_table(stage),
        figure(name, "dots", drawn, "FID of every run"),
        figure(name, "ranks", drawn, "Mean ranks within seeds with the critical difference"),
        figure(
            name,
            "improvement",
            drawn,
            "Probability that a row's loss is better than a column's; marked where established",
        ),
        too_few(stage),
        "Secondary outcomes, medians over runs that finished. They describe; FID decides.",
        _secondary_table(stage),
        figure(name, "precision_recall", drawn, "Recall against precision"),
        "At equal cost: median validation FID (of 1,000 samples) of the last measurement at or"
        " before a budget, 5% beyond it allowed. Training times are those of each loss's shortest"
        " run, since other work on a machine makes runs longer, never shorter.",
        _cost_table(stage),
        figure(name, "cost", drawn, "Median FID against training time"),
        figure(
            name, "curves", drawn, "Validation FID over discriminator updates and training time"
        ),
        figure(
            name,
            "profiles",
            drawn,
            "Performance profiles: share of runs with at most so large an FID",
        ),
        figure(name, "samples", drawn, "Samples of each loss, row = class, the same latents"),
        planned(stage) if name == "fashion" else "",
        _agreement(study) if name == "fashion" else "",
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part)


def _primary_table(stage: Stage) -> str:
    metric = stage.primary
    held = results.established(stage)
    every = [value for v in stage.variants for value in v.values(metric.name).values()]
    low, high = min(every), max(every)
    rows = []
    for variant in stage.variants:
        values = list(variant.values(metric.name).values())
        lost = sum(n for status, n in variant.counts.items() if status != "finished")
        rows.append([
            f"{variant.index + 1} {code(variant)}", short(median(variant, metric), 3),
            mean_in_words(stage, variant),
            dots(values, low, high), f"{lost} of {len(variant.runs)}",
            f"{sum(pair.first == variant.index for pair in held)}",
            f"{sum(pair.second == variant.index for pair in held)}",
            short(results.gap(stage, variant), 2), duration(seconds(variant)),
        ])  # fmt: skip
    head = ["loss", "median", "mean [95%]", f"{short(low, 3)} … {short(high, 3)}", "lost", "better",
            "worse", "gap", "training"]  # fmt: skip
    return table(head, rows)


def _secondary_table(stage: Stage) -> str:
    shown = {key: metric for key, metric in stage.outcomes.items() if key != "fid"}
    rows = [
        [code(v), *(short(results.median_of_finished(v, m.name), 3) for m in shown.values())]
        for v in stage.variants
    ]
    heads = [f"{key.replace('_', ' ')} {metric.arrow}".strip() for key, metric in shown.items()]
    return table(["loss", *heads], rows)


def _cost_table(stage: Stage) -> str:
    column, base = results.validation_column(stage), stage.variant(BASELINE)
    time = None if base is None else seconds(base)
    if column is None or base is None or time is None:
        return f"Not shown: it takes two seeds of `{BASELINE}` with validation measurements."
    steps = max(run.record.progress.get("discriminator_updates", 0.0) for run in base.runs)
    rows = []
    for v in stage.variants:
        used = v.progress("discriminator_updates")
        own = seconds(v)
        affordable = used * time / own if used and own else 0.0
        rows.append([
            code(v), short(used, 4),
            short(results.at_budget(v, column, "generator_updates", math.inf), 3),
            short(results.at_budget(v, column, "discriminator_updates", steps), 3),
            short(results.at_budget(v, column, "discriminator_updates", affordable), 3),
        ])  # fmt: skip
    head = ["loss", "D updates", "at the end", f"at {steps:,.0f} D updates", f"at {duration(time)}"]
    return table(head, rows)


def _agreement(study: Study) -> str:
    first, second = study.stages.get("mnist"), study.stages["fashion"]
    if first is None:
        return ""
    a = {v.name: median(v, first.primary) for v in first.variants if enough(v)}
    b = {v.name: median(v, second.primary) for v in second.variants if enough(v)}
    both = [(x, y) for name in a if (x := a[name]) is not None and (y := b.get(name)) is not None]
    if len(both) < 3:
        return ""
    tau, p = stats.kendalltau(*np.array(both).T)
    return (
        f"The order of the {len(both)} losses that have a median on both data sets agrees with that"
        f" of MNIST by Kendall's τ = {tau:.2f} (p = {probability(float(p))})."
    )


def _curves(stage: Stage) -> str:
    found = results.loss_curves(stage)
    if not found:
        return f"Not shown: it takes {results.LEAST_SEEDS} seeds with validation measurements."
    rows = []
    for each in found:
        line = [code(each.variant)]
        for network in ("D", "G"):
            result = each.found.get(network)
            if result is None:
                line += ["–", "–", "–"]
                continue
            line += [
                f"{signed(result.within_mean)} {span(result.within_interval, 2)}".strip(),
                signed(result.between),
                probability(each.p_holm[network]) if network in each.p_holm else "–",
            ]
        rows.append(line)
    sure = [
        f"{code(each.variant)} ({network})"
        for each in found for network, p in each.p_holm.items() if p < ALPHA
    ]  # fmt: skip
    said = (
        f"Established between runs, after Holm's correction: {', '.join(sure)}."
        if sure
        else "Between runs, no loss's final value is established to go with FID."
    )
    head = ["loss", "D within", "D between", "p (Holm)", "G within", "G between", "p (Holm)"]
    return "\n\n".join([
        "Kendall's τ of a network's adversarial loss on held-out images with FID: 1 where a lower"
        " loss always goes with better samples, −1 where a higher one does. *Within*: over the"
        " measurements of a run, mean over runs with its 95% interval; two curves that both follow"
        " time agree here whatever they mean. *Between*: over runs, their last values against the"
        " final FID.",
        table(head, rows),
        said,
    ])  # fmt: skip


def _effort(data: Data) -> str:
    if data.runs.empty:
        return "A run takes one to five minutes on one core."
    total = float(data.runs["seconds"].sum())
    return (
        f"The {len(data.runs)} runs in the data trained for {total / 3600:.1f} hours of one core in"
        " all; measuring comes on top."
    )


def between_marks(text: str, content: str) -> str:
    """Return a page with what stands between the study's marks replaced.

    Raises:
        ValueError: the page has not both marks, once, in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}, in this order")
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{after}"


def write(data: Data, docs: Path) -> list[Path]:
    """Write page, figures and the parts of choosing.md and README.md; return what was written.

    Figures of an earlier page that are not drawn again are removed.
    """
    study = load(data)
    drawn = study_figures.draw(study.stages, data.grids)
    template = (docs / TEMPLATE).read_text(encoding="utf-8")
    files: dict[Path, bytes] = {docs / FIGURES / f"{n}.png": png for n, png in drawn.items()}
    files[docs / "study.md"] = page(study, template, drawn).encode()
    parts = {docs / "choosing.md": choosing(study), docs.parent / "README.md": first_table(study)}
    for path, part in parts.items():
        files[path] = between_marks(path.read_text(encoding="utf-8"), part).encode()
    for stale in set((docs / FIGURES).glob("*.png")) - set(files):
        stale.unlink()
    for path, content in files.items():
        write_bytes(path, content)
    return sorted(files)


def _run(options: Options) -> None:
    written = write(read(Path(options.data)), Path(options.docs))
    print(f"gan_zoo: {Path(options.docs) / 'study.md'} and {len(written) - 1} other files")


main = program(__doc__, Options, _run)

if __name__ == "__main__":
    main()
