"""The documentation says what is so: its code runs, its formulas compute, nothing is left out."""

import importlib.util
import math
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gan_zoo
from docs import formulas, headers, losses, reference, score_space
from docs.docstrings import processed
from docs.metrics import listing
from gan_zoo.evaluation.metrics.registry import QUANTITIES
from gan_zoo.losses import divergences

ROOT = Path(__file__).parents[1]
SCORES = torch.linspace(-2, 3, 41, dtype=torch.float64)


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return losses.pages()


@pytest.mark.parametrize("name", losses.names("loss"))
def test_every_loss_has_its_section_with_formula_picture_and_all_its_header_says(name, written):
    (page,) = [text for text in written.values() if f"(loss-{name})=\n## {name}\n" in text]
    section = page.partition(f"(loss-{name})=")[2].partition("\n(loss-")[0]
    assert section.count("<math") >= 2
    for ground in ("light", "dark"):
        (path,) = re.findall(rf"\]\((pictures/\w+-{ground}\.svg)\)", section)
        drawn = path.removeprefix("pictures/").removesuffix(f"-{ground}.svg")
        same = losses.method(drawn)
        assert same.loss == losses.method(name).loss
        assert same.config.loss == losses.method(name).config.loss
    assert f"`python run.py loss={name}" in section
    for field in headers.FIELDS:
        assert f"**{field}.** " in section, f"conf/loss/{name}.yaml does not say {field}"
    assert f"[`{name}`](#loss-{name})" in written["losses/index.md"]


@pytest.mark.parametrize("name", losses.names("regularizer"))
def test_every_regularizer_has_its_section(name, written):
    assert f"(regularizer-{name})=\n## {name}\n" in written["regularizers.md"]


def test_recipes_are_what_a_run_takes(written):
    page = written["losses/wasserstein.md"]
    section = page.partition("(loss-wgan_gp)=")[2].partition("\n(loss-")[0]
    for value in ("regularizer=gradient_penalty", "regularizer.weight=10.0", "trainer.n_critic=1",
                  "optimizer.discriminator.lr=0.001"):  # fmt: skip
        assert f"`{value}`" in section
    assert "Refused with batch norm in D: a gradient penalty needs each score to depend" in section


def drawn(names: list[str]) -> dict[str, bytes]:
    found = {}
    for name in names:
        loss = losses.method(name).loss
        curves = score_space.curves(loss)
        found[name] = score_space.picture(curves, loss.real_threshold, dark=False)
    return found


def test_pictures_show_the_losses_and_their_slopes():
    scores = torch.linspace(*score_space.SCORES, score_space.POINTS)
    real, fake, generator = score_space.curves(losses.method("bce").loss)
    rest = torch.tensor(2.0).log()
    assert torch.allclose(real.losses, (1 + (-scores).exp()).log() + rest, atol=1e-5)
    assert torch.allclose(real.pushes, torch.sigmoid(-scores), atol=1e-5)  # reals are raised
    assert torch.allclose(fake.pushes, -torch.sigmoid(scores), atol=1e-5)  # fakes are lowered
    assert torch.allclose(generator.losses, (1 + (-scores).exp()).log(), atol=1e-5)
    pictures = drawn(["bce", "minimax"])
    assert all(picture.startswith(b"<?xml") for picture in pictures.values())
    assert pictures["bce"] != pictures["minimax"]
    assert pictures == drawn(["bce", "minimax"])  # the same each time


def alpha_loss(scores, alpha):
    """As the docstring of the alpha-GAN writes it, for any alpha but the limit 1."""
    if alpha == 1:
        return (1 + (-scores).exp()).log()
    return alpha / (alpha - 1) * (1 - torch.sigmoid(scores) ** ((alpha - 1) / alpha))


PLAIN = [name for name in losses.names("loss") if not name.startswith("fgan")]


@pytest.mark.parametrize("name", PLAIN)
def test_formulas_of_the_docstrings_are_what_the_code_computes(name):
    method = losses.method(name)
    rng = torch.Generator().manual_seed(0)
    r, f = torch.randn(2, 50, generator=rng, dtype=torch.float64) * 2
    known = {**formulas.functions(), **method.config.loss, "r": r, "f": f}
    known["e"] = method.config.loss.get("smoothing", 0.0)
    known["l"] = alpha_loss
    stated = formulas.of_loss(type(method.loss).__doc__, method.config.loss.get("generator"))
    found = {
        network: formulas.compute(formulas.read(text), known) for network, text in stated.items()
    }
    torch.testing.assert_close(found["D"], method.loss.discriminator(r, f))
    torch.testing.assert_close(found["G"], method.loss.generator(f, r))


DIVERGENCES = [
    divergences.TotalVariation(), divergences.KullbackLeibler(),
    divergences.ReverseKullbackLeibler(), divergences.Pearson(), divergences.Neyman(),
    divergences.SquaredHellinger(), divergences.Jeffrey(), divergences.JensenShannon(),
    divergences.WeightedJensenShannon(0.3), divergences.Gan(), divergences.Alpha(0.5),
]  # fmt: skip


@pytest.mark.parametrize("divergence", DIVERGENCES, ids=lambda found: type(found).__name__)
def test_formulas_of_the_divergences_are_what_the_code_computes(divergence):
    stated = {
        name: formulas.read(text)
        for name, text in formulas.of_divergence(type(divergence)).items()
        if name != "note"
    }
    known = {**formulas.functions(), **vars(divergence), "a": getattr(divergence, "alpha", None)}
    g = formulas.compute(stated["g_f(v)"], {**known, "v": SCORES})
    torch.testing.assert_close(g, divergence.activation(SCORES))
    inner = {**known, "t": g}
    for name in set(stated) - {"f(u)", "T(u)", "g_f(v)", "f*(t)"}:
        inner[name] = formulas.compute(stated[name], inner)
    conjugate = formulas.compute(stated["f*(t)"], inner)
    torch.testing.assert_close(conjugate, divergence.conjugate(SCORES))
    u = torch.linspace(0.2, 3, 15, dtype=torch.float64).requires_grad_()
    value = formulas.compute(stated["f(u)"], {**known, "u": u})
    (slope,) = torch.autograd.grad(value.sum(), u)
    if "T(u)" in stated:
        torch.testing.assert_close(formulas.compute(stated["T(u)"], {**known, "u": u}), slope)


def test_a_divergence_s_section_names_what_its_conjugate_is_written_in(written):
    section = written["losses/fgan.md"].partition("(loss-fgan_jeffrey)=")[2]
    assert "<mi>w</mi><mo>=</mo>" in section.partition("(loss-")[0]


@given(
    st.recursive(
        st.sampled_from(["x", "y", "2", "0.5"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*/"), inner).map(
                lambda t: f"({t[0]}) {t[1]} ({t[2]})"
            ),
            inner.map(lambda text: f"-({text})"),
            inner.map(lambda text: f"abs({text})"),
        ),
        max_leaves=8,
    )
)
@settings(max_examples=100, deadline=None)
def test_the_reader_of_formulas_computes_as_python_does(text):
    known = {"x": 1.7, "y": -0.6, "abs": abs}
    try:
        expected = eval(text, dict(known))
    except ZeroDivisionError:
        return
    assert formulas.compute(formulas.read(text), known) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2 x y", -2.04), ("x (y - 1)", -2.72), ("-x^2", -2.89), ("1/2 log x", 0.26531412),
     ("log(x) y", -0.31837695), ("mean (x - 1)^2", 0.49), ("x - y - 1", 1.3), ("|y| / 2", 0.3),
     ("mean[x + y]", 1.1), ("x^-1", 1 / 1.7)],
)  # fmt: skip
def test_neighbours_are_multiplied_and_prefixes_take_the_next_factor(text, value):
    known = {"x": 1.7, "y": -0.6, "log": math.log, "mean": lambda x: x, "abs": abs}
    assert formulas.compute(formulas.read(text), known) == pytest.approx(value)


@pytest.mark.parametrize("text", ["x +", "(x", "x)", "f(x", "x ? y", ""])
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(ValueError, match=r"where|cannot read"):
        formulas.read(text)


def test_mathml_keeps_the_brackets_that_matter():
    drawn = formulas.mathml("L_D", formulas.read("x - (y - 1) + 2 (x + y)"))
    plain = re.sub(r"<[^>]*>", "", drawn)
    assert plain == "LD=x−(y−1)+2(x+y)"
    assert re.sub(r"<[^>]*>", "", formulas.mathml("L", formulas.read("-(x + y)^2"))) == "L=−(x+y)2"


def test_the_list_of_metrics_has_all_of_them():
    items = listing().splitlines()
    assert [re.match(r"- `(\w+)`: \*\*", item)[1] for item in items] == list(QUANTITIES)
    assert "lower is better" in next(item for item in items if item.startswith("- `fid`"))


def test_the_reference_has_every_public_module():
    found = {name for names in reference.modules().values() for name in names}
    there = {module.name for module in pkgutil.walk_packages(gan_zoo.__path__, "gan_zoo.")}
    assert {name for name in there if "._" not in name} - found == set()
    for name in found:
        assert importlib.util.find_spec(name) is not None


def test_docstrings_are_plain_text_with_literal_formulas():
    lines = ["f* of |x|, see ema_, ``a_|b_", "c*`` and ``d? ``:", "", "    L_D = mean f*", "",
             "Args:", "    x: a*b, ``c*d``."]  # fmt: skip
    assert processed(lines) == [
        r"f\* of \|x\|, see ema\_, ``a_|b_", "c*`` and ``d?``:", "", "::", "",
        "    L_D = mean f*", "", "Args:", r"    x: a\*b, ``c*d``.",
    ]  # fmt: skip


def test_figures_of_modes_on_the_page_on_choosing_are_those_of_the_experiments():
    page = (ROOT / "docs" / "choosing.md").read_text()
    for experiment, column in (("ring8", 2), ("grid25", 4)):
        said = (ROOT / "conf" / "experiment" / f"{experiment}.yaml").read_text()
        header = " ".join(said.partition("# Deviations")[0].replace("\n#", " ").split())
        assert "### The ring with twenty" in page  # whose figures no header has
        table = page.partition("## Modes")[2].partition("### The ring with twenty")[0]
        for row in re.findall(r"^\| \w+ \|.* \|$", table, re.MULTILINE):
            name, *cells = (cell.strip() for cell in row.strip("|").split("|"))
            if re.fullmatch(r"0\.\d+", cells[column - 1]):
                number = cells[column - 1]
                pattern = rf"{number} [^.;]*\b{name}\b|\b{name} {number}"
                assert re.search(pattern, header), (experiment, name, number)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_without_the_network(tmp_path):
    pytest.importorskip("sphinx")
    pytest.importorskip("furo")
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-n", str(ROOT / "docs"), str(tmp_path)],
        cwd=ROOT, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loaded = re.findall(
            r"<(?:script|img|iframe)[^>]*\bsrc=[\"']([^\"']+)|<link[^>]*\brel=[\"'](?:stylesheet|"
            r"preload|preconnect)[\"'][^>]*\bhref=[\"']([^\"']+)",
            page.read_text(),
        )
        for found in filter(None, (a or b for a, b in loaded)):
            assert not re.match(r"(https?:)?//", found), (page, found)
            assert (page.parent / found.partition("?")[0]).exists() or found.startswith("data:")
    for name in losses.names("loss"):
        assert any(f'id="{name}"' in page.read_text() for page in pages), name
