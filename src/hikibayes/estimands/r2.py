"""The share of the outcome's variance that a step explains."""

from .kind import Kind

KIND = Kind(
    name="r2",
    meaning="share of the outcome's variance that a step's terms explain",
    words=lambda asked, names, _: f"R², {names.step(asked.step)}",
    printed=lambda asked, _: (("r2", {"step": asked.step}), ("adjusted_r2", {"step": asked.step})),
)
