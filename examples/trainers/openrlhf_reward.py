"""OpenRLHF: `--reward.remote_url openrlhf_reward.py`. Checked against OpenRLHF 0.11.2 by `make test-peers`."""

from r1_reward.adapters.openrlhf import reward

reward_func = reward("math", "format")
