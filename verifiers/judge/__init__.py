"""Models asked over the network: the one client of OpenAI-compatible endpoints."""

from .client import ChatClient, EndpointError

__all__ = ["ChatClient", "EndpointError"]
