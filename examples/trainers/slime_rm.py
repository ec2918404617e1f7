"""slime: `--custom-rm-path slime_rm.custom_rm`. Written by its sources of August 2026; not run against it."""

from r1_reward.adapters.slime import reward

custom_rm = reward("math", "format")
