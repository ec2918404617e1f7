"""One verdict step by step, for a person or as JSON."""

from .explain_command import Explanation, explain, explain_sample, run_explain

__all__ = ["Explanation", "explain", "explain_sample", "run_explain"]
