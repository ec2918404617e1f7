"""The losses of the two reward models: pairs for helpfulness, single responses for safety.

Each gives one number per example, [B], so that the caller decides what to average over: a batch cut into pieces then
has the same gradient as a whole one. All are computed by `logsigmoid` and stay finite for scores of any size that
float holds.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid


def bradley_terry(
    chosen_B: Tensor,
    rejected_B: Tensor,
    margin_B: Tensor | None = None,
    *,
    centering: float = 0.0,
    smoothing: float = 0.0,
) -> Tensor:
    """Pairs: `-(1-e) log sigmoid(d) - e log sigmoid(-d) + c (chosen + rejected)^2`, d = chosen - rejected - margin.

    `smoothing` e is the share of pairs taken to be labelled the wrong way round; `centering` c pulls scores towards a
    mean of zero (Eisenstein et al., arXiv 2312.09244), since a loss of differences leaves their level free.

    >>> import torch
    >>> round(float(bradley_terry(torch.tensor([1.0]), torch.tensor([0.0]))), 4)
    0.3133
    """
    difference_B = chosen_B - rejected_B
    if margin_B is not None:
        difference_B = difference_B - margin_B
    loss_B = -logsigmoid(difference_B)
    if smoothing:
        loss_B = (1 - smoothing) * loss_B - smoothing * logsigmoid(-difference_B)
    if centering:
        loss_B = loss_B + centering * (chosen_B + rejected_B).square()
    return loss_B


def pointwise(score_B: Tensor, safe_B: Tensor, *, pos_weight: float = 1.0) -> Tensor:
    """Single responses: binary cross-entropy of `sigmoid(score)` with the label safe = 1; safe ones count
    `pos_weight` times.

    >>> import torch
    >>> round(float(pointwise(torch.tensor([0.0]), torch.tensor([1.0]), pos_weight=2.0)), 4)
    1.3863
    """
    weight = score_B.new_tensor(pos_weight)
    return binary_cross_entropy_with_logits(score_B, safe_B.to(score_B.dtype), pos_weight=weight, reduction="none")


def joint(pair_loss_B: Tensor, point_loss_B: Tensor, *, share: float = 0.5) -> Tensor:
    """One number for a model trained on both: `share` of the pairs' mean, the rest of the single responses' mean.

    On the data that this project measures with, one model for both is worse than two; it is here to measure that.

    >>> import torch
    >>> float(joint(torch.tensor([1.0, 3.0]), torch.tensor([4.0]), share=0.25))
    3.5
    """
    return share * pair_loss_B.mean() + (1 - share) * point_loss_B.mean()
