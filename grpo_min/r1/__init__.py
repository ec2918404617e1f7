"""The stages of DeepSeek-R1 on the loop: recipes, stages, evaluation, and the page about a run."""
