"""The engine's log joint density is the one Bambi compiles, at random points."""

import numpy as np
import pandas as pd
import pytest

from hikibayes.inference.gaussian.exact import log_joint
from hikibayes.inference.gaussian.normal_priors import HalfStudentT, NormalPriors, bambi_default
from hikibayes.inference.gaussian.sufficient import SufficientStatistics

TERMS = ["group", "support", "group:support"]


@pytest.fixture(scope="module")
def participants():
    rng = np.random.default_rng(31)
    data = pd.DataFrame({"group": np.repeat([0.0, 1.0], 30), "support": rng.normal(3.0, 2.0, 60)})
    data["outcome"] = 10 + data["group"] - 0.3 * data["support"] * (1 - data["group"]) + rng.standard_t(4, 60)
    return data


@pytest.fixture(scope="module")
def stats(participants):
    X = participants[["group", "support"]].assign(product=participants["group"] * participants["support"])
    return SufficientStatistics.from_rows(X.to_numpy(), participants["outcome"].to_numpy(), TERMS)


def points(rng, size=20):
    return rng.normal(9, 2, size), rng.normal(0, 0.7, (size, 3)), rng.uniform(0.4, 3, size)


def compiled(model):
    """Bambi's own log density at unconstrained points; the Jacobian of log sigma is left out on both sides."""
    model.build()
    backend = model.backend.model
    logp = backend.compile_logp(jacobian=False, mode="FAST_COMPILE")

    def at(intercept, beta, sigma):
        values = {"Intercept": intercept, "sigma_log__": np.log(sigma)} | dict(zip(TERMS, beta, strict=True))
        return float(logp({name: np.asarray(v, dtype=float) for name, v in values.items()}))

    return at


@pytest.mark.parametrize("kind", ["explicit", "bambi_default"])
def test_log_joint_is_bambis(participants, stats, kind):
    import bambi as bmb

    explicit = {
        "Intercept": bmb.Prior("Normal", mu=8, sigma=3),
        "group": bmb.Prior("Normal", mu=0.5, sigma=1),
        "support": bmb.Prior("Normal", mu=0, sigma=0.5),
        "group:support": bmb.Prior("Normal", mu=0.2, sigma=0.25),
        "sigma": bmb.Prior("HalfStudentT", nu=4, sigma=1.5),
    }
    ours = bambi_default(stats)
    if kind == "explicit":
        ours = NormalPriors(
            names=TERMS, mean=[0.5, 0, 0.2], sd=[1, 0.5, 0.25], intercept_mean=8, intercept_sd=3,
            sigma=HalfStudentT(nu=4, scale=1.5),
        )  # fmt: skip
    model = bmb.Model("outcome ~ group * support", participants, priors=explicit if kind == "explicit" else None)
    theirs = compiled(model)
    alpha, beta, sigma = points(np.random.default_rng(32))
    found = log_joint(stats, ours, alpha, beta, sigma)[0]
    wanted = [theirs(*point) for point in zip(alpha, beta, sigma, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-9)
