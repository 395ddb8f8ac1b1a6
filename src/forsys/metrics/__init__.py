"""Scores of ranked lists and of next-item predictions, and their confidence intervals."""
