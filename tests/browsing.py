"""A real browser for tests of pages: headless Chromium without a network."""

import importlib.util
import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Why a test of a page cannot run here; empty if it can.
MISSING = "; ".join(
    why
    for why, there in {
        "no chromium on this machine": CHROMIUM is not None,
        "the package playwright is missing": importlib.util.find_spec("playwright") is not None,
    }.items()
    if not there
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def launched():
    """Yield a browser, for a fixture of a module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


class Opened:
    """A page with everything that it said and asked for."""

    def __init__(self, browser, path, width=1200, scheme="light", height=900):
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
        )
        self.context.set_default_timeout(90_000)  # a busy machine is not a failure
        self.page = self.context.new_page()
        self.trouble, self.requests = [], []
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: self.trouble.append("dialog"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def evaluate(self, script):
        return self.page.evaluate(script)
