"""The study's page: all its parts, generated, and the same from the same data."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

from gan_zoo.experiments import study, study_advice, study_page, study_words
from gan_zoo.report.load import load

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    """A folder of documentation with the template and a page on choosing."""
    folder = tmp_path_factory.mktemp("project") / "docs"
    (folder / "study").mkdir(parents=True)
    template = (ROOT / "docs" / study_page.TEMPLATE).read_text()
    (folder / study_page.TEMPLATE).write_text(template)
    text = f"# Choosing\n\n{study_page.BEGIN}\nold\n{study_page.END}\n\nThe rest.\n"
    for page in (folder / "choosing.md", folder.parent / "README.md"):
        page.write_text(text)
    return folder


@pytest.fixture(scope="module")
def written(docs, data):
    """All files of the page of the synthetic study."""
    return study_page.write(data, docs)


def test_the_page_has_every_figure_it_shows_and_shows_every_figure(docs, written):
    page = (docs / "study.md").read_text()
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert sorted(docs / name for name in shown) == [p for p in written if p.suffix == ".png"]
    for stage in ("mnist", "fashion"):
        for name in ("dots", "ranks", "improvement", "precision_recall", "cost", "curves",
                     "profiles", "samples"):  # fmt: skip
            assert f"study/figures/{stage}_{name}.png" in shown
    assert {"study/figures/search_budgets.png", "study/figures/search_settings.png"} < set(shown)
    assert study_words.NOTHING not in page


def test_the_page_says_what_the_synthetic_study_holds(docs, written):
    page = (docs / "study.md").read_text()
    assert "| MNIST: stage 1 | 80 | 8 | 10 | 78 | 2 | 0 |" in page
    assert "- `lsgan` is better than" in page
    assert re.search(r"^\| 1 `lsgan` \| 8\.\d+ \|", page, re.MULTILINE)
    assert re.search(r"^\| 8 `r1` .* \| 2 of 10 \| 0 \| 7 \|", page, re.MULTILINE)
    assert "`lsgan` has the smallest median FID" in page
    assert "Control: a difference between `fgan_gan` and `bce` is not established" in page
    assert "Result: contradicted on this network. FID of `wgan` against `bce`: +" in page
    assert "| `wgan` | 19" in page.partition("## Stress")[2]
    assert "(1 of 3 lost)" in page
    planned = page.partition("The planned comparisons against `bce`")[2]
    assert re.search(r"\| `wgan` \| \d+\.\d .*\| 0\.040 \| established \|", planned)
    choosing = (docs / "choosing.md").read_text()
    assert choosing.startswith("# Choosing\n\n<!-- study: begin")
    assert choosing.endswith("<!-- study: end -->\n\nThe rest.\n")
    assert "old" not in choosing
    assert "- **By default, `lsgan`**: median FID 8.9" in choosing
    bother = re.search(r"Not worth the bother here\*\*: (.*), established", choosing)[1]
    slow = {"fgan_gan", "bce", "hinge", "fgan_kl", "minimax", "wgan", "r1"}  # no tenth faster
    assert set(re.findall(r"`(\w+)`", bother)) == slow
    assert "Short of time" not in choosing


def test_the_same_data_give_the_same_files_and_stale_figures_go(docs, tmp_path, one_run):
    for seed in range(2):
        for loss in ("bce", "wgan", "lsgan"):
            one_run(tmp_path / "sweeps", "mnist", loss, seed, 10.0)
    tables = study.tabulate(load([tmp_path / "sweeps"]).runs)
    here = tmp_path / "docs"
    shutil.copytree(docs, here, ignore=shutil.ignore_patterns("*.png"))
    shutil.copy(docs.parent / "README.md", tmp_path)
    written = study_page.write(tables, here)
    before = {path: path.read_bytes() for path in written}
    stale = here / study_page.FIGURES / "mnist_old.png"
    stale.write_bytes(b"")
    assert study_page.write(tables, here) == written
    assert {path: path.read_bytes() for path in written} == before
    assert not stale.exists()


def test_the_readme_s_table_says_the_answer(docs, written):
    readme = (docs.parent / "README.md").read_text()
    beaten = re.search(r"- `lsgan` is better than (.*)\.", (docs / "study.md").read_text())[1]
    worse = len(re.findall(r"`\w+`", beaten))
    assert worse >= 2
    assert f"**Take `lsgan`**: of 8 losses none is established to be better, {worse} are" in readme
    names = re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)
    assert names == ["lsgan", "bce", "fgan_kl", "minimax", "wgan"]  # by their means
    assert re.search(r"^\| real images \| 3\.00? \| 0\.94 \|", readme, re.MULTILINE)


def test_without_data_the_page_is_its_protocol(tmp_path):
    template = (ROOT / "docs" / study_page.TEMPLATE).read_text()
    page = study_page.page(study_words.load(study.read(tmp_path)), template, [])
    assert page.count(study_words.NOTHING) == 8
    assert "There are no data yet" in page
    assert "Fixed on 2026-11-28" in page
    assert "has no data yet" in study_advice.choosing(study_words.load(study.read(tmp_path)))


@pytest.mark.parametrize("stages", [["stress"], ["winners", "fashion"], ["search"]])
def test_any_part_of_the_study_has_a_page(data, stages, tmp_path):
    kept = {
        name: getattr(data, name)[getattr(data, name)["stage"].isin(stages)]
        for name in study.TABLES
    }
    found = study_words.load(study.Data(**kept, grids={}))
    template = (ROOT / "docs" / study_page.TEMPLATE).read_text()
    page = study_page.page(found, template, [])
    assert set(found.stages) == set(stages)
    assert (study_words.NOTHING in page.partition("## MNIST")[2]) == (len(stages) < 5)


def test_a_cheaper_loss_is_named_if_it_saves_a_tenth_of_the_time(tmp_path, one_run):
    for seed in range(10):
        one_run(tmp_path, "mnist", "wgan", seed, 10.0)  # twice the time
        one_run(tmp_path, "mnist", "bce", seed, 10.05)
        one_run(tmp_path, "mnist", "minimax", seed, 30.0)
    said = study_advice.choosing(study_words.load(study.tabulate(load([tmp_path]).runs)))
    assert "- **By default, `wgan`**" in said
    assert re.search(r"- \*\*Short of time, `bce`\*\*: 1 min 4\d s instead of 3 min 2\d s", said)
    assert "Not worth the bother" not in said  # minimax is faster than wgan


def test_a_mixture_of_machines_is_told(data):
    assert "mixes" not in study_page.state(data)
    runs = data.runs.copy()
    runs.loc[3, "cpu"] = "Another CPU"
    mixed = study.Data(runs, data.history, data.classes, data.configurations, data.references, {})
    assert "mixes 2 kinds of machine or precision**, against the protocol" in study_page.state(
        mixed
    )


def test_one_seed_makes_a_page_that_states_nothing(tmp_path, one_run):
    for loss in ("bce", "wgan"):
        one_run(tmp_path, "mnist", loss, 0, 10.0)
    found = study_words.load(study.tabulate(load([tmp_path]).runs))
    template = (ROOT / "docs" / study_page.TEMPLATE).read_text()
    page = study_page.page(found, template, [])
    assert "Anything of `" in page
    assert "No loss can be recommended over the others" in page
    assert "No recommendation: each of the losses" in study_advice.choosing(found)


@pytest.mark.parametrize(
    ("name", "text"), [("choosing.md", "no marks\n"), ("choosing.md", None), ("study.md", None)]
)
def test_a_page_without_marks_or_a_missing_file_is_told(tmp_path, capsys, name, text):
    (tmp_path / "study").mkdir()
    if name == "choosing.md":
        (tmp_path / study_page.TEMPLATE).write_text("page")
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit, match=r"gan_zoo: .*(needs the lines|No such file)"):
        study_page.main([f"docs={tmp_path}", f"data={tmp_path / 'none'}"])


def test_an_unknown_name_in_the_template_is_an_error(tmp_path):
    empty = study_words.load(study.read(tmp_path))
    with pytest.raises(jinja2.UndefinedError, match="nonsense"):
        study_page.page(empty, "{{ nonsense }}", [])


def test_the_committed_page_is_the_one_of_the_committed_data():
    found = study_words.load(study.read(ROOT / study.FOLDER))
    drawn = [path.stem for path in (ROOT / "docs" / study_page.FIGURES).glob("*.png")]
    template = (ROOT / "docs" / study_page.TEMPLATE).read_text()
    page = study_page.page(found, template, drawn)
    assert (ROOT / "docs" / "study.md").read_text() == page, "run make study"
    parts = {"docs/choosing.md": study_advice.choosing, "README.md": study_advice.first_table}
    for name, part in parts.items():
        text = (ROOT / name).read_text()
        assert study_page.between_marks(text, part(found)) == text, "run make study"


@pytest.mark.parametrize("module", ["study", "study_page", "study_runs"])
def test_the_page_needs_no_torch(module):
    code = f"import sys, gan_zoo.experiments.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
