"""A run of several stages as a page: the paper's figures and tables, from what the stages left in their folders."""

from .page import figures, write_pipeline
from .read import Pipeline, is_pipeline, read_pipeline

__all__ = ["Pipeline", "figures", "is_pipeline", "read_pipeline", "write_pipeline"]
