"""The recipes of the images: of one form, in the wheel, and known by their fingerprints."""

from __future__ import annotations

import json

import pytest

from r1_reward.sandbox import images


@pytest.mark.parametrize("name", images.NAMES)
def test_every_recipe_has_the_form_that_both_builders_read(name: str) -> None:
    text = images.dockerfile(name)
    assert "FROM debian:trixie-slim\n" in text
    assert "install -y --no-install-recommends $PACKAGES" in text
    assert "python3" in images.packages(name), "the agent needs it"
    assert not any(word in text for word in ("COPY", "ADD", "curl", "wget")), "nothing but Debian's packages"


def test_recipes_have_fingerprints_of_their_own() -> None:
    assert len({images.fingerprint(name) for name in images.NAMES}) == len(images.NAMES)


def test_unknown_image_is_a_mistake_that_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"cobol.*python, cpp, javascript, java"):
        images.dockerfile("cobol")


@pytest.mark.parametrize("label", ["", "[]", "3", "{", json.dumps({"python": 1})])
def test_odd_labels_are_read_as_no_match(label: str) -> None:
    assert images.recipes({images.RECIPES_LABEL: label}).get("python") != images.fingerprint("python")
