"""The shop's tables: found, checked and written as typed Parquet with dense ids."""
