"""Models as people write them, their design matrices, and the only module that knows Bambi."""
