"""The Python interface, on a model of the tiny shop."""
