"""NeMo-RL: `register_env("r1", "nemo_rl_env.R1Environment")` where training starts. Written by its sources of August
2026; not run against it."""

import ray
from nemo_rl.environments.interfaces import EnvironmentInterface

from r1_reward.adapters.nemo import environment

R1Environment = ray.remote(environment("math", "format", base=EnvironmentInterface))
