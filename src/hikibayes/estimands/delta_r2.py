"""What a step explains beyond the step before it."""

from .kind import Kind

KIND = Kind(
    name="delta_r2",
    meaning="share of variance that a step explains beyond the one it comes after",
    beyond=True,
    words=lambda asked, names, _: f"ΔR², {names.step(asked.step)}",
    printed=lambda asked, _: (("delta_r2", {"step": asked.step}),),
)
