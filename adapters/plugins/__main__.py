"""Print the path of a trainer's file."""

from __future__ import annotations

import sys
from pathlib import Path

FILES = {"openrlhf": "openrlhf_file.py", "swift": "swift_file.py"}
"""The files by trainer."""


def main(args: list[str]) -> int:
    """Print the path of one file; gives the exit status."""
    if len(args) != 1 or args[0] not in FILES:
        sys.stderr.write(f"usage: python -m r1_reward.adapters.plugins {'|'.join(FILES)}\n")
        return 2
    sys.stdout.write(f"{Path(__file__).resolve().parent / FILES[args[0]]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
