"""What is taken where a person says nothing; nothing is imported for it, so that ``--help`` stays fast."""

DEFAULT_STUDY = "nonaka2021"
DEFAULT_SEED = 20210525
"""The shipped study's publication date: taken, printed and recorded wherever a person gives no seed."""
LARGEST_SEED = 2**32 - 1
"""The largest that every generator behind the engines takes."""
