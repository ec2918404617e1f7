"""Verifiable instructions: IFEval, IFBench and IF-RLVR."""

from .verifier import InstructionsVerifier

__all__ = ["InstructionsVerifier"]
