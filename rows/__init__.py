"""The world's rows: files and what trainers hand over become Samples."""

from .cases import read_sample

__all__ = ["read_sample"]
