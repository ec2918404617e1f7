"""A compact GRPO loop and the stages of DeepSeek-R1 built on it. torch may be imported here; see docs/grpo_min.md."""
