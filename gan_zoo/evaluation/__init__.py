"""The protocol: which numbers are measured of a generator, on which samples, against which data."""
