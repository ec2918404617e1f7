"""Programs in, outcomes out; knows nothing of rewards and imports nothing else of this package."""

from .limits import Limits

__all__ = ["Limits"]
