"""The training loop as a library: your model, your questions, your reward. Runs on a laptop in about a minute."""

from __future__ import annotations

from collections.abc import Sequence

from r1_reward.grpo_min.config import DataConfig, OptimizerConfig, RolloutConfig, TrainConfig
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.toy import imitate, toy_model, toy_sums, toy_tokenizer
from r1_reward.verifiers import Reason, Sample, Verdict


class EndsInSeven:
    """A reward of your own: one Verdict for each sample, in order."""

    name = "ends_in_seven"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """1 where the answer's last digit is 7."""
        good = [sample.response.endswith("7</answer>") for sample in samples]
        return [Verdict.scored(1.0, Reason.CORRECT) if yes else Verdict.scored(0.0, Reason.WRONG) for yes in good]


def main(steps: int = 30, imitated: int = 200, output: str = "out/custom_loop") -> list[float]:
    """Train, print the reward of each step, and give it back."""
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer)
    imitate(model, tokenizer, steps=imitated, errors=0.4, seed=0)
    config = TrainConfig(
        output=output,
        steps=steps,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=8, samples=8, minibatches=1, max_tokens=((0, 24),)),
        optimizer=OptimizerConfig(lr=1e-3),
    )
    rewards = []
    for line in Trainer(config, model, tokenizer, toy_sums(500, seed=0), EndsInSeven()).steps():
        print(f"step {line['step']}: reward {line['reward']:.2f}, length {line['length']:.1f}")
        rewards.append(line["reward"])
    return rewards


if __name__ == "__main__":
    main()
