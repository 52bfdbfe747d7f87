"""Numbers that tell how good samples are: pure functions of features, labels and points."""
