"""One's own data: study, model and mapping read off a table and a formula."""
