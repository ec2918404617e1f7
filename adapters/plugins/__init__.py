"""Files for trainers that take the path of a reward: `python -m r1_reward.adapters.plugins NAME` prints one."""
