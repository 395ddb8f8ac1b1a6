"""Search for better settings: a declared space, trials on the weeks before the holdout, and what is noise."""
