"""Language consistency, eq. (7)."""

from .verifier import LanguageVerifier

__all__ = ["LanguageVerifier"]
