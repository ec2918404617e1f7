"""The training loop as a library: your model, your questions, your reward. Runs on a laptop in about a minute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from r1_reward.grpo_min import DataConfig, OptimizerConfig, RolloutConfig, TrainConfig, Trainer
from r1_reward.grpo_min.r1.sft import SFTConfig, fine_tune, make_examples
from r1_reward.grpo_min.toy.arithmetic import DemonstratorNoise, noisy_corpus, sums, toy_model, toy_tokenizer
from r1_reward.verifiers import Reason, Sample, Verdict


class EndsInSeven:
    """A reward of your own: one Verdict for each sample, in order."""

    name = "ends_in_seven"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """1 where the answer's last digit is 7."""
        good = [sample.response.endswith("7</answer>") for sample in samples]
        return [Verdict.scored(1.0, Reason.CORRECT) if yes else Verdict.scored(0.0, Reason.WRONG) for yes in good]


def main(steps: int = 30, imitated: int = 200, output: str = "out/custom_loop") -> list[float]:
    """Train, print the reward of each step, and give it back; `imitated` are the steps that came before."""
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer)
    corpus = noisy_corpus(64 * imitated, 0, DemonstratorNoise(guesses=0.0, second_thoughts=0.0, chats=0.0))
    examples = make_examples(tokenizer, [(tokenizer.encode(asked.prompt_text), said) for asked, said in corpus])
    learned = SFTConfig(epochs=1, batch=64, optimizer=OptimizerConfig(lr=3e-3, schedule="cosine"))
    fine_tune(model, examples, learned, Path(output) / "base", seed=0, stage="base")
    config = TrainConfig(
        output=output,
        steps=steps,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=8, samples=8, minibatches=1, max_tokens=((0, 40),)),
        optimizer=OptimizerConfig(lr=1e-3),
    )
    rewards = []
    for line in Trainer(config, model, tokenizer, sums(500, seed=0), EndsInSeven()).steps():
        print(f"step {line['step']}: reward {line['reward']:.2f}, length {line['length']:.1f}")
        rewards.append(line["reward"])
    return rewards


if __name__ == "__main__":
    main()
