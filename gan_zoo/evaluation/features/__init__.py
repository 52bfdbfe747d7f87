"""The network whose penultimate layer is the space that images are measured in."""
