"""Adversarial losses: pure functions of raw scores, a file for each family."""
