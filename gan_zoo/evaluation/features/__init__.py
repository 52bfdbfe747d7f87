"""Feature networks: the classifiers whose penultimate layer is the space of the metrics."""
