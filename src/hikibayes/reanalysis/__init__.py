"""The main job: audit, reconstructions, synthetic data sets, fits by both engines, one answer."""

from .pipeline import Reanalysis, reanalysis_files, reanalyze

__all__ = ["Reanalysis", "reanalysis_files", "reanalyze"]
