# SPDX-License-Identifier: Apache-2.0
"""The tree score: a few rows of `make score`, or all of it with SIZE=full."""
import os
import sys

import score

sys.exit(score.main(os.environ["BUILD"], os.environ.get("SIZE", "quick")))
