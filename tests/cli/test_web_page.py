"""An exported page draws the generator's images in a real browser, and asks nobody for anything."""

import base64
import importlib
import importlib.util
import io
import os
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from scipy import stats

from gan_zoo.cli.export import main
from gan_zoo.cli.web_page import facts, label_count, latent_quantiles
from gan_zoo.cli.web_runtime import SHA256, VERSION
from gan_zoo.models import acgan, infogan, mlp, tiny_dcgan
from gan_zoo.models.latents import Normal
from gan_zoo.runs.weights import save_weights
from gan_zoo.training.load_generator import trained_generator
from tests import browsing
from tests.browsing import MISSING, launched
from tests.cli.test_sample import make_run

# Where users have it: the tests' own cache is new.
RUNTIME = Path(os.path.expanduser(f"~/.cache/gan_zoo/onnxruntime-web-{VERSION}"))
NEEDED = {
    MISSING: not MISSING,
    "onnxruntime-web is not in the cache: python -m gan_zoo.cli.web_runtime": all(
        (RUNTIME / "dist" / name).exists() for name in SHA256
    ),
    **{
        f"the package {name} is missing": importlib.util.find_spec(name) is not None
        for name in ("onnx", "onnxscript", "onnxruntime")
    },
}
in_browser = pytest.mark.skipif(
    not all(NEEDED.values()), reason="; ".join(why for why, there in NEEDED.items() if not there)
)
DIGITS = (1, 28, 28)
MY_GAN = Path(__file__).parents[2] / "examples/my_loss"
_OPTIONS = OmegaConf.load(Path(__file__).parents[2] / "conf/model/infogan.yaml")["generator"]
DEFAULT = partial(
    infogan.Generator, **{name: _OPTIONS[name] for name in ("latent_dim", "width", "norm")}
)


def exported(folder, factory, shape=DIGITS, classes=10, words=()):
    """Return the path of a generator's page and the generator, of large random weights."""
    generator = make_run(folder, factory, shape, classes)
    with torch.no_grad():
        for name, tensor in generator.state_dict().items():
            if tensor.is_floating_point():
                low = 0.1 if name.endswith("running_var") else -1.0
                scale = 2.5 / max(1, tensor[0].numel()) ** 0.5 if tensor.dim() > 1 else 0.5
                tensor.uniform_(low, 1).mul_(scale)
    save_weights(folder, "generator", generator, 2)
    main([str(folder), "format=web", f"runtime={RUNTIME}", *words])
    return folder / "exported/generator_last.html", generator


class Opened(browsing.Opened):
    """A generator's page, once it has drawn."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.page.wait_for_selector("main:not([aria-busy])")
        self.page.wait_for_selector("#image:not([aria-label='not drawn yet'])")

    def images(self, latents, labels, shape):
        script = "([z, c]) => ganZoo.generate(z, c).then(Array.from)"
        flat = self.page.evaluate(script, [latents.flatten().tolist(), labels.tolist()])
        return torch.tensor(flat).view(len(labels), *shape)

    def shown(self, canvas):
        """Return the pixels (H, W, 4) of a canvas."""
        script = f"document.getElementById('{canvas}').toDataURL()"
        png = base64.b64decode(self.page.evaluate(script).partition(",")[2])
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(float)

    def shows(self, canvas, images, tile=None):
        """Return whether a canvas, or its last tile, comes to show the first of the images.

        It is drawn after what was asked for before; 1 / 255 is a difference of rounding.
        """
        for _ in range(600):
            found = self.shown(canvas)
            found = found[-tile:, -tile:] if tile else found
            opaque = bool(found[..., 3].all())
            if opaque and np.abs(found[..., :3] - rounded(images)).max() <= 1:
                return True
            self.page.wait_for_timeout(100)
        return False

    def latents(self, x, y):
        return torch.tensor(self.page.evaluate(f"ganZoo.latentsAt({x}, {y})"))[None]

    def close(self):
        assert self.trouble == []
        asked = [url for url in self.requests if not url.startswith("blob:null/")]
        assert asked == [self.page.url]  # the file itself, and what it has inside
        self.context.close()


@pytest.fixture(scope="module")
def browser():
    yield from launched()


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("default"), DEFAULT)


def assert_same_images(opened, generator, shape, classes):
    """20 latents, of a fixed stream; 1 / 255 of a pixel is the most that is allowed."""
    z = 2 * torch.rand(20, generator.latent_dim, generator=torch.manual_seed(1)) - 1
    labels = torch.arange(20) % classes
    with torch.no_grad():
        expected = generator(z, labels)
    assert expected.std() > 0.1  # images, not a constant
    assert (expected.abs() < 0.99).float().mean() > 0.3  # and not all black and white
    found = opened.images(z, labels, shape)
    assert float((found - expected).abs().max()) < 1e-5 < 1 / 255


def rounded(images):
    """Return the pixels (H, W, C) of the first image as files of samples have them."""
    return images[0].permute(1, 2, 0).add(1).mul(127.5).round().clamp(0, 255).numpy()


@in_browser
def test_the_default_generator_draws_the_same_images(browser, default):
    path, generator = default
    assert path.stat().st_size < 15e6
    opened = Opened(browser, path)
    assert_same_images(opened, generator, DIGITS, 10)
    opened.close()


# The user's network has an embedding and GELU; the others are slow to export, or not conditional.
MODELS = {
    "my_gan": (None, DIGITS, 10),
    "acgan": (partial(acgan.Generator, latent_dim=100, width=0.25), DIGITS, 10),
    "acgan, colours, 23 classes": (partial(acgan.Generator, width=0.1), (3, 20, 12), 23),
    "tiny_dcgan": (tiny_dcgan.Generator, DIGITS, 10),
    "mlp": (partial(mlp.Generator, latent_dim=32), (2, 9, 7), 4),
}


@in_browser
@pytest.mark.parametrize(
    "name", ["my_gan", *(pytest.param(n, marks=pytest.mark.slow) for n in MODELS if n != "my_gan")]
)
def test_every_image_generator_draws_the_same_images(name, browser, tmp_path, monkeypatch):
    factory, shape, classes = MODELS[name]
    words = []
    if factory is None:
        monkeypatch.syspath_prepend(str(MY_GAN))
        factory = importlib.import_module("my_gan.dense").Generator
        words = ["allow=my_gan"]
    path, generator = exported(tmp_path, factory, shape, classes, words)
    opened = Opened(browser, path)
    assert_same_images(opened, generator, shape, classes)
    unconditional = name in ("tiny_dcgan", "mlp")
    assert opened.page.locator("#class").count() == (0 if unconditional else 1)
    with torch.no_grad():
        image = generator(opened.latents(0, 0), torch.tensor([0]))
    if shape[0] == 2:  # the channels side by side
        image = image.transpose(1, 2).flatten(2)[:, None]
    assert opened.shows("image", image)
    if classes > 10:  # ten at a time
        opened.page.locator("#class").press("End")
        assert opened.page.locator("#row button").all_text_contents() == ["20", "21", "22"]
        with torch.no_grad():
            assert opened.shows("class-21", generator(opened.latents(0, 0), torch.tensor([21])))
    opened.close()


@in_browser
def test_pad_classes_and_directions_by_pointer_and_keyboard(browser, default):
    path, generator = default
    opened = Opened(browser, path)
    page, pad = opened.page, opened.page.locator("#pad")

    def assert_shown(x, y, label):
        """The image and every class's picture are of the latents under the ring."""
        places = f"{x:.2f} across, {y:.2f} up"
        page.wait_for_selector(f'#image[aria-label="class {label}, latents {places}"]')
        assert pad.get_attribute("aria-valuetext") == places
        with torch.no_grad():
            images = generator(opened.latents(x, y).repeat(10, 1), torch.arange(10))
        assert opened.shows("image", images[label:])
        for digit in range(10):
            assert opened.shows(f"class-{digit}", images[digit:])
        assert page.locator("#row [aria-pressed=true]").text_content() == str(label)

    assert_shown(0, 0, 0)
    page.locator("#row button").nth(7).click()
    assert_shown(0, 0, 7)
    page.locator("#class").press("ArrowLeft")
    assert_shown(0, 0, 6)
    pad.focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "Shift+ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
    assert_shown(0.04 - 0.2, 0.04, 6)
    page.keyboard.press("Home")
    assert_shown(0, 0, 6)
    page.keyboard.press("Tab")  # past the pad, to the classes
    assert page.evaluate("document.activeElement.id") == "class"
    box = pad.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 99, box["y"] - 99, steps=4)
    page.mouse.up()
    assert_shown(1, 1, 6)
    page.mouse.move(box["x"], box["y"])  # not dragged
    assert_shown(1, 1, 6)
    before = opened.latents(1, 1)
    page.get_by_role("button", name="New directions").press("Enter")
    assert not torch.equal(opened.latents(1, 1), before)
    assert_shown(1, 1, 6)
    opened.close()


@in_browser
def test_the_map_shows_the_images_under_it(browser, default):
    path, generator = default
    opened = Opened(browser, path)
    with torch.no_grad():
        corner = generator(opened.latents(6 / 7, -6 / 7), torch.tensor([0]))
    assert opened.shows("map", corner, tile=28)
    opened.close()


@in_browser
def test_latents_everywhere_on_the_pad_are_distributed_as_the_run_s(browser, default):
    opened = Opened(browser, default[0])
    drawn = opened.page.evaluate("""() => Array.from({length: 40}, () => {
        document.getElementById("directions").click();
        return ganZoo.latentsAt(1, -0.7); })""")
    opened.close()
    found = np.array(drawn)  # 4,000 independent values: a p-value by chance once in 1e8 tests
    assert stats.kstest(found.flatten(), stats.uniform(-1, 2).cdf).pvalue > 1e-8


@in_browser
@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1200, 860, "light"), (390, 844, "light"), (360, 740, "dark")]
)
def test_the_controls_fit_one_screen(width, height, scheme, browser, default):
    opened = Opened(browser, default[0], width, scheme, height)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("image", "pad", "directions", "class", "row"):
        box = opened.page.locator(f"#{name}").bounding_box()
        assert box["y"] + box["height"] <= height, name
    back = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(map(int, re.findall(r"\d+", back))) < 150
    assert dark == (scheme == "dark")
    opened.close()


def trained(folder, **more):
    make_run(folder, acgan_tiny, (1, 8, 8), 3, **more)
    return trained_generator(folder, "auto", "last", "")


acgan_tiny = partial(acgan.Generator, latent_dim=10, width=0.03)


def test_quantiles_are_of_the_run_s_own_latents(tmp_path):
    drawn = trained(tmp_path)._replace(latents=Normal(std=3.0))
    table = latent_quantiles(drawn)
    assert table.shape == (10, 65)
    levels = np.linspace(0, 1, 65)[4:-4]
    expected = stats.norm.ppf(levels, scale=3)
    assert np.abs(table[:, 4:-4] - expected).max() < 0.4  # 10,000 draws of each


def test_a_generator_that_ignores_labels_has_one_class(tmp_path):
    assert label_count(trained(tmp_path / "conditional")) == 3
    make_run(tmp_path / "mlp", mlp.Generator, (1, 8, 8), 3)
    assert label_count(trained_generator(tmp_path / "mlp", "auto", "last", "")) == 1


def test_the_fid_is_that_of_the_weights_exported(tmp_path):
    name = "fid_mnistcnn_test_10k"
    run = trained(
        tmp_path, metrics={name: 14.23, f"best_{name}": 13.0, f"ema_{name}": 9.8},
        reference_scores={name: {"real": 3.01}}, progress={"generator_updates": 3000.0},
    )  # fmt: skip
    start = ["seed 0", "3,000 generator updates"]
    assert facts(run, "last")["facts"] == [*start, "FID 14.2 (real images 3.01)"]
    assert facts(run, "best")["facts"] == [*start, "FID 13.0 (real images 3.01)"]
    assert facts(run, "2")["facts"] == start
    averaged = run._replace(name="generator_ema")
    assert facts(averaged, "last")["facts"] == [*start, "FID 9.80 (real images 3.01)"]


def test_points_are_refused_before_anything_is_fetched(tmp_path):
    pytest.importorskip("onnxruntime")
    make_run(tmp_path, partial(mlp.Generator, latent_dim=2), (2,))
    with pytest.raises(
        SystemExit, match=r"format=web draws images .* shape \(2,\): choose format="
    ):
        main([str(tmp_path), "format=web", "runtime=nowhere"])
    with pytest.raises(SystemExit, match="runtime is for format=web, got format=onnx"):
        main([str(tmp_path), "format=onnx", "runtime=nowhere"])
