"""The same rewards for every trainer: one file per trainer, none of which imports it.

All share `grading`, which judges and keeps apart what is wrong and what could not be judged. See
docs/how-to/trainers/index.md.
"""
