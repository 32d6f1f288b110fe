"""The verbs that leave a run folder, each declared in a file of its own."""

from .assumptions import assumptions
from .audit import audit
from .calibrate import calibrate
from .confounding import confounding
from .engines import engines
from .fit import fit
from .imbalance import imbalance
from .limitations import limitations
from .multiverse import multiverse
from .power import diagnose, power
from .priors import priors
from .reanalyze import reanalyze
from .replicate import replicate
from .synthesize import synthesize
from .validate import validate

VERBS = (
    *(reanalyze, audit, calibrate, synthesize, fit, engines),
    *(priors, imbalance, confounding, limitations, assumptions, multiverse),
    *(power, diagnose, replicate, validate),
)
"""In the order of the work, as ``hikibayes --help`` lists them."""
