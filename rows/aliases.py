"""The names under which the world's rows hold a Sample's fields: one table, by tool and in general.

Each path is one of `paths.py`; of several the first that holds something counts. A tool is recognised by fields that
its own writer gives a row; `needs` lists the sets of fields of which one must be there as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

GOLDS: tuple[str, ...] = (
    *("reference", "answer", "ground_truth", "solution", "target", "label", "gts", "gold", "expected_answer"),
    *("gold_answer", "golden_answer", "correct_answer", "final_answer", "reference_answer", "expected", "ideal"),
    *("references", "golds", "golden_answers", "gold_answers", "answers", "targets", "expected_output"),
    *("answerKey", "std_answer", "gt", "gt_answer", "reference_solution", "labels", "Answer", "Solution"),
    *("reward_model.ground_truth", "reward_spec.ground_truth", "verification_info.ground_truth", "info.answer"),
    *("metadata.answer", "metadata.ground_truth", "extra_info.answer", "extra_info.ground_truth", "ANSWER"),
    *("Correct Answer", "vars.expected", "vars.answer", "vars.ground_truth"),
    *("expectedOutput", "reference_outputs.answer", "reference_outputs.output", "expectations.expected_response"),
    *("ground_truth_answer", "ground_truth_solution", "ground_truths", "answer_gt", "ref_answer", "standard_answer"),
    *("truth", "env_extras.reward_spec.ground_truth", "env_extras.reward_model.ground_truth", "reference.answer"),
    *("answer_number", "task.ground_truth", "gold_letter", "correct_letter", "golden", "答案", "标准答案", "参考答案"),
)
"""Where a right answer may stand. `reference` is our own name; of the others two must not disagree."""

PAIRED = ("references", "ground_truths", "labels", "targets")
"""Golds that may be one for each of several responses."""
SHORT = (
    *("pred_answer", "predicted_answer", "llm_answer", "model_answer", "predicted", "sampled", "actual", "pred"),
    *("student_answer", "prediction_text"),
)
"""Names of a response that are those of an answer taken out of it, where the row has it under another name."""
RAW = (
    *("raw_response", "raw_output", "raw_prediction", "raw_completion", "raw_generation", "full_response"),
    "raw_answer",
)
"""Responses before anything was taken out of them: beside an answer that is in one, it is the response."""

ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "response": (
            *("response", "completion", "generation", "generated_text", "model_output", "output_text"),
            *("model_response", "generated_solution", "model_outputs", "actual_output", "generated_answer", "predict"),
            "actualOutput",
            *("llm_response", "RESPONSE", "response_text", "model_generation", "solution_str", "assistant", "gen"),
            *("resp", "reply", "rollout", "attempt", "trajectory", "attributes.output.value", "回答", "模型回答"),
            *("result.message", "output", "origin_prediction", "prediction", "Response"),
            *("output_response", "deepseek_solution", "outputs.output", "outputs.answer"),
            *RAW,
            *SHORT,
        ),
        "responses": (
            *("responses", "completions", "generations", "outputs", "output_list", "generated_code"),
            *("predictions", "samples", "rollouts", "attempts", "trajectories"),
        ),
        "prompt": (
            "prompt",
            "question",
            "query",
            "instruction",
            "input",
            "problem",
            "Question",
            "Problem",
            "PROMPT",
            "QUESTION",
            "input_prompt",
            "task.question",
            *("prompt_messages", "question_text", "problem_text", "user_prompt", "full_prompt", "user", "ctx"),
            *("attributes.input.value", "问题", "题目"),
        ),
        "reference": GOLDS,
        "id": ("id", "custom_id", "task_id", "uid", "question_id", "example_id", "unique_id"),
    }
)
"""Usual names of columns, in the order in which they are looked for."""

CONVERSATIONS = ("messages", "conversations", "conversation", "trajectory", "transcript", "dialogue")
"""Where a whole conversation may stand, whose last turn is the response."""


def folded(name: str) -> str:
    """A name as its spellings share it: `groundTruth`, `Ground Truth` and `GROUND-TRUTH` are `ground_truth`.

    >>> {folded(name) for name in ("ground_truth", "groundTruth", " Ground Truth", "GROUND-TRUTH")}
    {'groundtruth'}
    """
    return re.sub(r"[\s_-]+", "", name).casefold()


VERDICTS = ("label", "expected", "truth")
"""Golds by name, which are verdicts where they are a boolean, `pass` or `correct`, or 0 or 1 beside a gold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The rows that one tool writes."""

    name: str
    needs: tuple[tuple[str, ...], ...]
    """Sets of fields; a row with all of one set is the tool's."""
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where a row holds the fields of a Sample, before the usual names."""
    single: bool = False
    """A list of one response is one response: the tool writes a list whatever was asked for."""


_CHAT = "choices[*].message"

TOOLS: tuple[Tool, ...] = (
    Tool(
        name="lm-eval",
        needs=(("resps", "doc_id"), ("resps", "filtered_resps")),
        fields={
            "responses": ("resps[0]",),
            "prompt": ("arguments.gen_args_0.arg_0", "arguments[0][0]", "doc.question", "doc.problem", "doc.input"),
            "reference": ("target",),
            "problem": ("doc_id",),
        },
        single=True,
    ),
    Tool(
        name="lighteval",
        needs=(("doc", "model_response"), ("full_prompt", "predictions"), ("example", "predictions")),
        fields={
            "responses": ("model_response.text", "predictions"),
            "prompt": ("doc.query", "full_prompt", "example"),
            "reference": ("doc.golds", "gold"),
            "problem": ("doc.id",),
        },
        single=True,
    ),
    Tool(
        name="inspect",
        needs=(("epoch", "output", "input", "target"), ("epoch", "output.choices")),
        fields={
            "responses": ("output.choices[*].message",),
            "response": ("output.completion",),
            "prompt": ("input",),
            "reference": ("target",),
            "problem": ("id",),
        },
        single=True,
    ),
    Tool(
        name="openai",
        needs=(
            ("custom_id", "response"),
            ("choices", "object"),
            ("request.messages", "response.choices"),
            ("output", "object"),
        ),
        fields={
            "responses": (f"response.body.{_CHAT}", f"response.{_CHAT}", _CHAT),
            "response": ("response.body.output", "response.body.choices[0].text", "output", "choices[0].text"),
            "prompt": ("request.messages", "prompt", "question"),
            "finish_reason": ("response.body.choices[0].finish_reason", "choices[0].finish_reason"),
            "id": ("custom_id", "id"),
        },
        single=True,
    ),
    Tool(
        name="nemo-gym",
        needs=(("responses_create_params", "response.output"),),
        fields={"response": ("response.output",), "prompt": ("responses_create_params.input",)},
    ),
    Tool(
        name="gemini",
        needs=(("response.candidates",), ("candidates", "usageMetadata"), ("candidates", "modelVersion")),
        fields={
            "responses": ("response.candidates[*].content", "candidates[*].content"),
            "response": ("response.text",),
            "prompt": ("request.contents",),
            "finish_reason": ("response.candidates[0].finishReason", "candidates[0].finishReason"),
            "id": ("key",),
        },
        single=True,
    ),
    Tool(
        name="bedrock",
        needs=(("modelOutput", "modelInput"), ("modelOutput", "recordId")),
        fields={
            "response": (
                *("modelOutput.output.message", "modelOutput.choices[0].message", "modelOutput.generation"),
                *("modelOutput.completion", "modelOutput.results[0].outputText", "modelOutput"),
            ),
            "prompt": ("modelInput.messages", "modelInput.prompt", "modelInput.inputText"),
            "id": ("recordId",),
        },
    ),
    Tool(
        name="ollama",
        needs=(("message.content", "done"),),
        fields={"response": ("message",), "finish_reason": ("done_reason",)},
    ),
    Tool(
        name="llama.cpp",
        needs=(("content", "generation_settings"), ("content", "tokens_predicted")),
        fields={"response": ("content",), "prompt": ("prompt",)},
    ),
    Tool(
        name="sglang",
        needs=(("text", "meta_info.finish_reason"), ("text", "meta_info.id")),
        fields={"response": ("text",), "finish_reason": ("meta_info.finish_reason.type",)},
    ),
    Tool(
        name="evalscope",
        needs=(("model_output.choices",), ("sample_score.score.prediction",)),
        fields={
            "responses": ("model_output.choices[*].message",),
            "response": ("sample_score.score.prediction",),
            "prompt": ("messages", "input"),
            "problem": ("index",),
        },
        single=True,
    ),
    Tool(
        name="helm",
        needs=(("instance", "result.completions"),),
        fields={
            "responses": ("result.completions[*].text",),
            "prompt": ("request.prompt", "instance.input.text"),
            "reference": ("instance.references",),
            "problem": ("instance.id",),
        },
        single=True,
    ),
    Tool(
        name="openai-evals",
        needs=(("item", "sample.output_text"),),
        fields={
            "response": ("sample.output_text",),
            "prompt": ("item.question", "item.prompt", "item.problem", "item.input", "sample.input"),
            "reference": (
                *("item.reference_answer", "item.answer", "item.ground_truth", "item.correct_answer"),
                *("item.expected", "item.ideal", "item.target", "item.correct_label"),
            ),
            "id": ("item.id",),
        },
    ),
    Tool(
        name="langsmith",
        needs=(("inputs", "outputs.output"), ("inputs", "outputs.response"), ("outputs.answer", "reference_outputs")),
        fields={
            "response": ("outputs.output", "outputs.response", "outputs.answer"),
            "prompt": ("inputs.question", "inputs.prompt", "inputs.input", "inputs.problem"),
        },
    ),
    Tool(
        name="art",
        needs=(("messages_and_choices",),),
        fields={"response": ("messages_and_choices[-1].message", "messages_and_choices[-1]")},
    ),
    Tool(
        name="vllm",
        needs=(("outputs", "prompt", "request_id"), ("outputs", "prompt_token_ids")),
        fields={
            "responses": ("outputs[*].text",),
            "prompt": ("prompt",),
            "finish_reason": ("outputs[0].finish_reason",),
        },
        single=True,
    ),
    Tool(
        name="verl",
        needs=(("output", "gts"), ("reward_model.ground_truth",)),
        fields={
            "response": ("response", "output", "completion", "solution_str"),
            "responses": ("responses",),
            "prompt": ("prompt", "input"),
            "reference": ("gts", "ground_truth", "reward_model.ground_truth"),
        },
    ),
    Tool(
        name="trl",
        needs=(("prompt", "completion", "advantage"), ("prompt", "completion", "step")),
        fields={"response": ("completion",), "prompt": ("prompt",)},
    ),
    Tool(
        name="openrlhf",
        needs=(("input", "output", "label"),),
        fields={"response": ("output", "response"), "prompt": ("input",), "reference": ("label", "answer")},
    ),
    Tool(
        name="verifiers",
        needs=(
            *(("example_id", "completion"), ("example_id", "task", "prompt"), ("completion", "task", "answer")),
            ("traces[0].nodes", "task.data"),
        ),
        fields={
            "response": ("completion", "traces[0].nodes[-1].message"),
            "prompt": ("prompt", "task.data.prompt"),
            "reference": ("answer", "info.answer", "task.data.answer", "task.data.info.answer"),
            "problem": ("example_id", "task.data.id", "task.data.idx"),
        },
    ),
    Tool(
        name="ragas",
        needs=(("answer", "contexts", "ground_truth"), ("answer", "contexts", "ground_truths")),
        fields={
            "response": ("response", "answer"),
            "prompt": ("question",),
            "reference": ("ground_truth", "ground_truths"),
        },
    ),
    Tool(
        name="areal",
        needs=(("query_id", "solutions"),),
        fields={"prompt": ("prompt",), "reference": ("solutions",)},
    ),
    Tool(
        name="evalplus",
        needs=(("task_id", "solution"), ("task_id", "completion")),
        fields={"response": ("solution", "completion"), "prompt": ("prompt",), "reference": ()},
    ),
    Tool(
        name="qwen-math",
        needs=(("gt", "pred", "code"),),
        fields={"responses": ("code",), "prompt": ("question",), "reference": ("gt",)},
        single=True,
    ),
    Tool(
        name="hf",
        needs=(),
        fields={},
    ),
)
"""In the order in which they are recognised."""
BY_NAME: Mapping[str, Tool] = MappingProxyType({tool.name: tool for tool in TOOLS})
CHOICES: tuple[str, ...] = ("auto", *sorted(BY_NAME))
"""What `--from` takes."""
