"""The table of metrics, from the report's catalogue.

``python -m docs.metrics [FOLDER]`` writes it (default: docs/generated).
"""

import sys
from pathlib import Path

from docs.headers import markdown
from docs.losses import GENERATED, keep
from gan_zoo.report.catalogue import METRICS

_BETTER = {1: "higher", -1: "lower", 0: ""}


def table() -> str:
    """A row for each final metric: name in records, title, which way is better, meaning, unit."""
    rows = [
        f"| `{name}` | **{entry.title}.** {markdown(entry.meaning)} | {_BETTER[entry.better]} |"
        f" {markdown(entry.unit)} |"
        for name, entry in METRICS.items()
    ]
    head = "| in `record.json` | meaning | better | unit |\n| --- | --- | --- | --- |\n"
    return head + "\n".join(rows) + "\n"


def write(folder: Path = GENERATED) -> None:
    """Write the table as metrics.md."""
    keep(folder / "metrics.md", table().encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else GENERATED)
