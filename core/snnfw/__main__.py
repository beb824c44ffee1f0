"""Run the command line as ``python -m snnfw``."""

from __future__ import annotations

import sys

from snnfw.cli import main
from snnfw.launching.orphans import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    sys.exit(main())
