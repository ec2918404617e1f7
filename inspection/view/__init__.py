"""A folder of runs in the browser: pages over every scored file and training run of it, live while they are written."""

from .index import Index
from .runs import Entry, find_entries

__all__ = ["Entry", "Index", "find_entries"]
