"""`python -m actiond` is `actiond`."""

import sys

from actiond.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
