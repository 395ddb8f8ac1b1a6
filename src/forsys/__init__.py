"""FOR-system: from a fashion shop's purchases to what each customer buys next."""

__version__ = "0.2.0"
