"""Code: find the program, run it on the tests behind an isolation, say what became of it."""

from .verifier import CodeVerifier

__all__ = ["CodeVerifier"]
