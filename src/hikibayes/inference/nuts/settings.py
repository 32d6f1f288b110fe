"""How NUTS is run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...renamed import refuse_misfits


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How many draws, and how.

    Parameters
    ----------
    draws, tune, chains : int
        Of NUTS. The exact engine draws as many, independently, and needs no tuning.
    target_accept : float
        NUTS's mean acceptance, between 0 and 1; higher is slower and safer.
    rerun : bool
        Whether a run that is not sound is made once more, with a tenth of the distance to an acceptance of 1 and twice
        the tuning, before it is called so.
    cores : int, optional
        Chains at a time; by default as many as the machine has processors for.
    progress : bool
        Whether the sampler shows a progress bar.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.9
    rerun: bool = True
    cores: int | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        refuse_misfits(self)

    @property
    def more_careful(self) -> Sampling:
        """The sampling of the rerun."""
        return replace(self, target_accept=1 - (1 - self.target_accept) / 10, tune=2 * self.tune)
