"""Read points of the plane from a CSV file."""

import csv
import math
import sys
from pathlib import Path

import numpy as np

from gan_zoo.data.idx import DataError
from gan_zoo.data.own import Part, check_memory, given_path, own_dataset
from gan_zoo.types import Dataset

FAR = 100.0  # of a coordinate: networks start near 0 and take long to get there


def load_csv(path: str | None = None, standardise: bool = False) -> Dataset:
    """Load points (N, 2) from lines ``x,y`` or ``x,y,label``, with or without a line of names.

    Labels are whole numbers or any words; without them, all points are of one class.

    Args:
        path: of the file, UTF-8, columns separated by commas.
        standardise: whether to subtract each coordinate's mean and divide by its standard
            deviation, over the whole file; otherwise points stay in the file's units.

    Raises:
        DataError: naming the line that cannot be used.
    """
    file = given_path("data.path", path, "a CSV file of points")
    check_memory(file, file.stat().st_size * 4, "bring fewer points")
    points, labels = _read(file)
    if standardise:
        deviation = points.std(0)
        points = (points - points.mean(0)) / np.where(deviation > 0, deviation, 1)
    largest = float(np.abs(points).max())
    if largest > FAR:
        print(
            f"gan_zoo: warning: {file}: coordinates are as large as {largest:.6g}, and networks"
            " learn numbers near 1 best: use data.standardise=true",
            file=sys.stderr,
        )
    return own_dataset("csv", file, {"train": Part(points.astype(np.float32), labels)})


def _read(path: Path) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[str]]:
    points: list[tuple[float, float]] = []
    labels: list[str] = []
    columns = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text)
            for row in reader:
                cells = [cell.strip() for cell in row]
                if not any(cells) or (not columns and not any(map(_is_number, cells[:2]))):
                    columns = columns or (len(cells) if any(cells) else 0)
                    continue
                columns = columns or len(cells)
                where = f"{path}, line {reader.line_num}"
                points.append(_point(cells, columns, where))
                labels.append(_label(cells[2], where) if columns == 3 else "all")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"cannot read {path} ({error}): it must be a CSV file in UTF-8 with lines x,y or"
            " x,y,label"
        ) from error
    if not points:
        raise DataError(f"{path} has no points: it must have lines x,y or x,y,label")
    return np.array(points), labels


def _point(cells: list[str], columns: int, where: str) -> tuple[float, float]:
    if len(cells) != columns or columns not in (2, 3):
        raise DataError(
            f"{where}: every line must have the same columns, x,y or x,y,label, separated by commas"
            f" (with points, not commas, in numbers), got {len(cells)} columns: {','.join(cells)!r}"
        )
    for cell in cells[:2]:
        if not _is_number(cell) or not abs(float(cell)) < 1e30:
            raise DataError(
                f"{where}: the first two columns must be finite numbers below 1e30, got {cell!r}:"
                " correct or remove the line"
            )
    return float(cells[0]), float(cells[1])


def _label(cell: str, where: str) -> str:
    """Return a label; a whole number such as 1.0, as pandas writes it, as 1."""
    if not cell:
        raise DataError(f"{where}: the label is empty: add it, or remove the line or the column")
    if not _is_number(cell):
        return cell
    value = float(cell)
    if not math.isfinite(value) or value != int(value) or value < 0:
        raise DataError(
            f"{where}: a label must be a word or a whole number from 0, got {cell!r}: number the"
            " classes"
        )
    return str(int(value))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
