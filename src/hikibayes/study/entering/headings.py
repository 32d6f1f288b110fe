"""What a heading says: which statistics its cells are, and of whom or of what model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .cells import plain
from .models import of_a_model

INTERVAL = r"(?:\d\d ?% ?)?(?:CI|C\.I\.|[Cc]onfidence (?:[Ii]nterval|[Ll]imit)s?)"


def _limit(short: str, word: str, more: str) -> str:
    """Return how a confidence limit is called: ``LL``, ``lower bound``, ``95% CI lower``, ``Lower 95% CI``."""
    said = rf"[{word[0].upper()}{word[0]}]{word[1:]}"
    named = rf"{said}(?: ?(?:bound|limit))?(?: ?(?:{INTERVAL}|95 ?%))?"
    return rf"(?:(?:{INTERVAL}[ ,:_(–-]*)?(?:{short}(?:CI)?(?![,;] ?UL)|{named})|{more})"


STATISTICS: dict[str, str] = {
    "adjusted_delta_r2": r"Δ ?adj\w*\.? ?R2",
    "adjusted_r2": r"(?:[Aa]dj(?:usted|\.)? ?R(?:2|-squared)|R2 ?\(?adj(?:usted|\.)?\)?|R2adj|adjR2|Adj\. R-squared)",
    "delta_f": r"(?:ΔF|dF|F ?[Cc]hange|F ?\([Cc]hange\)|F for (?:change in R2|ΔR2|R2 change)|Fchange|F inc)",
    "delta_r2": r"(?:Δ ?R2|dR2|R2 ?(?:[Cc]hange|Δ)|[Cc]hange in R2|R-squared change|R2change|Incremental R2)",
    "r2": r"(?:R2|R-squared|R\^2|R squared)",
    "ci_low": _limit("LL", "lower", r"2\.5 ?%|\[?0\.025\]?|CI[ _]low"),
    "ci_high": _limit("UL", "upper", r"97\.5 ?%|\[?0\.975\]?|CI[ _]high"),
    "ci": r"(?:\[?(?:\d\d ?% ?)?(?:CI|C\.I\.|[Cc]onfidence [Ii]ntervals?)"
    r"(?: (?:for|of) [Bbβ])?(?: ?\[?LL?[,;] ?UL?\]?)?\]?|\[?LL[,;] ?UL\]?)",
    "odds": r"(?:[Aac]?OR|[aA]?HR|IRR|RR|[Oo]dds [Rr]atios?|Exp\(B\)|Wald)",
    "se": r"(?:SE ?\(?[Bbβ]?\)?|S\.E\.|s\.e\.|se|[Ss]td\.? ?[Ee]rr(?:or|\.)?|[Ss]tandard [Ee]rrors?|bse)",
    "sd": r"(?:SDs?|S\.D\.|sd|[Ss]td\.? ?[Dd]ev(?:iation|\.)?|[Ss]tandard [Dd]eviations?|std)",
    "beta": r"(?:β|ß|[Bb]eta|std\.? ?(?:β|[Bb]eta|b|B)|[Ss]tandardi[sz]ed (?:coefficients?|β|[Bb]eta|b|B)|B\*)",
    "b": r"(?:B|b|[Uu]nstandardi[sz]ed (?:coefficients?|B|b|β)|unstd\.? ?[Bb])",
    "estimate": r"(?:[Ee]st(?:imate|\.)|[Cc]oef(?:ficients?|f?\.)?|[Ee]ffect)",
    "t_or_chi2": r"[tF] ?(?:or|/|,) ?[χX]2",
    "t": r"(?:[Tt](?:[- ]?(?:values?|stat(?:istic)?|test))?|[Tt] ?\(df\))",
    "df": r"(?:df|d\.f\.|DF)",
    "p": r"(?:P(?:r\()?>\|[tz]\|\)?|[Pp](?:[- _]?[Vv]al(?:ues?|\.)?)?|[Ss]ig\.?(?: ?\(2-tailed\))?)",
    "sr2": r"(?:sr2|[Ss]emi-?partial r2)",
    "sr": r"(?:sr|[Ss]emi-?partial(?: r)?|[Pp]art(?: r| correlation)?)",
    "partial_r": r"(?:pr|[Pp]artial(?: r| correlation)?)",
    "partial_eta2": r"(?:(?:partial )?η[p2]*|ηp2|[Pp]artial eta ?(?:2|squared)?|η2p)",
    "f2": r"(?:f2|Cohen['’]?s f2)",
    "vif": r"VIF",
    "tolerance": r"[Tt]olerance",
    "d": r"(?:(?:Cohen['’]?s ?)?d|[Ee]ffect size(?: ?\(?d\)?)?)",
    "g": r"(?:(?:Hedges['’]?s? ?)?g)",
    "chi2": r"(?:[χXx]2|[Cc]hi-?(?:2|squared?)|χ2)",
    "f": r"F(?:[- ]?(?:value|stat(?:istic)?))?",
    "r": r"(?:r|Pearson['’]?s? ?r?|[Cc]orrelation)",
    "rho": r"(?:rs|ρ|Spearman['’]?s? ?(?:r|ρ|rho)?)",
    "alpha": r"(?:α|Cronbach['’]?s ?(?:α|alpha)?|[Aa]lpha)",
    "mean_difference": r"(?:[Mm]ean [Dd]iff(?:erences?|\.)?|[Dd]iff(?:erence|\.)(?: (?:in|of) means)?|MD)",
    "mean": r"(?:M|[Mm]eans?|[Aa]verage)",
    "median": r"(?:Mdn|[Mm]edian|Med)",
    "iqr": r"(?:IQR|[Ii]nterquartile range|Q1[-,–; ]+Q3)",
    "minimum": r"[Mm]in(?:imum|\.)?",
    "maximum": r"[Mm]ax(?:imum|\.)?",
    "range": r"[Rr]ange",
    "n": r"(?:[nN]|[Nn]o\.|[Cc]ount|[Oo]bservations|[Ff]requency|Freq\.?)",
    "percent": r"(?:%|[Pp]er ?cent(?:age)?|[Pp]roportion)",
    "delta_p": r"(?:pΔR2|pΔF|pΔ)",
    "intercept": r"\(?(?:[Ii]ntercept|[Cc]onstant|const)\)?",
}
"""Names of statistics, the more particular before the more general."""
ONE = "|".join(f"(?P<{name}>{pattern})" for name, pattern in STATISTICS.items())
NEXT = re.compile(rf"[\s,;:(\[/|±+–—=_-]*(?:{ONE})(?![^\W_])[\s)\],;:.]*")
SIZE = re.compile(r"[(\[]?\s*\b[nN]\s*=\s*(\d[\d, ]*)\s*[)\]]?")
NUMBERED = re.compile(
    r"(?i)^(?:group|sample|study|condition|arm|site|type|factor|wave|time|cohort|vitamin|hepatitis|model|step|block)$"
)
DFS = re.compile(r"\bΔ?([tF])\s*\(\s*(\d+(?:\.\d+)?)\s*(?:[,;]\s*(\d+(?:\.\d+)?))?\s*\)")
MINUTES = re.compile(r"\w[\s.*]*[(\[]\s*(?:min|max)\.?\s*[)\]]$", re.IGNORECASE)
"""A unit, or part of a name, in brackets behind a name: ``Commute (min)``."""
INLINE = re.compile(r"(?:R2|ΔR2|ΔF|F|Adj\w*\.? R2)\s*(?:\([^)]*\))?\s*=")
FRONT = ("mean", "sd", "n", "percent", "se", "p", "b", "beta", "t", "median")
"""Statistics that a heading may begin with, before whose they are: ``mean_control``."""

DESCRIBING = {"mean", "sd", "n", "percent", "median", "iqr", "range", "minimum", "maximum"}


@dataclass(frozen=True)
class Heading:
    """What one heading says.

    Parameters
    ----------
    text : str
        As printed.
    context : str
        What is left without statistics and sizes: a group, a step, a measure.
    statistics : tuple of str
        Names of `STATISTICS`, in the order of the numbers in a cell.
    size : str
        The n that it prints.
    dfs : tuple of str
        Degrees of freedom that it prints: ``t(198)``, ``F(2, 57)``.
    confidence : str
        Level of its confidence limits, where that is not 95 %.
    """

    text: str
    context: str
    statistics: tuple[str, ...] = ()
    size: str = ""
    dfs: tuple[str, ...] = ()
    confidence: str = ""


def read_heading(text: str) -> Heading:
    """Read a heading of a column or a row.

    Examples
    --------
    >>> read_heading("Patients (n = 57) M (SD)").statistics, read_heading("Model 1: B [95% CI]").context
    (('mean', 'sd'), 'Model 1')
    """
    clean = plain(text)
    size = SIZE.search(clean)
    rest = SIZE.sub(" ", clean).strip() if size and clean != size.group(0) else clean
    dfs = DFS.search(rest)
    rest = re.sub(r"\b(Δ?[tF])\s*\(\s*\d[^)]*\)", r"\1", rest)
    if not of_a_model(rest):
        rest = re.sub(r"\b(Δ?[tF])\s*\([^)]*\)", r"\1", rest)
    level = re.search(r"(\d\d) ?% ?(?:CI|confidence)", rest)
    context, statistics = _split(rest)
    if size and statistics == ("mean_difference",):
        context, statistics = rest, ()
    if INLINE.search(clean) or MINUTES.search(rest):
        context, statistics = clean, ()
    return Heading(
        text=clean,
        context=context.strip(" ,;:-–(|_"),
        statistics=statistics,
        size=re.sub(r"\D", "", size.group(1)) if size else "",
        dfs=tuple(filter(None, dfs.groups()[1:])) if dfs else (),
        confidence=f"0.{level.group(1)}" if level and level.group(1) != "95" else "",
    )


def sizes_in(text: str) -> list[str]:
    """Return the numbers of people that a text prints."""
    return [re.sub(r"\D", "", found) for found in SIZE.findall(plain(text))]


def _split(text: str) -> tuple[str, tuple[str, ...]]:
    """Part a heading into whose and which statistics, wherever the statistics begin."""
    for start in [0, *(found.end() for found in re.finditer(r"[\s,;:(_/|–-]+", text))]:
        names = _statistics(text[start:])
        if names[:1] == ("mean_difference",) and {*names} & DESCRIBING:
            continue  # people who are called MD
        if names and not (NUMBERED.match(text[:start].strip()) and len(names) == 1):
            return text[:start], names
    first = NEXT.match(text)
    if first and first.lastgroup in FRONT and re.match(r".[_(]|[\s:,]", text[first.end() - 1 :]):
        return text[first.end() :].strip("() "), (str(first.lastgroup),)
    return text, ()


def _statistics(text: str) -> tuple[str, ...]:
    """Return the statistics that make up a whole text; none where anything else stands in it."""
    if model := of_a_model(text):
        return (model,)
    names, at = [], 0
    while at < len(text):
        found = NEXT.match(text, at)
        if not found or found.end() == at:
            return ()
        names.append(str(found.lastgroup))
        at = found.end()
    return tuple(names)
