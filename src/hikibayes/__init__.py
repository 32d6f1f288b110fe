"""hikibayes."""
