"""Rewards over HTTP: `r1-reward serve`. Needs the extra `serve`."""

from .options import ServeOptions

__all__ = ["ServeOptions"]
