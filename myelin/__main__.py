"""``python -m myelin`` and ``torchrun -m myelin``: the command line."""

import sys

from myelin.cli import main

if __name__ == "__main__":
    sys.exit(main())
