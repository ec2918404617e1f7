"""A run of several stages as a page: the paper's figures and tables, from what the stages left in their folders."""

from .page import figures, write_pipeline
from .read import Pipeline, is_pipeline, read_pipeline

__all__ = ["Pipeline", "figures", "is_pipeline", "read_pipeline", "write_pipeline"]


class StagesPage:
    """The page of a run's stages, as `r1-reward report` takes it for a folder that holds them."""

    def holds(self, folder: str) -> bool:
        """Whether the folder holds stages."""
        return is_pipeline(folder)

    def write(self, folder: str, output: str, *, title: str | None, images: str | None) -> int:
        """Write the page and return its bytes. Raises RunError."""
        return write_pipeline(folder, output, title=title, images=images)
