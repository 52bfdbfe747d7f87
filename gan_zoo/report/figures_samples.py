"""Static figures of samples and classes."""

from matplotlib.figure import Figure

from gan_zoo.report.classes import confusions, per_class
from gan_zoo.report.comparison import Comparison
from gan_zoo.report.plot_style import (
    fixed_panels,
    heading,
    line_panels,
    line_style,
    plain,
    publication,
)
from gan_zoo.report.quantities import quantity
from gan_zoo.report.sample_strips import Evolution


def grids(comparison: Comparison, evolution: Evolution) -> Figure | None:
    """The last grid of one run of each variant, side by side."""
    if not evolution.finals:
        return None
    with publication():
        figure, axes = fixed_panels(len(evolution.finals), 4, (2.4, 2.6), left=0.1)
        # without axes there is nothing to leave room for but the titles
        figure.subplots_adjust(right=0.99, bottom=0.01, wspace=0.04, hspace=0.12)
        for panel, (index, picture) in zip(axes, sorted(evolution.finals.items()), strict=True):
            grey = "gray" if picture.mode == "L" else None
            panel.imshow(picture, cmap=grey, vmin=0, vmax=255, interpolation="none")
            panel.set_title(plain(comparison.variants[index].name))
            panel.axis("off")
    return figure


def per_class_panels(comparison: Comparison) -> Figure | None:
    """Each per-class quantity over the classes."""
    first = comparison.checkpoints[:1]
    classes = per_class(comparison.variants)
    found = {name: v for name, v in classes.items() if quantity(name).checkpoint in first}
    if not found:
        return None
    with publication():
        figure, axes = line_panels(
            len(found), 3, (3.3, 2.2), [variant.name for variant in comparison.variants]
        )
        for panel, (name, values) in zip(axes, found.items(), strict=True):
            labels = sorted({c for v in values.values() for c in v}, key=lambda c: (len(c), c))
            for variant in comparison.variants:
                means = values.get(variant.index, {})
                known = [(place, means[c]) for place, c in enumerate(labels) if c in means]
                x, y = zip(*known, strict=True) if known else ((), ())
                panel.plot(x, y, marker=".", lw=0.8, **line_style(variant.index))
            panel.set_xticks(range(len(labels)), [plain(label, 8) for label in labels])
            panel.set_xlabel("Class")
            panel.set_title(heading(quantity(name)))
    return figure


def confusion_panels(comparison: Comparison) -> Figure | None:
    """Share of samples of each label that the classifier assigns to each class."""
    found = confusions(comparison.variants)
    if not found:
        return None
    with publication():
        figure, axes = fixed_panels(len(found), 4, (2.3, 2.4))
        for panel, matrix in zip(axes, found, strict=True):
            panel.imshow(matrix.shares, cmap="Blues", vmin=0, vmax=1)
            panel.set_title(plain(matrix.variant.name, 24))
            panel.set_xlabel("classified as")
            panel.set_ylabel("generated for")
            panel.grid(visible=False)
    return figure
