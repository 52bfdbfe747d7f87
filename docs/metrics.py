"""The list of metrics, from the metric registry.

``python -m docs.metrics [FOLDER]`` writes it (default: docs/generated).
"""

import sys
from pathlib import Path

from docs.headers import markdown
from docs.losses import GENERATED, keep
from gan_zoo.evaluation.metrics.registry import QUANTITIES

_BETTER = {1: ", higher is better", -1: ", lower is better", 0: ""}


def listing() -> str:
    """Return an item for each quantity: its name in records, title, direction, meaning and unit."""
    items = [
        f"- `{name}`: **{entry.title}**{_BETTER[entry.better]}. {markdown(entry.meaning)}"
        + (f" In: {markdown(entry.unit)}." if entry.unit else "")
        for name, entry in QUANTITIES.items()
    ]
    return "\n".join(items) + "\n"


def write(folder: Path = GENERATED) -> None:
    """Write the list as metrics.md."""
    keep(folder / "metrics.md", listing().encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else GENERATED)
