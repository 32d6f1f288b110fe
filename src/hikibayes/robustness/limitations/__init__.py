"""What a paper names as its limits, as questions that are run, a file a question; `LIMITATIONS` lists them."""
