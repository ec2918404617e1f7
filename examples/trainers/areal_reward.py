"""AReaL: `workflow = RLVRWorkflow(reward_fn=areal_reward.reward_fn, ...)`. Checked against AReaL 1.0.4's reward wrapper
by `make test-peers`."""

from r1_reward.adapters.areal import reward

reward_fn = reward("math", "format")
