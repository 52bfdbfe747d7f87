"""Adversarial losses: pure functions of raw scores, one module each."""
