"""Every colour that text is set in, against everything it is set on: WCAG AA, in light and dark."""

from __future__ import annotations

import re

import pytest

from r1_reward.inspection.report.write import part

AA = 4.5
PAIRS = [
    *((ink, back) for ink in ("ink", "soft", "accent") for back in ("page", "panel", "raised")),
    *((ink, back) for ink in ("ink", "soft") for back in ("accent-back",)),
    *((tone, f"{tone}-back") for tone in ("good", "bad", "warn", "info", "none", "tag")),
    *((tone, back) for tone in ("bad", "warn") for back in ("panel", "page")),
    *(("ink", back) for back in ("l0", "l1", "l2", "l3", "l4", "l5", "none-back")),
    *((ink, f"l{n}") for ink in ("warn", "tag", "bad") for n in (0,)),
]


def colours(theme: str) -> dict[str, str]:
    found = re.search(
        r':root(\[data-theme="dark"\])? \{(.*?)\}'
        if theme == "light"
        else r':root\[data-theme="dark"\] \{(?P<body>.*?)\}',
        part("css"),
        re.DOTALL,
    )
    assert found
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", found[0]))


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "back"), PAIRS)
def test_text_can_be_read(theme: str, ink: str, back: str) -> None:
    known = colours(theme)
    assert contrast(known[ink], known[back]) >= AA, (theme, ink, known[ink], back, known[back])


def rules() -> list[tuple[str, dict[str, str]]]:
    """Every rule of the stylesheet: selector and declarations."""
    plain = re.sub(r"/\*.*?\*/", "", part("css"), flags=re.DOTALL)
    found = re.findall(r"([^{}]+)\{([^{}]*)\}", plain)
    return [
        (selector.strip(), dict(re.findall(r"([\w-]+)\s*:\s*([^;]+)", declarations)))
        for selector, declarations in found
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_rule_sets_text_in_a_colour_that_cannot_be_read(theme: str) -> None:
    known, checked = colours(theme), 0
    for selector, told in rules():
        ink, back = (re.fullmatch(r"var\(--([\w-]+)\)", told.get(name, "")) for name in ("color", "background"))
        # A rule without a background stands on the page, a panel, or what is raised.
        backs = [back[1]] if back else ["page", "panel", "raised"]
        if not ink or selector.startswith(".legend .c"):  # the little lines of a legend are drawn, not read
            continue
        for one in backs if not selector.startswith((".card.", ".pill")) else backs[:1]:
            checked += 1
            assert contrast(known[ink[1]], known[one]) >= AA, (selector, theme, one)
    assert checked > 60


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_and_outlines_can_be_seen(theme: str) -> None:
    known = colours(theme)
    for fill in ("good-fill", "bad-fill", "info-fill", "accent"):
        assert contrast(known[fill], known["panel"]) >= 2.6, fill


def test_both_themes_have_the_same_colours() -> None:
    assert colours("light").keys() == colours("dark").keys()
