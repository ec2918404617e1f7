"""Calls of tools: read in the forms that models write, compared with what a row asks for."""

from .verifier import ToolsVerifier

__all__ = ["ToolsVerifier"]
