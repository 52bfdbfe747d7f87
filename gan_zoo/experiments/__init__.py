"""Experiments whose right answer is known: what to compare their runs with, and the comparison."""
