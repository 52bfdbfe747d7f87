"""The page in a real browser: headless Chromium, no network, a pointer and a keyboard."""

import csv

import pytest

from gan_zoo.report.comparison import compare
from gan_zoo.report.load import load
from gan_zoo.report.page import render
from gan_zoo.report.pictures import sample_strips
from gan_zoo.report.search import search_all
from tests import browsing
from tests.browsing import MISSING, launched

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


def first_row(path):
    with path.open(newline="") as file:
        return next(csv.DictReader(file))


def write_page(folder):
    comparison = compare(load([folder]))
    path = folder / "report.html"
    html = render(comparison, sample_strips(comparison.variants), search_all(comparison))
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    yield from launched()


class Opened(browsing.Opened):
    """A report."""

    def column(self, table, index):
        return self.evaluate(
            f"[...document.querySelectorAll('{table} tbody tr')].filter(r => !r.hidden)"
            f".map(r => r.cells[{index}].textContent.trim())"
        )


@pytest.fixture(scope="module")
def path(tmp_path_factory, four_variants_at):
    return write_page(four_variants_at(tmp_path_factory.mktemp("browser") / "sweep"))


@pytest.fixture
def opened(browser, path):
    found = Opened(browser, path)
    yield found
    assert found.trouble == []
    assert [url for url in found.requests if not url.startswith("data:")] == [path.as_uri()]
    found.context.close()


def test_every_chart_is_drawn(opened):
    charts = opened.page.locator(".chart:visible")
    assert charts.count() == 8  # distribution, trade-off, ranks, four curves, gradients
    for chart in charts.all():
        assert chart.locator("svg.plot").count() == 1


def test_sorting(opened):
    table, fid = "#results-table", 4
    assert opened.column(table, 0) == ["bce", "wgan", "lsgan", "fgan_kl"]
    button = opened.page.locator(f"{table} thead th").nth(fid).locator("button")
    assert "Label accuracy" in button.inner_text()
    button.click()  # accuracies .91, .93, .95, .965 of survivors: already ascending
    assert opened.column(table, 0) == ["bce", "wgan", "lsgan", "fgan_kl"]
    button.press("Enter")
    assert opened.column(table, 0) == ["fgan_kl", "lsgan", "wgan", "bce"]
    assert opened.evaluate(
        "[...document.querySelectorAll('#results-table th[aria-sort]')].map(h => h.ariaSort)"
    ) == ["descending"]


def test_columns_can_be_chosen(opened):
    header = opened.page.locator("#results-table th[data-column^=kid]")
    assert not header.is_visible()
    opened.page.locator("#columns summary").click()
    opened.page.locator("#columns input[value^=kid]").check()
    assert header.is_visible()


def test_a_variant_can_be_hidden_everywhere(opened):
    chip = opened.page.locator(".chip", has_text="wgan")
    before = opened.page.locator(".curve .line").count()
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert opened.column("#results-table", 0) == ["bce", "lsgan", "fgan_kl"]
    assert opened.page.locator(".curve .line").count() == before - 4
    assert opened.page.locator("#matrix tbody tr").count() == 3
    assert not opened.page.locator("figure[data-variant='1']").is_visible()
    chip.click()
    assert len(opened.column("#results-table", 0)) == 4


def test_the_metric_is_chosen_for_all_charts(opened):
    cell = opened.page.locator("#matrix tbody tr").nth(0).locator("td").nth(1)
    assert cell.inner_text() == "1.00"  # FID of bce is below every wgan's
    opened.page.select_option("#metric", "label_accuracy_mnistcnn_test_10k")
    # accuracies .90 .91 .92 against .92 .93 .94: one tie in nine pairs
    assert cell.inner_text() == f"{0.5 / 9:.2f}"
    assert "Label accuracy" in opened.page.locator("#distribution").text_content()
    opened.page.locator("details.more", has_text="All pairs").locator("summary").click()
    assert "0.94" in opened.page.locator("#pairs tr").first.inner_text()


def test_the_axis_of_all_curves(opened):
    for value, title in (
        ("discriminator_updates", "Discriminator updates"),
        ("seconds", "Training seconds"),
    ):
        opened.page.select_option("#axis", value)
        charts = opened.page.locator(".curve .chart")
        assert [title in chart.text_content() for chart in charts.all()] == [True] * 4


def test_slider_and_seed_of_the_samples(opened):
    def pictures():
        return opened.evaluate("[...document.querySelectorAll('[data-strip] img')].map(i => i.src)")

    last = pictures()
    opened.page.locator("#epoch").focus()
    opened.page.keyboard.press("ArrowLeft")
    assert opened.page.locator("#epoch-words").inner_text() == "epoch 2"
    assert all(a != b for a, b in zip(last, pictures(), strict=True))
    opened.page.keyboard.press("ArrowRight")
    assert pictures() == last
    opened.page.select_option("#seed", "2")
    words = opened.page.locator("[data-strip='3'] .which").inner_text()
    assert words == "seed 2, epoch 4, diverged"


def test_a_grid_is_enlarged_and_closed_by_keyboard(opened):
    button = opened.page.locator("[data-strip='1'] button")
    button.focus()
    opened.page.keyboard.press("Enter")
    dialog = opened.page.locator("#enlarged")
    assert dialog.is_visible()
    assert "wgan" in dialog.locator("p").inner_text()
    opened.page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_arrow_keys_read_a_chart(opened, path):
    column = "generator_test_generation"
    values = sorted(
        float(first_row(path.parent / str(run) / "history.csv")[column]) for run in range(3)
    )
    opened.page.locator(".curve select").nth(2).select_option(column)
    chart = opened.page.locator(".curve .chart").nth(2)
    chart.focus()
    opened.page.keyboard.press("ArrowRight")
    tip = chart.locator(".tip")
    assert tip.inner_text().startswith("Epoch 1")
    assert tip.locator("div").count() == 4
    low, middle, high = (f"{value:.4g}" for value in values)
    assert tip.locator("div").first.inner_text() == f"bce {middle} ({low} to {high}, 3 seeds)"
    opened.page.keyboard.press("ArrowRight")
    assert tip.inner_text().startswith("Epoch 2")
    opened.page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_every_control_is_reached_and_used_by_keyboard(opened):
    page, missing = (
        opened.page,
        {"metric", "chip", "sort", "scroll", "chart", "epoch", "play", "seed"},
    )
    for _ in range(80):
        page.keyboard.press("Tab")
        missing -= {
            opened.evaluate("document.activeElement.id || document.activeElement.className")
        }
        if not missing:
            break
    assert not missing
    outline = opened.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"  # what has the focus is seen
    header = page.locator("#results-table th button").first
    header.focus()
    page.keyboard.press("Space")
    assert opened.column("#results-table", 0) == ["bce", "fgan_kl", "lsgan", "wgan"]
    page.keyboard.press("Enter")
    assert opened.column("#results-table", 0) == ["wgan", "lsgan", "fgan_kl", "bce"]
    page.locator("#axis").focus()
    page.keyboard.press("ArrowDown")
    assert "Generator updates" in page.locator(".curve .chart").first.text_content()
    page.locator("#metric").focus()
    page.keyboard.press("ArrowDown")
    assert "Label accuracy" in page.locator("#distribution").text_content()
    page.locator(".chip").first.focus()
    page.keyboard.press("Space")
    assert opened.column("#results-table", 0) == ["wgan", "lsgan", "fgan_kl"]


def test_a_dot_for_each_epoch_of_the_vanishing_gradient(opened):
    dots = opened.page.locator("#gradients .dot")
    assert dots.count() == 12 * 4  # runs, epochs
    assert "bce, seed 0, epoch 1: " in dots.first.locator("title").text_content()
    opened.page.locator(".chip", has_text="wgan").click()
    assert dots.count() == 9 * 4


def test_the_range_of_an_estimated_divergence_is_drawn(browser, tmp_path, write_run):
    ranges = {"fgan_kl": [0, None], "bce": [-1.4, 0], "wgan": None, "broken": ["x", {}]}
    for number, (loss, ends) in enumerate(ranges.items()):
        history = [{"epoch": e, "estimated_divergence": 0.1 * e} for e in (1, 2)]
        write_run(tmp_path / str(number), loss, history=history, divergence_range=ends)
    found = Opened(browser, write_page(tmp_path))
    titles = found.page.locator(".end title").all_text_contents()
    assert titles == [
        "fgan_kl: its divergence ends at 0",
        "bce: its divergence ends at -1.4",
        "bce: its divergence ends at 0",
    ]
    assert found.trouble == []
    found.context.close()


def test_a_diverged_run_is_marked_in_the_curves(opened):
    assert opened.page.locator(".curve .cross").count() == 4
    assert "seed 2 diverged" in opened.page.locator("#distribution").text_content()


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_no_sideways_scrolling(browser, path, width):
    found = Opened(browser, path, width)
    assert found.evaluate("document.documentElement.scrollWidth") <= width
    found.context.close()


def test_dark_mode_and_print(browser, path):
    found = Opened(browser, path, scheme="dark")
    back = "getComputedStyle(document.body).backgroundColor"
    dark = found.evaluate(back)
    found.page.emulate_media(color_scheme="light")
    light = found.evaluate(back)
    assert sum(map(int, dark[4:-1].split(","))) < 150 < sum(map(int, light[4:-1].split(",")))
    found.page.emulate_media(media="print")
    assert not found.page.locator(".toolbar").is_visible()
    assert found.page.locator("#distribution svg.plot").is_visible()
    for kind in ("figure", ".chart", "tr"):
        broken = f"getComputedStyle(document.querySelector('{kind}')).breakInside"
        assert found.evaluate(broken) == "avoid"
    found.context.close()


CONTRAST = """
() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const back = rgb(getComputedStyle(node).backgroundColor);
      if (back.length < 4 || back[3] === 1) return back;
    }
    return [255, 255, 255];
  };
  const found = {};
  for (const kind of ["p.soft", "a", "td", "td small", "th small", "thead th", ".bad", "figcaption",
                      ".tick", ".name", ".lost", ".chip", "select", ".cautions li", "code"]) {
    const node = document.querySelector(kind), style = getComputedStyle(node);
    const ink = light(rgb(node.ownerSVGElement ? style.fill : style.color));
    const paper = light(behind(node));
    found[kind] = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  }
  return found;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(browser, path, scheme):
    found = Opened(browser, path, scheme=scheme)
    assert {kind: ratio for kind, ratio in found.evaluate(CONTRAST).items() if ratio < 4.5} == {}
    found.context.close()


def test_names_that_attack_the_script(browser, tmp_path, write_run, hostile):
    names = (hostile, "__proto__", "constructor", "hasOwnProperty")
    for seed in range(2):
        for loss in names:
            metrics = dict.fromkeys(names, 1.0 + seed)
            folder = tmp_path / f"{seed}{names.index(loss)}"
            history = [{"epoch": e, **dict.fromkeys(names, e)} for e in (1, 2)]
            write_run(folder, loss, seed, metrics=metrics, history=history)
    found = Opened(browser, write_page(tmp_path))
    for name in names:
        found.page.select_option("#metric", name)
        found.page.locator(".curve select").first.select_option(name)
    assert found.trouble == []
    assert found.page.locator("script").count() == 2
    found.context.close()
