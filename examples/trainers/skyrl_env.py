"""SkyRL: `register(id="r1", entry_point="skyrl_env:R1Env")` where training starts. Checked against skyrl-gym 0.4.0 by
`make test-peers`."""

from skyrl_gym.envs.base_text_env import BaseTextEnv

from r1_reward.adapters.skyrl import environment

R1Env = environment("math", "format", base=BaseTextEnv)
