"""From a shop's own files to a shop file: a draft of it, and everything that is wrong with it at once."""
