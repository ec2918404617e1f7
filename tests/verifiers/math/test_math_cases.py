"""Tables of judged pairs: what is the same answer, what is not, and why."""

from __future__ import annotations

import pytest

from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.verdict import Reason, Verdict


def judged(gold: str, answer: str) -> Verdict:
    (verdict,) = MathVerifier()([Sample(response=f"So \\boxed{{{answer}}}.", reference=gold)])
    return verdict


# reference, answer, why
SAME = [
    # numbers
    (r"\frac12", "0.5", "a terminating decimal is exact"),
    (r"\frac12", "0.50", "trailing noughts mean nothing"),
    ("1/2", r"\dfrac{1}{2}", "fraction commands"),
    (r"\frac{1}{-2}", "-0.5", "the sign of a fraction"),
    ("1.5", r"1\frac12", "a mixed number"),
    ("1.5", "1 1/2", "a mixed number in plain text"),
    (r"\frac13", r"0.\overline{3}", "a repeating decimal"),
    ("1", r"0.\overline{9}", "a repeating decimal is exact"),
    ("0.1+0.2", "0.3", "decimals are rationals, not floats"),
    ("1,000", "1000", "thousands"),
    (r"12\,345", "12345", "thousands by a thin space"),
    (r"3,\!250", "3250", "thousands in the style of MATH"),
    ("1{,}000", "1000", "thousands in braces"),
    ("1.000.000", "10^6", "thousands by points"),
    ("1,22", "1.22", "a decimal comma"),
    ("2500", r"2.5\times10^3", "scientific"),
    ("1e-3", "0.001", "scientific in plain text"),
    ("5", "５", "a full-width digit"),
    ("-5", "−5", "a Unicode minus"),
    ("½", "0.5", "a Unicode fraction"),
    ("√2", r"\sqrt{2}", "a Unicode root"),
    ("x²", "x^2", "a Unicode power"),
    ("2^{100}", "1267650600228229401496703205376", "whole numbers have no upper end"),
    ("120", "5!", "factorial"),
    ("10", r"\binom{5}{2}", "binomial"),
    ("3", r"\log_2 8", "a logarithm with a base"),
    ("2", r"\ln e^2", "a natural logarithm"),
    (r"\sum_{k=1}^5 k", "15", "a small sum, worked out"),
    ("6", "six", "a number in words"),
    # rounding
    ("3.14", r"\pi", "an exact answer that rounds to a decimal reference of two places"),
    ("0.458", r"\frac{27}{59}", "the same for a fraction"),
    ("1/3", "0.3333333333333", "more than ten right digits"),
    # roots, functions, names
    (r"2\sqrt2", r"\sqrt{8}", "roots"),
    (r"\frac{\sqrt2}{2}", r"\frac{1}{\sqrt2}", "a root below"),
    (r"5\sqrt[3]{4}", r"5\cdot2^{2/3}", "a root as a power"),
    (r"\sqrt{1/n}", r"\frac{1}{\sqrt n}", "the same wherever both are real"),
    ("-2", r"\sqrt[3]{-8}", "odd roots of negative numbers are real"),
    ("|x|", r"\sqrt{x^2}", "the root of a square is the absolute value"),
    ("(x+1)^2", "x^2+2x+1", "expanded"),
    ("x+1", r"\frac{x^2-1}{x-1}", "the same but for one point"),
    (r"\sec^2 y", r"\tan^2(y)+1", "an identity"),
    (r"2\sin x\cos x", r"\sin 2x", "an identity of two angles"),
    (r"\arctan 2", r"\tan^{-1}(2)", "an inverse function"),
    (r"\frac{\sqrt3}{2}", r"\sin 60^\circ", "degrees in a function"),
    ("p-q", "-q+p", "order"),
    (r"\lfloor (n+1)/2\rfloor", r"\lceil n/2\rceil", "the same for whole numbers"),
    ("1.5+5.5(-1)^n", r"\frac{3+11(-1)^n}{2}", "a power of -1"),
    (r"\frac{1+i}{2}", "0.5+0.5i", "complex"),
    ("i", r"\sqrt{-1}", "complex"),
    ("x^2+C", "x^2+c", "the constant of an integral"),
    (r"\arctan x+k", r"\arctan x+C", "the constant of an integral by another letter"),
    (r"x=k\pi", r"n\pi", "the whole number of a period"),
    ("a^2-b^2", "(a+b)(a-b)", "factored"),
    # equations and relations
    ("x=5", "5", "the name may be dropped"),
    ("5", "x=5", "or added"),
    ("f(x)=2x", "f(t)=2t", "a bound name"),
    ("f(x)=2x", "y=2x", "another name for the function"),
    ("y=2x+1", "2x-y+1=0", "an equation up to a factor"),
    ("3x-y+13=0", "2y=6x+26", "the same"),
    ("xy=6", r"\frac6x", "solved for the other name"),
    ("x > 5", "5 < x", "turned round"),
    ("x <= 1", "-x >= -1", "solved"),
    (r"\frac{\sqrt3}{3} \approx 0.577", r"\frac{\sqrt3}{3}", "the exact part"),
    ("x=1/3", r"x=1/3\approx1.3", "what follows ≈ does not count behind a value that = gives"),
    ("1/3", r"1/3\approx0.33", "what follows ≈ rounds the exact value"),
    (r"\{1,2\}", r"\{1,2,2\}", "a set holds each member once"),
    ("i^6=i^4i^2=-1", "-1", "a chain ends in its value"),
    # sets and intervals
    (r"(5,\infty)", "x>5", "an interval for an inequality"),
    (r"1\le x\le 2", "[1,2]", "and back"),
    (r"x\ne 3", r"(-\infty,3)\cup(3,\infty)", "all but one"),
    (r"\{x \mid x<\frac32\} - \{-6\}", r"(-\infty,-6)\cup(-6,\frac32)", "a difference of sets"),
    (r"a\le-2\text{ or }a=1", r"(-\infty,-2]\cup\{1\}", "an interval and a point"),
    ("all real numbers", r"\mathbb{R}", "words for a set"),
    (r"\mathbb{R}", r"(-\infty,\infty)", "the real line"),
    ("20<P<30", "(20,30)", "a pair read as an interval beside an inequality"),
    (r"\{1,2\}", "2,1", "a set needs no braces"),
    # lists
    ("1,-3", "-3,1", "solutions in any order"),
    ("1331 and 1728", "1331, 1728", "joined by a word"),
    ("1,2", "x=2 or x=1", "solutions of one name in any order"),
    ("x=1,y=2", "y=2,x=1", "named values in any order"),
    (r"1\pm\sqrt{19}", r"1+\sqrt{19},1-\sqrt{19}", "plus or minus"),
    (r"0,\pm1", r"\{-1,0,1\}", "plus or minus in a list"),
    (r"(\sqrt2,0),(-\sqrt2,0)", r"(\pm\sqrt2,0)", "plus or minus in a pair"),
    ("f(n)=n, g(n)=1", "(f(n),g(n))=(n,1)", "a pair of equations"),
    ("(1,2)", "(x,y)=(1,2)", "a named pair"),
    ("(1,2)", "x=1,y=2", "a pair by its parts"),
    ("p=5,q=2;p=7,q=2", "(5,2),(7,2)", "pairs by their parts"),
    ("1,3", "Minimum: 1, Maximum: 3", "values with words"),
    (r"\begin{pmatrix}-7\\16\\5\end{pmatrix}", "(-7,16,5)", "a column as a triple"),
    (r"\begin{pmatrix}1&0.5\end{pmatrix}", r"\begin{bmatrix}1&\frac12\end{bmatrix}", "entry by entry"),
    # units and marks
    ("5", r"5\text{ cm}", "the unit may be added"),
    (r"5\text{ cm}", "5", "or dropped"),
    (r"1\text{ m}", r"100\text{ cm}", "converted"),
    ("15 mph", "15 miles per hour", "spelled out"),
    ("1.5 hours", "90 minutes", "converted"),
    ("10", r"10\text{ cm}^2", "a square unit"),
    ("$5", r"\$5.00", "money"),
    (r"28\%", "28", "a reference in percent takes the bare number"),
    ("0.28", r"28\%", "a percentage is a number"),
    ("28", r"28\%", "a percent sign more"),
    (r"62.5\%", r"\frac58", "a percentage as a fraction"),
    (r"30^\circ", "30", "degrees may be dropped"),
    (r"30^\circ", r"\frac{\pi}{6}", "or turned to radians"),
    ("5:8", r"\frac58", "a ratio"),
    ("3:4", "6:8", "a ratio, scaled"),
    ("20:34:00", "20:34", "a time of day"),
    ("204_5", "204", "the base may be dropped"),
    # words
    (r"\text{(C)}", "C", "a choice"),
    ("B", "(B)", "a choice in brackets"),
    (r"\text{even}", "Even", "capitals"),
    ("no solution", r"\text{No solutions}", "singular and plural"),
    (r"\text{infinitely many}", r"\infty", "infinity in words"),
    ("Yes", "yes.", "a full stop"),
]

DIFFERENT = [
    # near misses
    ("1", "0.999999999", "near is not equal"),
    ("1", "0.9999999999999999999999", "past the digits of a float"),
    (r"\pi", "3.14159", "too few digits for an exact reference"),
    ("1/3", "0.33", "too few digits"),
    (r"\pi", r"\pi+10^{-60}", "past fifty digits"),
    (r"\pi", r"\pi+e^{-200}", "past fifty digits, not rational"),
    ("0", r"e^{-200}", "small is not nought"),
    ("0", "10^{-400}", "below the floats"),
    (r"10^{10^{10}}", r"2\cdot10^{10^{10}}", "past the floats"),
    ("2^{1000000}", "2^{1000001}", "past the cap of exact numbers"),
    ("5000!", "5001!", "past the cap of factorials"),
    (r"\sqrt2", r"\frac{99}{70}", "a convergent"),
    ("785.12", "784", "a decimal reference takes nothing that does not round to it"),
    ("0.5", "0.50001", "decimals are compared exactly"),
    # no value
    ("0", "0/0", "no value"),
    ("0", r"x-x+\frac10", "no value that cancels"),
    ("1", r"\frac{1/0}{1/0}", "no value that cancels"),
    (r"\infty", r"-\infty", "the sign of infinity"),
    ("5", r"\infty", "infinity"),
    # functions that agree at some points
    ("x", "|x|", "differ where x is negative"),
    ("x", r"\sqrt{x^2}", "differ where x is negative"),
    ("xy", "|xy|", "differ where one is negative"),
    ("x^2+y", "x^2+|y|", "differ where one name is negative"),
    ("100-x", "|100-x|", "differ far out"),
    ("x", r"\max(x,-1000)", "differ far out"),
    ("x", r"x+\lfloor|x|/10^{15}\rfloor", "differ very far out"),
    ("x", r"\lfloor x\rfloor", "differ between whole numbers"),
    ("z", r"\bar z", "a name with a bar is another name"),
    ("f(x)", "f(y)", "an unknown function of another name"),
    ("c", "C", "capitals are other names"),
    ("ab", "AB", "capitals are other names"),
    ("2^k", "2^n", "other names"),
    ("x_1", "x", "an index makes another name"),
    (r"k\pi", r"2k\pi", "half of the solutions"),
    (r"k\pi", "0", "one of the solutions"),
    ("x^2+C", "x^2", "the constant is part of the answer"),
    ("x^2+C", "x^2+1", "one constant of all"),
    (r"\int_0^1 x\,dx", r"\int_0^2 x\,dx", "bounds"),
    (r"\sum_{n=1}^\infty\frac1n", r"\sum_{n=0}^\infty\frac1n", "bounds"),
    (r"\ln x", r"\log_{10} x", "bases of logarithms"),
    ("-x^2", "(-x)^2", "precedence"),
    (r"\frac{1}{2x}", "1/2x", "precedence"),
    ("2^{3^2}", "(2^3)^2", "precedence"),
    (r"\sin^2 x", r"\sin x^2", "precedence"),
    # equations
    ("x=5", "y=5", "another name"),
    ("x^2=0", "x=0", "not a multiple of each other"),
    ("2x+z=1", "1", "a side of an equation is no answer"),
    ("xy=6", "6", "a side of an equation is no answer"),
    ("2x+3", "2x+3=0", "an equation is no expression"),
    ("x=3", "x=1=3", "a chain that is not true"),
    ("4", "3=4", "a chain that is not true"),
    (r"\forall x>0, f(x)=0", "f(x)=0", "a quantifier"),
    # sets, intervals, order
    ("[0,1]", "(0,1)", "ends"),
    ("(0,1]", "[0,1)", "ends"),
    ("x>5", r"x\ge5", "ends"),
    ("x>5", "x<5", "direction"),
    ("x>5", "y>5", "another name"),
    ("x<5 or x>7", "5<x<7", "the complement"),
    (r"[0,\infty)", r"(0,\infty)", "an end"),
    (r"\mathbb{R}", r"x\ne0", "one point"),
    ("(1,2)", "(2,1)", "a pair has an order"),
    ("(3,1)", r"\{1,3\}", "a pair is no set"),
    ("x=1,y=2", "x=2,y=1", "values of the wrong names"),
    ("1,2", "x=2,y=1", "names against an order"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}", "transposed"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", "a row is no column"),
    # more, fewer, hedges
    ("1331 and 1728", "1728", "fewer"),
    ("5", "5, 6", "more"),
    ("5", "5 or 6", "a hedge"),
    ("5", r"\{5,6\}", "a set that holds it"),
    ("3", r"\pm3", "one too many"),
    (r"\pm3", "3", "one too few"),
    ("5", r"5\approx6", "what follows ≈ is another number"),
    ("(1,2),(3,4)", "1,2,3,4", "pairs taken apart"),
    ("5", r"\text{5 or 6}", "a hedge in words"),
    ("5", r"5\text{ or maybe }6", "a hedge in words"),
    ("7", r"7\text{ is not the answer}", "taken back"),
    ("7", r"\text{not }7", "denied"),
    ("7", r"\neq 7", "denied"),
    ("12", "1 2", "two numbers"),
    ("3", "3x", "a number out of a formula"),
    ("3", "x<3", "a number out of an inequality"),
    ("5", "55", "a substring"),
    ("A", "A, B", "two choices"),
    ("C", "C or D", "two choices"),
    ("no", "not no", "denied"),
    # units and marks
    (r"5\text{ cm}", r"5\text{ m}", "units differ"),
    (r"5\text{ m}", r"5\text{ m}^2", "dimensions differ"),
    ("5 kg", "5 g", "units differ"),
    ("5 apples", "5 oranges", "things differ"),
    ("1 hour", "1 minute", "units differ"),
    ("$5", "5 cents", "money"),
    ("50", "0.5", "no percent sign anywhere"),
    ("0.5", r"0.5\%", "half a percent is no half"),
    ("101_2", "101_3", "bases differ"),
    ("5", "101_3", "another base"),
    ("3:4", "4:3", "a ratio has an order"),
    ("12:30", "12:31", "times differ"),
    (r"\frac\pi6", r"30.5^\circ", "angles differ"),
    # words
    (r"\text{oddd}", "odd", "another word"),
    ("Paris", "Paris or London", "a hedge"),
    ("Monday", "Tuesday", "another day"),
    (r"\emptyset", r"\{0\}", "nothing is not nought"),
]


@pytest.mark.parametrize(("gold", "answer", "why"), SAME, ids=[f"{g} | {a}" for g, a, _ in SAME])
def test_same_answers_are_correct(gold: str, answer: str, why: str) -> None:
    verdict = judged(gold, answer)
    assert verdict.reason is Reason.CORRECT, why


@pytest.mark.parametrize(("gold", "answer", "why"), DIFFERENT, ids=[f"{g} | {a}" for g, a, _ in DIFFERENT])
def test_different_answers_are_not_correct(gold: str, answer: str, why: str) -> None:
    verdict = judged(gold, answer)
    assert verdict.score != 1.0, f"{why}: {dict(verdict.evidence)}"


REFERENCES = [
    ("$\\frac{1}{2}$", "0.5", "dollar signs"),
    ("\\(x = 5\\)", "5", "inline delimiters"),
    ("So it is \\[ \\boxed{[-2, 7]} \\].", "[-2,7]", "a box"),
    ("\\boxed{1}\\boxed{2}", "1,2", "boxes side by side"),
    ("**42**", "42", "bold"),
    ("$8$,$4$", "4,8", "several formulas"),
    ("\\\\frac{\\\\pi}{2}", "\\frac{\\pi}{2}", "doubled backslashes"),
]


@pytest.mark.parametrize(("gold", "answer", "why"), REFERENCES)
def test_a_reference_is_read_through_what_is_around_it(gold: str, answer: str, why: str) -> None:
    assert judged(gold, answer).score == 1.0, why


def test_any_of_several_references_will_do() -> None:
    sample = Sample(response=r"\boxed{3}", reference=["2", "3"])
    assert MathVerifier()([sample])[0].score == 1.0


@pytest.mark.parametrize("reference", [None, "", "  ", [], [" "]])
def test_a_missing_reference_is_an_error_and_no_number(reference: str | list[str] | None) -> None:
    (verdict,) = MathVerifier()([Sample(response=r"\boxed{3}", reference=reference)])
    assert (verdict.score, verdict.reason) == (None, Reason.REFERENCE_MISSING)


def test_a_reference_that_cannot_be_read_is_an_error_unless_the_answer_is_spelled_just_so() -> None:
    reference = r"\frac{1}{"
    wrong, same = MathVerifier(extraction="lenient")(
        [Sample(response=r"\boxed{3}", reference=reference), Sample(response=f"#### {reference}", reference=reference)]
    )
    assert (wrong.score, wrong.reason) == (None, Reason.REFERENCE_UNPARSEABLE)
    assert same.score == 1.0


def test_undecided_is_nought_or_an_error_on_request() -> None:
    sample = Sample(response=r"\boxed{x+\lfloor |x|/10^{15}\rfloor}", reference="x")
    zero, error = MathVerifier()([sample])[0], MathVerifier(undecided="error")([sample])[0]
    assert (zero.score, zero.reason) == (0.0, Reason.UNDECIDED)
    assert (error.score, error.reason) == (None, Reason.UNDECIDED)


def test_the_evidence_names_the_rules_and_the_normal_forms() -> None:
    verdict = judged(r"\frac{1}{2}", "0.5")
    assert dict(verdict.evidence) == {"extraction": "boxed", "rule": "exact", "normal_forms": ["1/2", "1/2"]}
    assert verdict.answer == "0.5"


# More pairs, in the order in which somebody tried to fool the verifier, or missed something.

MORE_SAME = [
    ("f(x)=1", r"f(x)=1\text{ for all }x\in\mathbb{Q}", "a condition that says nothing more"),
    (r"4k+2, 4k+3", r"4k+2, 4k+3\text{ where }k\in\mathbb{N}", "what a name is"),
    ("|x|<2", "-2<x<2", "an absolute value solved"),
    (r"x<-14 \cup x>-3", r"(-\infty,-14)\cup(-3,\infty)", "a union of inequalities"),
    (r"x\equiv2\pmod5", r"x \equiv 2 \pmod{5}", "a congruence"),
    (r"\{(1,2),(3,4)\}", "(1,2),(3,4)", "a set of pairs"),
    ("1,2,3", "x_1=1,x_2=2,x_3=3", "indexed names"),
    ("A", r"\text{(A) } 5", "a choice with what it stands for"),
    ("C", r"\text{C: } x=5", "a choice with what it stands for"),
    (r"\sqrt{xy}", r"\sqrt{x}\sqrt{y}", "the same wherever all roots are real"),
    ("y=c_1e^x+c_2", "y=C_1e^x+C_2", "constants by capitals"),
    (r"x\neq1,2", r"x\ne1\text{ and }x\ne2", "two numbers left out"),
    (r"\emptyset", "no solution", "nothing"),
    ("£5", "5", "money"),
    (r"33\frac13\%", r"\frac13", "a mixed number of percent"),
    ("0.333...", r"\frac13", "dots"),
    ("March 5", "March 5th", "an ordinal"),
    ("5000000", r"5\text{ million}", "a multiple"),
    (r"x=-5,\ p=\frac{14}{3}", r"-5,\frac{14}{3}", "values in the order of the reference"),
    ("(2,3)", "y=3,x=2", "coordinates in any order, by their names"),
    (r"2\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\4\end{pmatrix}", "a multiple of a matrix"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "-2", "a determinant"),
]
MORE_DIFFERENT = [
    ("-3,0", "-3", "a list is no decimal"),
    ("1,10", "1.1", "a list is no decimal"),
    ("7,4", "7.4", "a list is no decimal"),
    ("7", r"7\text{ if }x>0", "in part"),
    ("7", "7, if x>0, else 8", "in part"),
    ("7", r"7\text{ for }n\text{ even}", "in part"),
    ("7", "7 with 8", "more"),
    ("7", "not = 7", "denied"),
    ("7,8", "not: 7, 8", "denied"),
    ("7", "wrong answer: 7", "denied"),
    ("7", r"\begin{cases}7\\8\end{cases}", "two values"),
    ("7", "at most 7", "a bound"),
    ("7 minutes", "7 minutes 30 seconds", "more"),
    ("5050", r"\sum_{k=1}^{100} k", "the question, not worked out"),
    ("5", "5 million", "a multiple"),
    ("5", "5 dozen", "a multiple"),
    ("5", "5 squared", "another number"),
    ("1/2", "1/2 of x", "a part of something"),
    ("2", "2nd from x", "an ordinal of something"),
    ("(2,3)", "y=2,x=3", "values of the wrong names"),
    ("f(x)=2x", "f(y)=2x", "the bound name is taken"),
    ("ABC", "ACB", "the order of a figure's letters"),
    ("AB=5", "AC=5", "another segment"),
    (r"\lfloor x\rfloor+1", r"\lceil x\rceil", "differ at whole numbers"),
    (r"\cos(10^{-30})", "1", "flat near nought"),
    ("1", r"\tanh(60)", "flat far out"),
    (r"\tanh(1000)", "1", "flat very far out"),
    ("e", r"\sum_{k=0}^{60}\frac{1}{k!}", "a partial sum"),
    (r"e^{\pi\sqrt{163}}", "262537412640768744", "nearly whole"),
    (r"\pi", r"\frac{\ln(640320^3+744)}{\sqrt{163}}", "equal to thirty digits"),
    (r"\sqrt2", r"\sqrt{2+10^{-80}}", "past fifty digits inside a root"),
    ("x", r"x(1+10^{-100})", "past fifty digits in a factor"),
    ("C", "C.D.", "two choices"),
    ("A", "A. 5 or B. 6", "two choices"),
    ("17", "17_8", "another base"),
    (r"90^\circ", r"90\text{ rad}", "radians"),
    (r"\cos x", "|\\cos x|", "differ where it is negative"),
    ("x", r"\arctan(\tan x)", "differ outside of one period"),
    ("y=x", r"y=\sqrt{x^2}", "differ where x is negative"),
    ("-1<x<1", r"|x|\le1", "ends"),
    (r"33\frac13\%", "11\\%", "a mixed number is no product"),
    ("10:30 am", "10:30 pm", "another time"),
    ("infinitely many", "finitely many", "another word"),
    ("1.234", "1,234", "a point is no comma"),
    ("12", "1,2", "a list is no number"),
    (r"x\equiv2\pmod5", r"x\equiv3\pmod5", "another class"),
]


@pytest.mark.parametrize(("gold", "answer", "why"), MORE_SAME, ids=[f"{g} | {a}" for g, a, _ in MORE_SAME])
def test_more_of_the_same(gold: str, answer: str, why: str) -> None:
    assert judged(gold, answer).reason is Reason.CORRECT, why


@pytest.mark.parametrize(("gold", "answer", "why"), MORE_DIFFERENT, ids=[f"{g} | {a}" for g, a, _ in MORE_DIFFERENT])
def test_more_that_differ(gold: str, answer: str, why: str) -> None:
    verdict = judged(gold, answer)
    assert verdict.score != 1.0, f"{why}: {dict(verdict.evidence)}"


def test_a_value_with_words_and_two_signs_ends() -> None:
    """Found by the fuzz target: the label was compared with itself without end."""
    gold = r"Paolo: 18, Qing: g: 14x=\frac{-1\pm\sqrt{13}}{4}"
    assert judged(gold, gold + r"\log_{10}25028;").score == 0.0
    assert judged(gold, gold).score == 1.0
