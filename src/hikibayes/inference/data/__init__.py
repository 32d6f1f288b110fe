"""A table as a person hands it in, made fit for a model or refused with one message."""
