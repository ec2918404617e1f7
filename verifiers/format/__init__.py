"""The format reward, eq. (4)."""

from .verifier import FormatVerifier
from .violation import Violation

__all__ = ["FormatVerifier", "Violation"]
