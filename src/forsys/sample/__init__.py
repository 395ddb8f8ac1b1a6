"""The generated shop: for trying and testing the pipeline without real data."""
