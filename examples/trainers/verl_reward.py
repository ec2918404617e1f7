"""verl before 0.9, which has no `pkg://`: point `reward.custom_reward_function.path` at this file.

From 0.9 on nothing but configuration is needed (checked against verl 0.9.1 by `make test-peers`):

python -m verl.trainer.main_ppo ... \
    reward.custom_reward_function.path=pkg://r1_reward.adapters.verl \
    reward.custom_reward_function.name=compute_score \
    "+reward.custom_reward_function.reward_kwargs={rewards: [math, format], prefilled: true}"
"""

from r1_reward.adapters.verl import compute_float, compute_score, compute_scores

__all__ = ["compute_float", "compute_score", "compute_scores"]
