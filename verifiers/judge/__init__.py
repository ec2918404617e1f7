"""Models asked over the network: the one client of OpenAI-compatible endpoints, and the verifier that judges by one."""

from .asking import Ask, Asker, Spent
from .client import ChatClient, EndpointError, Reply
from .recording import Recording
from .rubric import Criterion, Rubric
from .verifier import JudgeVerifier

__all__ = [
    "Ask",
    "Asker",
    "ChatClient",
    "Criterion",
    "EndpointError",
    "JudgeVerifier",
    "Recording",
    "Reply",
    "Rubric",
    "Spent",
]
