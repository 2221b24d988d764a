"""Entry of ``python -m segloss_xp``."""

import sys

from segloss_xp.cli import main

if __name__ == "__main__":
    sys.exit(main())
