"""What vLLM's workers are given to do beside their own: `worker_extension_cls` names the class below.

It is imported where vLLM runs, which may be another process or machine, and imports nothing.
"""

from __future__ import annotations

from typing import Any


class WeightLoader:
    """A method more for each worker."""

    def load_handed_over(self: Any, folder: str) -> None:  # any: it is mixed into vLLM's worker
        """Take the weights in a folder of safetensors, in the names of the checkpoint.

        vLLM's `reload_weights` leaves a head that is tied to the embedding as it was where the platform multiplies by a
        packed copy, as a CPU does (0.32: "ParallelLMHead: Failed to load weights"); so that one is packed again.
        """
        self.reload_weights(weights_path=folder)
        model = self.model_runner.get_model()
        head = getattr(model, "lm_head", None)
        if head is not None and getattr(model.config, "tie_word_embeddings", False):
            head.quant_method.process_weights_after_loading(head)
