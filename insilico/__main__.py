"""Lets ``python -m insilico`` do what ``insilico`` does."""

import sys

from insilico.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
