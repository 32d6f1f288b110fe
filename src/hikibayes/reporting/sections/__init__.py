"""The sections of a report, in order: each turns saved tables into what its template shows."""

from __future__ import annotations

from .checklist import checklist
from .checks import engines, model_checks, priors
from .doubts import confounding, imbalance
from .estimates import effects, explained, published, readings, spread, summary
from .findings import Findings, Section
from .methods import methods, provenance, reproduction
from .planning import planning
from .record import audited, data, limitations, remark_rows, remarks
from .sensitivity import failing, sensitivity

__all__ = ["SECTIONS", "Findings", "Section", "remark_rows"]

SECTIONS: tuple[Section, ...] = (
    Section(id="summary", title="In short", needs=("published",), context=summary),
    Section(
        id="failing",
        title="What would have to be true for the claim to fail",
        needs=("tipping",),
        context=failing,
    ),
    Section(id="data", title="Question and data", needs=("study.json",), context=data),
    Section(id="remarks", title="What is odd about the table", needs=("remarks",), context=remarks),
    Section(id="audited", title="Do the printed numbers agree?", needs=("audit",), context=audited),
    Section(id="published", title="Published against posterior", needs=("published",), context=published),
    Section(id="effects", title="Where the groups differ", needs=("johnson_neyman",), context=effects),
    Section(id="explained", title="Explained variance and prediction", needs=("published", "loo"), context=explained),
    Section(id="spread", title="What the uncertainty is made of", needs=("published",), context=spread),
    Section(id="readings", title="If the paper is read differently", needs=("readings",), context=readings),
    Section(id="priors", title="Model and priors", needs=("models.json", "prior_predictive"), context=priors),
    Section(id="sensitivity", title="Prior sensitivity", needs=("models.json", "prior_widths"), context=sensitivity),
    Section(
        id="imbalance",
        title="If the groups had been alike",
        needs=("study.json", "imbalance", "imbalance_mixes", "imbalance_shares"),
        context=imbalance,
    ),
    Section(
        id="confounding",
        title="What nobody measured",
        needs=("study.json", "confounding", "confounding_bounds"),
        context=confounding,
    ),
    Section(id="model_checks", title="Does the model fit?", needs=("posterior_predictive",), context=model_checks),
    Section(id="engines", title="Computation and convergence", needs=("estimates",), context=engines),
    Section(id="planning", title="The next study", needs=("power", "planning.json"), context=planning),
    Section(id="limitations", title="What limits all this", needs=("study.json",), context=limitations),
    Section(id="methods", title="Methods, ready to paste", needs=("published", "models.json"), context=methods),
    Section(id="provenance", title="Where each number comes from", needs=("study.json",), context=provenance),
    Section(id="reproduction", title="Making it again", needs=("study.json",), context=reproduction),
    Section(id="checklist", title="Reporting checklist", needs=("published",), context=checklist),
)
