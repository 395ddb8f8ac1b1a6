"""Answers from a fitted model: lists of customers and baskets, their reasons, and everyone's lists as a file."""
