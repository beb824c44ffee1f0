"""When this program began to import the framework: a file that was written later may not be what is running."""

from __future__ import annotations

import time

STARTED = time.time()
