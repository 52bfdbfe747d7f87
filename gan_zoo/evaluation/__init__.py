"""Evaluation: metrics, the feature networks they use, the evaluator, and reference scores."""
