"""What an article looks like and what its description says: one row of features an article."""
