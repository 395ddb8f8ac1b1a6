"""FOR-system: from a fashion shop's purchases to what each customer buys next."""
