"""What a label says of a model as a whole, however it is spelt: its R², its increase, their tests."""

from __future__ import annotations

import re

SHARE = r"R(?:[ -]?sq(?:uared?|r?\.?)?|[ -]?\^?2)"
CHANGE = (
    r"Δ|deltas?|d(?=R[- ^]?[2s]|F)|chang\w*|incr?(?:ement\w*|eas\w*|\.)?|addition\w*|added|diff(?:erence|\.)?|gain\w*"
)
ADJUSTED = r"adj(?:usted|\.)?|corrected|shrunken"
WORDS: dict[str, str] = {
    "share": rf"(?i:{SHARE})(?!\d)",
    "change": rf"(?i:{CHANGE})(?![a-z])",
    "adjusted": rf"(?i:{ADJUSTED})(?![a-z])",
    "f": r"F(?![a-z])|F(?=chang|inc)",
    "p": r"(?i:p(?:rob(?:ability)?\.?)?(?:[ -]val(?:ue|\.))?|sig(?:nificance|\.)?)(?![a-z])",
    "": r"(?i:of|for|in|the|model|regression|total|overall|multiple|cumulative|values?|stat(?:istics?|\.)?|test|ratio)"
    r"(?![a-z])",
}
WORD = re.compile(r"[\s()\[\]:._>-]*(?:" + "|".join(f"(?P<{k or 'between'}>{v})" for k, v in WORDS.items()) + r")")
SHARES = {
    frozenset(): "r2",
    frozenset({"adjusted"}): "adjusted_r2",
    frozenset({"change"}): "delta_r2",
    frozenset({"adjusted", "change"}): "adjusted_delta_r2",
}
ERROR = r"(?:SE|SD|S\.E\.|std\.? ?err(?:or|\.)?|standard error)"
OTHER = re.compile(
    r"(?i)(?:multiple )?R|df ?\d?|(?:residual|error|model|regression|total) df|d\.f\.|degrees of freedom"
    r"|df ?\(?(?:residuals?|error|model|regression)\)?|(?:AIC|BIC)c?|(?:-2 ?)?log[- ]?lik(?:elihood|\.)?|-2 ?LL"
    rf"|(?:R|root[ -])?MSE|SEE|(?:residual|regression) {ERROR}(?: of (?:the )?regression)?|residual sum of squares"
    rf"|{ERROR} of (?:the )?(?:estimate|regression)|SE \(?(?:estimate|regression)\)?|residual(?:s| variance)?|sigma|σ"
    r"|durbin[- ]watson|DW|(?:effect size )?(?:cohen['’]?s )?f\^?2|explained variance(?: \(?%\)?)?"
    r"|(?:(?:%|percent(?:age)? of|proportion of) ?)?(?:the )?(?:total )?vari(?:ance|ation)(?: \(?%\)?)? explained"
    r"(?: \(?%\)?)?|max(?:imum|\.)? VIF|mean VIF|mallows['’]? C ?p|condition (?:number|index)"
)
"""Rows about a model for which no kind of number is known."""
PEOPLE = re.compile(
    r"(?i)(?:n(?:o\.|um\.?|umber)|total|#) ?(?:of )?(?:n|obs(?:ervations?|\.)?|participants|cases|people|persons)"
    r"|obs\.?|sample size|n of cases|participants"
)
STRANGE = re.compile(
    rf"(?i)\b(?:partial|pseudo|nagelkerke\S*|snell\S*|mcfadden\S*|marginal|conditional|predicted)[ -]?{SHARE}"
)
"""Shares of other kinds or other models."""
TYPESET = re.compile(r"[$*{}\\]|</?\w+>")
LETTER = re.compile(r"^(?i:model|step|block)\s+[A-H]$")
"""Models may be called by letters: ``Model F``."""


def of_a_model(label: str) -> str:
    """Return which statistic of a model a label is made of; empty where there is anything else in it.

    Examples
    --------
    >>> [of_a_model(label) for label in ("Delta R2", "R Square Change", "Change in adjusted R^2", "Sig. F Change")]
    ['delta_r2', 'delta_r2', 'adjusted_delta_r2', 'delta_p']
    >>> of_a_model("Gain in sleep"), of_a_model("R2 (F)"), of_a_model("p for difference")
    ('', '', '')
    """
    words = _words(label)
    told, kind = {*words}, next((word for word in words if word in ("p", "f", "share")), "")
    if not told & {"share", "f"} or any(words.count(word) > 1 for word in told - {""}):
        return ""
    of_change = "change" in told
    if kind == "share":
        return SHARES[frozenset(told & {"change", "adjusted"})] if not told & {"f", "p"} else ""
    if kind == "f":
        return ("delta_f" if of_change else "f") if "p" not in told else ""
    return "delta_p" if of_change else "p"


def row_of_a_model(label: str) -> str:
    """Return which statistic of a model a row of a regression has; ``other`` for those of which no kind is known.

    Examples
    --------
    >>> [row_of_a_model(label) for label in ("p for change", "AIC", "Nagelkerke R2", "No. of observations", "Age")]
    ['delta_p', 'other', 'other', 'n', '']
    """
    words = _words(label)
    if PEOPLE.fullmatch(label):
        return "n"
    if words and {*words} <= {"", "p", "change"} and words.count("p") == 1:
        return "delta_p" if "change" in words else "p"
    strange = re.search(rf"(?i:(?<![\w-]){SHARE})(?![\w-])", label)
    return of_a_model(label) or ("other" if strange or OTHER.fullmatch(label.strip(" :")) else "")


def respelt(text: str) -> str:
    """Return a sentence with one spelling of R², its increase and its test: ``Change in R-squared`` is ``ΔR2``.

    Examples
    --------
    >>> respelt("R-squared = .20, change in R2 = .04, F change(1, 90) = 4.10, adjusted R2 = .18")
    'R2 = .20, ΔR2 = .04, ΔF(1, 90) = 4.10, Adj R2 = .18'
    """
    what = rf"(?P<what>(?i:(?:{ADJUSTED}) ?)?(?i:{SHARE})(?![\w])(?: ?(?i:\(?(?:{ADJUSTED})\)?(?!\w)))?|F\b)"
    phrase = re.compile(
        rf"(?<!\w)(?P<before>(?i:{CHANGE})(?i: (?:in|of)(?: the)?)?[ -]?)?{what}"
        rf"(?P<after>[ -]?(?i:for )?\(?(?i:{CHANGE})\)?(?![\w]))?"
    )
    return phrase.sub(_one_spelling, STRANGE.sub("another share", text))


def _one_spelling(found: re.Match[str]) -> str:
    what = "F" if found["what"] == "F" else "R2"
    adjusted = "Adj " if re.search(f"(?i){ADJUSTED}", found["what"]) else ""
    return f"{adjusted}{'Δ' if found['before'] or found['after'] else ''}{what}"


def _words(label: str) -> list[str]:
    """Return what the words of a label are; none where one is unknown."""
    label = LETTER.sub("", TYPESET.sub("", label.replace("R\u0304", "adj. R")))
    words, at = [], 0
    while at < len(label.rstrip(" ()[]:._-")):
        found = WORD.match(label, at)
        if not found or found.end() == at:
            return []
        words.append(str(found.lastgroup).replace("between", ""))
        at = found.end()
    return words
