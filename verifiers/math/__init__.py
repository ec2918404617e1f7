"""Is the final answer of a response mathematically the reference?"""

from .verifier import MathVerifier

__all__ = ["MathVerifier"]
