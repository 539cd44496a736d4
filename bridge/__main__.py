"""`python -m bridge` is the command `handoff`."""

import sys

from bridge.cli import main

sys.exit(main())
