"""Raw data of a made-up study of orchard workers; `orchard.toml` is what its authors would have printed.

Truth is known here: every number of the file is computed from these participants by somebody else's software.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FILE = Path(__file__).with_name("orchard.toml")
SEED = 20210525
SIZES = {"conventional": 54, "organic": 37}
SCALES = {"contentment": (8, 1, 5), "shade": (4, 1, 7), "toil": (10, 0, 4), "pruning": (6, 1, 6)}


def items(rng: np.random.Generator, trait: np.ndarray, scale: str) -> pd.DataFrame:
    """Answers to the items of a scale: a shared trait, noise of its own for each item, cut to the response range."""
    k, low, high = SCALES[scale]
    raw = trait[:, None] + rng.normal(0, 0.9, (len(trait), k)) + rng.normal(0, 0.3, k)
    answers = np.clip(np.rint((low + high) / 2 + raw * (high - low) / 5), low, high).astype(int)
    return pd.DataFrame(answers, columns=[f"{scale}_{number:02d}" for number in range(1, k + 1)])


def participants(rng: np.random.Generator, sizes: dict[str, int] | None = None, strength: float = 0.6) -> pd.DataFrame:
    """Draw workers; ``strength`` is how much more shade matters on organic farms than on conventional ones."""
    sizes = sizes or SIZES
    n = sum(sizes.values())
    farm = np.repeat(list(sizes), list(sizes.values()))
    organic = (farm == list(sizes)[1]).astype(float)
    age = np.clip(np.rint(rng.normal(38, 11, n)), 17, 74).astype(int)
    shade = rng.normal(0.3 * organic, 1)
    toil = rng.normal(-0.3 * shade - 0.6 * organic, 0.9)
    pruning = rng.normal(0.1 * shade, 1)
    contentment = rng.normal((0.1 + strength * organic) * shade - 0.45 * toil + 0.012 * (age - 38), 0.6)
    traits = {"contentment": contentment, "shade": shade, "toil": toil, "pruning": pruning}
    answers = {scale: items(rng, trait, scale) for scale, trait in traits.items()}
    totals = {
        scale: answers[scale].mean(axis=1) if scale == "contentment" else answers[scale].sum(axis=1)
        for scale in answers
    }
    columns = {
        "farm": farm,
        "age": age,
        "wage": rng.gamma(30 - 4 * organic, 2.0),
        "fell": rng.binomial(1, 0.35 - 0.15 * organic),
        "apple": rng.choice(["russet", "pippin", "codling", "pearmain"], n, p=[0.4, 0.3, 0.2, 0.1]),
        "season": np.where(rng.random(n) < 0.3 + 0.25 * organic, "first", "returning"),
    }
    return pd.concat([pd.DataFrame({**columns, **totals}), *answers.values()], axis=1)


def workers() -> pd.DataFrame:
    """The 91 workers of `orchard.toml`."""
    return participants(np.random.default_rng(SEED))
