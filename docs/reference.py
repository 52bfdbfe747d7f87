"""The pages of the API reference: every module there is, a page for each package.

``python -m docs.reference [FOLDER]`` writes them (default: docs/generated).
"""

import sys
from pathlib import Path

import gan_zoo
from docs.losses import GENERATED, keep

PACKAGE = Path(gan_zoo.__file__).parent
TITLES = {
    "gan_zoo": "Runs from Python, types", "losses": "Losses", "regularizers": "Regularizers",
    "models": "Models", "data": "Data", "training": "Training", "evaluation": "Evaluation",
    "experiments": "Experiments and the study", "report": "Report", "runs": "Records of runs",
    "config": "Configuration", "cli": "Commands", "testing": "Checks of your own parts",
}  # fmt: skip


def modules() -> dict[str, list[str]]:
    """Page -> dotted names of its modules; packages without a title are at the end."""
    found: dict[str, list[str]] = {page: [] for page in TITLES}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        name = ".".join(("gan_zoo", *(part for part in parts if part != "__init__")))
        found.setdefault(parts[0] if len(parts) > 1 else "gan_zoo", []).append(name)
    return found


def write(folder: Path = GENERATED) -> None:
    """Write the pages as api/PACKAGE.rst; one that would not change is left."""
    pages = modules()
    for old in set((folder / "api").glob("*.rst")) - {folder / "api" / f"{p}.rst" for p in pages}:
        old.unlink()
    for page, names in pages.items():
        title = TITLES.get(page, page.capitalize())
        sections = [f".. automodule:: {name}\n" for name in names]
        headed = [
            f"{name.removeprefix('gan_zoo.')}\n{'-' * len(name)}\n\n{section}"
            for name, section in zip(names, sections, strict=True)
        ]
        text = "\n".join([f"{title}\n{'=' * len(title)}\n", *headed])
        keep(folder / "api" / f"{page}.rst", text.encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else GENERATED)
