"""`python -m forsys`, and the command `forsys`."""

import sys


def main() -> int:
    """Run one command. What it needs is imported here, so that Ctrl-C while that happens is no traceback either."""
    try:
        from forsys.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("\nforsys: stopped. The same command goes on from here.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
