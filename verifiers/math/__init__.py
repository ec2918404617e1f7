"""Is the final answer of a response mathematically the reference?"""

from .explain import explain
from .verifier import MathVerifier

__all__ = ["MathVerifier", "explain"]
