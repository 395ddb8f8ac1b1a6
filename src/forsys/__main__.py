"""`python -m forsys`."""

import sys

from forsys.cli import main

sys.exit(main())
