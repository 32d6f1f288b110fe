"""The posterior over a study's sample moments as a PyMC model.

`calibrate` hands the compiled density to NUTS directly, because a general compiler takes minutes over it. This is the
same posterior as a `pymc.Model`, for whoever wants another of PyMC's samplers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .problem import Problem

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["build_model"]


def build_model(problem: Problem) -> pm.Model:
    """Build the model.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    pymc.Model
        A flat variable for every entry of `Problem.shapes` that is not empty, on the scale of the compiled density, and
        one potential, ``log_density``, with its exact gradient. Its logp is the compiled log density.
    """
    import pymc as pm
    import pytensor.tensor as pt

    density = _density_op(problem)
    with pm.Model() as model:
        parts = [
            pm.Flat(name, shape=shape, initval=np.zeros(shape)).ravel()
            for name, shape in problem.shapes.items()
            if 0 not in shape
        ]
        pm.Potential("log_density", density(pt.concatenate(parts))[0])
    return model


def _density_op(problem: Problem) -> Any:
    """Wrap the compiled density: one input, the flat free numbers; two outputs, log density and gradient."""
    import pytensor.tensor as pt
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op

    from .kernel.density import log_density

    class Density(Op):  # type: ignore[misc]
        def make_node(self, x: Any) -> Apply:
            return Apply(self, [pt.as_tensor(x)], [pt.dscalar(), pt.dvector()])

        def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Any]]) -> None:
            value, gradient = log_density(problem.plan, np.asarray(inputs[0], dtype=float), 1.0)
            outputs[0][0], outputs[1][0] = np.asarray(value), gradient

        def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
            return [cotangents[0] * outputs[1]]

    return Density()
