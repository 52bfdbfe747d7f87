"""The pages of losses and regularizers, from what configuration files and docstrings say.

``python -m docs.losses [FOLDER]`` writes them and their pictures (default: docs/generated).
"""

import inspect
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf
from torch import nn

from docs import formulas, score_space
from docs.headers import FIELDS, header, markdown
from gan_zoo.config.build import instantiate
from gan_zoo.config.compose import VERSION_BASE, config_folder
from gan_zoo.config.preflight import incompatibilities, refuse_batch_norm
from gan_zoo.regularizers.none import Unregularized
from gan_zoo.types import AdversarialLoss, Regularizer

CONF = config_folder()
GENERATED = Path(__file__).parent / "generated"
PAGES = {  # file -> title, what the page is about, modules of gan_zoo.losses
    "cross_entropy": (
        "Cross-entropy", "The GAN of 2014 and what smoothing and penalties make of it.",
        ("bce", "minimax"),
    ),
    "alpha": (
        "Alpha-loss", "Cross-entropy, Hellinger and total variation as one tunable family.",
        ("alpha_gan",),
    ),
    "wasserstein": (
        "Wasserstein", "A critic that estimates a distance, and the ways to bound its slope.",
        ("wgan",),
    ),
    "least_squares": ("Least squares", "Scores are drawn to targets.", ("lsgan",)),
    "margin": ("Hinge", "D stops caring about samples that are far enough on their side.",
               ("hinge",)),
    "relativistic": (
        "Relativistic", "Scores count only in comparison with those of the other kind.",
        ("relativistic",),
    ),
    "fgan": (
        "f-divergences", "D maximises a lower bound of a divergence, of which there are many.",
        ("fgan",),
    ),
}  # fmt: skip


def names(group: str) -> list[str]:
    """The options of a configuration group."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def write(folder: Path = GENERATED) -> None:
    """Write all pages and pictures below ``folder``; a file that would not change is left."""
    for page, text in pages().items():
        keep(folder / page, text.encode())
    for name, content in pictures().items():
        keep(folder / name, content)


def pages() -> dict[str, str]:
    """File name -> Markdown, of losses and regularizers."""
    methods = {name: method(name) for name in names("loss")}
    placed: dict[str, list[Method]] = {page: [] for page in PAGES}
    for one in methods.values():
        placed[_page_of(one)].append(one)
    found = {"losses/index.md": _overview(placed)}
    sections = frozenset(methods)
    for page, (title, about, _) in PAGES.items():
        body = [f"# {title}", about, _LEGEND, *(m.section(sections) for m in placed[page])]
        found[f"losses/{page}.md"] = "\n\n".join(body) + "\n"
    return {**found, "regularizers.md": _regularizers(methods.values())}


def pictures() -> dict[str, bytes]:
    """File name -> SVG, for each loss that differs from the others, on light and dark ground."""
    torch.set_num_threads(1)
    found = {}
    for name, one in _pictured().items():
        drawn, undecided = score_space.curves(one.loss), one.loss.real_threshold
        for dark in (False, True):
            path = _picture_path(name, dark=dark)
            found[f"losses/{path}"] = score_space.picture(drawn, undecided, dark=dark)
    return found


class Method:
    """One file of conf/loss: what it says, and what it comes to in a run."""

    def __init__(self, name: str):
        self.name = name
        self.said = header(CONF / "loss" / f"{name}.yaml")
        self.config, self.choices = _composed(name)
        self.loss: AdversarialLoss = instantiate(self.config.loss)
        self.regularizer: Regularizer = instantiate(self.config.regularizer)

    @property
    def key(self) -> str:
        """Equal for methods whose losses are the same function of scores."""
        return repr(self.loss) + str(self.config.loss.get("generator", ""))

    def section(self, sections: frozenset[str]) -> str:
        """Formula, picture, recipe, and all that the file's header says."""
        drawn = next(n for n, one in _pictured().items() if one.key == self.key)
        said = {
            name: markdown(self.said[name], sections) for name in FIELDS if name in self.said
        }  # fmt: skip
        lines = [
            f"(loss-{self.name})=\n## {self.name}",
            markdown(self.said["summary"], sections),
            *self.formulas(),
            *(
                f"![{self.name} in score space: its losses, and the push on each score]"
                f"({_picture_path(drawn, dark=dark)}){{.only-{ground} .score-space}}"
                for dark, ground in ((False, "light"), (True, "dark"))
            ),
            f"**Recipe.** {self.recipe()}",
            *self.elsewhere(),
            *(f"**{title}.** {text}" for title, text in said.items()),
            *(f"**Warns.** {markdown(text)}." for text in self.warnings()),
            f"**Code.** {self.code()}",
        ]
        return "\n\n".join(lines)

    def formulas(self) -> list[str]:
        """What D and G minimise, as the docstring of the loss states it."""
        stated = formulas.of_loss(str(type(self.loss).__doc__), self.config.loss.get("generator"))
        lines = {f"L_{network}": text for network, text in stated.items()}
        divergence = getattr(self.loss, "divergence", None)
        note = ""
        if divergence is not None:
            lines |= formulas.of_divergence(type(divergence))
            note = lines.pop("note", "")
        drawn = [formulas.mathml(left, formulas.read(right)) for left, right in lines.items()]
        block = '<div class="formulas">' + "".join(drawn) + "</div>"
        return [block, *([f"f\\* as above, {markdown(note)}."] if note else [])]

    def recipe(self) -> str:
        """The values that a run with the default network takes."""
        config = self.config
        optimizer = config.optimizer.discriminator
        values = [
            *(f"`loss.{name}={value}`" for name, value in _options(config.loss)),
            f"`regularizer={self.choices['regularizer']}`",
            *(f"`regularizer.{name}={value}`" for name, value in _options(config.regularizer)),
            f"`optimizer={self.choices['optimizer']}`",
            *(
                f"`optimizer.discriminator.{name}={value}`"
                for name, value in _options(optimizer)
                if name != "fused"
            ),
            f"`optimizer.generator.lr={config.optimizer.generator.lr}`",
            f"`trainer.n_critic={config.trainer.n_critic}`",
        ]
        if config.trainer.gradient_clip is not None:
            values.append(f"`trainer.gradient_clip={config.trainer.gradient_clip}`")
        if config.model.discriminator.norm == "spectral":
            values.append("`model.discriminator.norm=spectral`")
        if config.model.discriminator.packing > 1:
            values.append(f"`model.discriminator.packing={config.model.discriminator.packing}`")
        if "instance_noise" in config.model.discriminator:
            noise = config.model.discriminator.instance_noise
            values.append(f"`model.discriminator.instance_noise={noise}`, falling to 0")
        return ", ".join(values) + "."

    def elsewhere(self) -> list[str]:
        """What conf/tuned says of other networks than the published one."""
        tuned = sorted((CONF / "tuned").glob(f"*_{self.name}.yaml"))
        models = names("model")
        return [
            f"**Differs.** `conf/tuned/{path.name}`: {markdown(header(path)['summary'])}"
            for path in tuned
            if path.stem.removesuffix(f"_{self.name}") in models
        ]

    def warnings(self) -> Iterable[str]:
        """What the program says of a run without the regularizer, or with batch norm in D."""
        plain, normed = nn.Linear(1, 1), nn.BatchNorm1d(1)
        found = incompatibilities(self.loss, Unregularized(), plain)
        if self.config.model.discriminator.norm != "spectral" and found:
            yield f"Without its regularizer: {found[0]}"
        try:
            refuse_batch_norm(self.regularizer, nn.Sequential(normed))
        except ValueError as error:
            yield f"Refused with batch norm in D: {error}".replace(" (0)", "")

    def code(self) -> str:
        """Links to the classes."""
        targets = [self.config.loss, self.config.loss.get("divergence"), self.config.regularizer]
        found = [f"{{py:class}}`{t._target_}`" for t in targets if t is not None]
        return ", ".join([*found, f"`conf/loss/{self.name}.yaml`"]) + "."


_LEGEND = """In the formulas, *r* is the score of a real sample, *f* that of a generated one and
*s* the softplus, *s*(x) = log(1 + exp x); both networks minimise. In the pictures one score runs
along the axis while the other stays at the dotted line, where D is undecided; a push above 0 raises
the score. All pictures have the same scale."""


def _composed(name: str) -> tuple[DictConfig, dict[str, Any]]:
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = compose("config", [f"loss={name}"], return_hydra_config=True)
        choices = dict(config.hydra.runtime.choices)
        OmegaConf.set_struct(config, False)
        config.pop("hydra")
    return config, choices


def _options(node: DictConfig) -> list[tuple[str, str]]:
    return [
        (str(name), str(value).replace(" ", ""))
        for name, value in node.items()
        if not str(name).startswith("_") and not OmegaConf.is_dict(value)
        and not (OmegaConf.is_list(value) and OmegaConf.is_dict(value[0]))
    ]  # fmt: skip


@cache
def method(name: str) -> Method:
    """The method of this name, composed once."""
    return Method(name)


def _pictured() -> dict[str, Method]:
    """The first method of each loss that is another function of scores."""
    found: dict[str, Method] = {}
    for name in names("loss"):
        found.setdefault(method(name).key, method(name))
    return {one.name: one for one in found.values()}


def _picture_path(name: str, *, dark: bool) -> str:
    return f"pictures/{name}-{'dark' if dark else 'light'}.svg"


def _page_of(one: Method) -> str:
    module = type(one.loss).__module__.rpartition(".")[2]
    found = [page for page, (_, _, modules) in PAGES.items() if module in modules]
    if not found:
        raise ValueError(f"conf/loss/{one.name}.yaml: give {module} a page in docs.losses.PAGES")
    return found[0]


def _overview(placed: dict[str, list[Method]]) -> str:
    rows = [
        f"| [`{one.name}`](#loss-{one.name}) | {markdown(one.said['summary'])} |"
        for group in placed.values()
        for one in group
    ]
    files = "\n".join(placed)
    return (
        "# Losses\n\nEvery file of `conf/loss` is a method with its whole recipe. These pages are"
        " written from those files, from docstrings, and by evaluating the losses.\n\n"
        "| `loss=` | |\n| --- | --- |\n" + "\n".join(rows)
        + f"\n\n:::{{toctree}}\n:hidden:\n\n{files}\n:::\n"
    )  # fmt: skip


def _regularizers(methods: Iterable[Method]) -> str:
    users: dict[str, list[str]] = {}
    for one in methods:
        users.setdefault(one.choices["regularizer"], []).append(one.name)
    sections = [_regularizer(name, users.get(name, [])) for name in names("regularizer")]
    about = (
        "What is added to D's loss (a penalty) or done to its weights after each update (a"
        " constraint), chosen with `regularizer=`; most losses bring theirs. Any can be combined"
        " with any loss: `python run.py loss=lsgan regularizer=r1`."
    )
    return "\n\n".join(["# Regularizers", about, *sections]) + "\n"


def _regularizer(name: str, users: list[str]) -> str:
    path = CONF / "regularizer" / f"{name}.yaml"
    config = OmegaConf.load(path)
    target = get_class(config._target_)
    formula, _, rest = inspect.cleandoc(str(target.__doc__)).partition("\n\n")
    kept = [line for line in rest.split("\n\n") if not line.startswith(("Args:", "Raises:"))]
    source = [" ".join(part.split()) for part in kept]
    assert isinstance(config, DictConfig)
    values = ", ".join(f"`regularizer.{option}={value}`" for option, value in _options(config))
    lines = [
        f"(regularizer-{name})=\n## {name}",
        markdown(header(path)["summary"]),
        f"<pre class=\"formulas\">{' '.join(formula.split())}</pre>",
        *(markdown(part.replace("``", "`")) for part in source),
        f"**Values.** {values}." if values else "",
        "**Used by.** " + ", ".join(f"[`loss={user}`](#loss-{user})" for user in users) + "."
        if users else "",
        f"**Code.** {{py:class}}`{config._target_}`.",
    ]  # fmt: skip
    return "\n\n".join(line for line in lines if line)


def keep(path: Path, content: bytes) -> None:
    """Write a file unless it has this content already: what is as it was is not built again."""
    if not (path.exists() and path.read_bytes() == content):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else GENERATED)
