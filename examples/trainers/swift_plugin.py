"""ms-swift: `--external_plugins swift_plugin.py --reward_funcs r1_math r1_format`. Checked against ms-swift 4.6.0 by
`make test-peers`."""

from swift.rewards import orms

from r1_reward.adapters.swift import orm

orms["r1_math"] = orm("math")
orms["r1_format"] = orm("format")
