"""What data could have produced the record: reconstructions of the study's moments, and integer participants."""
