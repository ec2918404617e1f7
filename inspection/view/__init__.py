"""A folder of runs in the browser: pages over every scored file and training run of it, live while they are written."""

from .index import Index
from .runs import RunEntry, find_entries

__all__ = ["Index", "RunEntry", "find_entries"]
