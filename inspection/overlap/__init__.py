"""Training data held against test data: shared n-grams, and prompts that are nearly the same."""

from .held_out import HeldOut, Overlap, OverlapOptions, Place
from .near import near_duplicates
from .texts import read_held_out

__all__ = ["HeldOut", "Overlap", "OverlapOptions", "Place", "near_duplicates", "read_held_out"]
