"""A reward file for OpenRLHF's `--reward.remote_url`; it judges by what the file in R1_REWARD_CONFIG says."""

from r1_reward.adapters.openrlhf import OpenRlhfReward, __getattr__

reward_func: OpenRlhfReward = __getattr__("configured")
