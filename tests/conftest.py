"""What holds for all tests: networks are captured anew, so that none passes by what an earlier one has kept."""

from __future__ import annotations

import os

os.environ["SNNFW_CAPTURES"] = "none"
