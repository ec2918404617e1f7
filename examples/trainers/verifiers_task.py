"""PrimeIntellect's verifiers, and so prime-rl. Checked against verifiers 0.4.0 by `make test-peers`."""

import verifiers.v1 as vf

from r1_reward.adapters.verifiers_hub import reward


class MathData(vf.TaskData):
    """A problem and its answer."""

    answer: str


class MathTask(vf.Task[MathData]):
    """Accuracy, and a little for the form."""

    correct = vf.reward(weight=1.0)(reward("math"))
    form = vf.reward(weight=0.1)(reward("format"))
