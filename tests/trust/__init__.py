"""What a user, a disk or another program can do to the program, as tables of cases: see docs/trust.md."""
