"""Run the command line as ``python -m snnfw``."""

from __future__ import annotations

import sys

from snnfw.cli import main

if __name__ == "__main__":
    sys.exit(main())
