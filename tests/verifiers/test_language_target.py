"""The language of short prompts: told where there is evidence enough, and never guessed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from r1_reward.verifiers import ConfigError, LanguageVerifier, Sample, Status
from r1_reward.verifiers.language.target import SHORT

THOUGHT = "<think>We first compute the value of the expression.</think><answer>\\boxed{4}</answer>"

QUESTIONS = {
    "en": """Compute the sum of the first ten odd numbers|What is the remainder when the number is divided by seven|
        Find all real solutions of the equation|How many sides does the polygon have|Evaluate the integral|
        Write a function that reverses a list|A train leaves the station at noon and travels west|
        Prove that the square root of two is irrational|Let triangle have a right angle|Simplify the expression|
        Which of these numbers is the largest prime|Determine the area of the shaded region|Anna sold five apples""",
    "de": """Berechne die Summe der ersten zehn ungeraden Zahlen|Welchen Rest lässt die Zahl bei Division durch sieben|
        Bestimme alle reellen Lösungen der Gleichung|Wie viele Seiten hat das Vieleck|Vereinfache den Ausdruck|
        Schreibe eine Funktion die eine Liste umkehrt|Ein Zug verlässt mittags den Bahnhof und fährt nach Westen|
        Beweise dass die Wurzel aus zwei irrational ist|Gegeben sei ein rechtwinkliges Dreieck|Zeige die Behauptung|
        Welche dieser Zahlen ist die größte Primzahl|Bestimme die Fläche des Gebiets|Anna verkaufte fünf Äpfel""",
    "fr": """Calculer la somme des dix premiers nombres impairs|Quel est le reste de la division du nombre par sept|
        Trouver toutes les solutions réelles de l'équation|Combien de côtés a le polygone|Évaluez l'intégrale|
        Écrire une fonction qui renverse une liste|Un train quitte la gare à midi et roule vers l'ouest|
        Démontrer que la racine de deux est irrationnelle|Soit un triangle rectangle|Simplifier l'expression|
        Lequel de ces nombres est le plus grand nombre premier|Déterminer l'aire du domaine|Anna a vendu cinq pommes""",
    "es": """Calcula la suma de los primeros diez números impares|Cuál es el resto al dividir el número entre siete|
        Encuentra todas las soluciones reales de la ecuación|Cuántos lados tiene el polígono|Evalúa la integral|
        Escribe una función que invierta una lista|Un tren sale de la estación al mediodía hacia el oeste|
        Demuestra que la raíz de dos es irracional|Sea un triángulo rectángulo|Simplifica la expresión|
        Cuál de estos números es el mayor primo|Determina el área de la región|Ana vendió cinco manzanas""",
    "it": """Calcola la somma dei primi dieci numeri dispari|Qual è il resto della divisione del numero per sette|
        Trova tutte le soluzioni reali dell'equazione|Quanti lati ha il poligono|Calcolare l'integrale|
        Scrivi una funzione che inverte una lista|Un treno lascia la stazione a mezzogiorno verso ovest|
        Dimostra che la radice di due è irrazionale|Sia dato un triangolo rettangolo|Semplifica l'espressione|
        Quale di questi numeri è il più grande primo|Determina l'area della regione|Anna ha venduto cinque mele""",
    "pt": """Calcule a soma dos primeiros dez números ímpares|Qual é o resto da divisão do número por sete|
        Encontre todas as soluções reais da equação|Quantos lados tem o polígono|Avalie a integral|
        Escreva uma função que inverte uma lista|Um trem sai da estação ao meio-dia para o oeste|
        Demonstre que a raiz de dois é irracional|Seja um triângulo retângulo|Simplifique a expressão|
        Qual destes números é o maior primo|Determine a área da região|Ana vendeu cinco maçãs""",
}  # fmt: skip
OTHER_QUESTIONS = {
    "nl": "Bereken de som van de eerste tien getallen|Wat is de rest bij deling door zeven",
    "ro": "Calculați suma primelor zece numere impare|Care este restul împărțirii|Determinați aria regiunii",
    "ca": "Calcula la suma dels deu primers nombres senars|Quants costats té el polígon",
    "pl": "Oblicz sumę pierwszych dziesięciu liczb|Ile boków ma wielokąt|Wyznacz pole obszaru|Uprość wyrażenie",
    "sv": "Beräkna summan av de första tio udda talen|Hur många sidor har polygonen|Bestäm arean av området",
    "id": "Hitunglah jumlah sepuluh bilangan ganjil pertama|Berapa banyak sisi poligon itu|Tentukan luas daerah",
    "en": "If a car uses six liters of fuel per trip|Tom has twice as many marbles as Jerry",
    "de": "Auf wie viele Arten können fünf Personen sitzen|Der Umfang eines Rechtecks beträgt",
    "fr": "De combien de façons cinq personnes peuvent s'asseoir|Une voiture consomme six litres par trajet",
    "es": "De cuántas maneras pueden sentarse cinco personas|Un coche consume seis litros por viaje|Indica el dominio",
    "it": "In quanti modi cinque persone possono sedersi|Si lancia una moneta quattro volte",
    "pt": "De quantas maneiras cinco pessoas podem sentar|Uma moeda é lançada quatro vezes|Indique o domínio da função",
}
"""Others than those that the words were chosen by, and languages that have none of their own."""
FORMULAS = ("$2+2$", r"$\int_0^1 x\,dx$", "$x^2 = 4$", r"\(\sqrt{2}\)", "17", "x^2=4", r"$$\frac{a}{b}$$", "n")


def target(prompt: str, **options: Any) -> str | None:
    verdict = LanguageVerifier(**options)([Sample(response=THOUGHT, prompt=prompt)])[0]
    assert verdict.status is not Status.ERROR
    return None if verdict.status is Status.SKIPPED else str(verdict.evidence["target"])


def short_prompts(count: int, seed: int = 0, questions: Mapping[str, str] = QUESTIONS) -> list[tuple[str, str]]:
    """Prompts of 1 to 8 words with formulas among them, and the language of the question that they are cut from."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        language = draw.choice(sorted(questions))
        words = draw.choice(questions[language].split("|")).split()
        length = min(draw.randint(1, 8), len(words))
        start = 0 if draw.random() < 0.7 else draw.randrange(len(words) - length + 1)
        words = words[start : start + length]
        for _ in range(draw.randint(0, 2)):
            words.insert(draw.randint(0, len(words)), draw.choice(FORMULAS))
        made.append((" ".join(words) + draw.choice(["", ".", "?", ":"]), language))
    return made


def test_two_thousand_short_prompts_are_told_or_skipped() -> None:
    result: Counter[str] = Counter()
    wrong = []
    for prompt, language in short_prompts(2_000):
        values = target(prompt)
        result["none" if values is None else "right" if values == language else "wrong"] += 1
        if values not in (None, language):
            wrong.append((prompt, language, values))
    assert result["wrong"] <= 1, (result, wrong)
    assert result["right"] >= 1_750, result  # or skipping everything would do


def test_the_words_of_six_languages_claim_no_prompt_of_another() -> None:
    results = [(prompt, language, target(prompt)) for prompt, language in short_prompts(600, 5, OTHER_QUESTIONS)]
    assert not [one for one in results if one[2] not in (None, one[1])]
    assert sum(one[2] == one[1] for one in results) >= 450


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("Compute $2+2$.", "en"),
        ("Compute 2+2", "en"),
        (r"Evaluate $\int_0^1 x dx$.", "en"),
        ("Solve x^2=4", "en"),
        ("Problem 0", None),
        ("say 3", None),
        ("Integrate.", None),
        ("def add(a, b): ...", None),
        ("Area", None),
        ("Determine $x$", None),
        ("Сколько яблок?", "ru"),
        ("计算 $2+2$", "zh"),
        ("計算せよ $2+2$", "ja"),
        ("方程式", None),
        ("몇 개?", "ko"),
    ],
)
def test_prompts_of_a_word_or_two(prompt: str, code: str | None) -> None:
    assert target(prompt) == code


def test_a_skipped_prompt_says_what_was_lacking_and_the_way_out() -> None:
    verdict = LanguageVerifier()([Sample(response=THOUGHT, prompt="Problem 0")])[0]
    assert verdict.status is Status.SKIPPED
    assert "1 word" in verdict.detail
    assert "of 8 needed" in verdict.detail
    assert "language.default" in verdict.detail


def test_the_default_is_for_samples_that_show_none() -> None:
    assert target("Problem 0", default="en") == target("", default="EN-us") == target("$2$", default="en") == "en"
    assert target("Wie viele Äpfel hat Anna am Ende noch?", default="en") == "de"
    sample = Sample(response=THOUGHT, prompt="Problem 0", language="fr")
    assert LanguageVerifier(default="en")([sample])[0].evidence["target"] == "fr"
    for wrong in ("xx", "", 3):
        with pytest.raises(ConfigError, match=r"language\.default"):
            LanguageVerifier(default=wrong)  # type: ignore[arg-type]


def test_a_long_prompt_is_in_the_language_of_most_of_its_words() -> None:
    words = "Translate this for me and tell me what the sentence says about the weather of next week please".split()
    assert len(words) > SHORT
    assert target(" ".join([*words, "Guten Morgen, liebe Leute"])) == "en"
