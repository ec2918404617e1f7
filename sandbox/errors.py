"""Faults of the sandbox itself.

SandboxError              the sandbox could not do its work; says nothing about the program
  RefusedError            an agent could not do what it was asked, and is fit to say so
  MachineBusyError        the program waited for a processor until its wall time was over
  SandboxUnavailableError no isolation of the requested kind is available on this machine; says the way out
"""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox failed; the program was not judged. The message names the cause."""


class RefusedError(SandboxError):
    """The agent could not do what it was asked; it was not the program that ended it."""


class SandboxUnavailableError(SandboxError):
    """The isolation that was asked for is not available here; the message says the way out."""


class MachineBusyError(SandboxError):
    """The machine had no processor for the program; the message says how much it got and how long it waited."""
