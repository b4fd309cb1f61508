"""How many branches the property tests reach: `make coverage` fails where they are too few.

What coverage.py itself can fail under is of lines and branches together, which many lines make up for.
"""

import json
import sys
from pathlib import Path

LEAST = 95
"""Of a hundred branches, those that must be reached."""


def told(report: Path) -> tuple[str, bool]:
    """What there is to say of a report (`coverage json`), and whether it will do."""
    totals = json.loads(report.read_text())["totals"]
    reached, branches = totals["covered_branches"], totals["num_branches"]
    share = 100 * reached / branches if branches else 0
    return f"{reached} of {branches} branches are reached, {share:.1f}%; at least {LEAST}% must be", share >= LEAST


if __name__ == "__main__":
    said, is_enough = told(Path(sys.argv[1]))
    sys.stdout.write(f"{said}\n")
    sys.exit(not is_enough)
