"""The exact engine compiled: eight data sets side by side, from one tridiagonal form each.

`lanes` is arithmetic on eight numbers at once; `algebra` reduces the regression to a tridiagonal form that makes every
sigma cheap; `quadrature` integrates sigma and certifies it; `marginals` describes what is left of a contrast; `fit`
strings these together over many data sets. `summaries` is the door; it imports numba only when it
must. The readable reference is `hikibayes.inference.gaussian.exact`, by eigendecomposition in NumPy.
"""
