"""The fuzz target, run briefly over its seeds and their mutations."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_math", Path(__file__).with_name("fuzz_math.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_seeds(fuzz: ModuleType) -> None:
    for seed in fuzz.SEEDS:
        fuzz.target(f"{seed}\x1f{seed}".encode())
        fuzz.target(seed.encode())


@pytest.mark.parametrize("count", [600, pytest.param(20_000, marks=pytest.mark.slow)])
def test_mutations_of_the_seeds(fuzz: ModuleType, count: int) -> None:
    source = random.Random(20_250_122)
    for _ in range(count):
        fuzz.target(fuzz.mutated(source))
