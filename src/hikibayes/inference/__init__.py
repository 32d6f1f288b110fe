"""What to believe, given data: posteriors of the Gaussian regression, exactly or by NUTS, and what they say."""
