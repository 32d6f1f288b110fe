"""The checks of an audit, one kind of printed number per module; each is a function from a study to `Check` rows."""
