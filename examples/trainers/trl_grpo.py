"""GRPO in TRL with R1's three rule rewards. Checked against TRL 1.16.0 by `make test-peers`.

python trl_grpo.py Qwen/Qwen2.5-0.5B-Instruct
"""

import sys

from r1_reward.adapters.trl import reward

REWARDS = [reward("math", "format", "language")]


def main() -> None:
    """Train on GSM8K, whose `answer` column is read as it is."""
    from datasets import load_dataset
    from trl import GRPOConfig, GRPOTrainer

    data = load_dataset("openai/gsm8k", "main", split="train")
    data = data.map(lambda row: {"prompt": [{"role": "user", "content": row["question"]}]})
    trainer = GRPOTrainer(model=sys.argv[1], args=GRPOConfig("out"), train_dataset=data, reward_funcs=REWARDS)
    trainer.train()


if __name__ == "__main__":
    main()
