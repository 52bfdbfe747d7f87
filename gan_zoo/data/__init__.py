"""Data sets, how they are split, random streams, and batches drawn on the device."""
