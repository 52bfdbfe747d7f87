"""Data sets, how they are split, and batches drawn from them on the device."""
