"""The comparison report: reads what runs left behind, never imports torch."""

from gan_zoo.report.build import build_report
from gan_zoo.report.load import ReportError

__all__ = ["ReportError", "build_report"]
