"""From a reconstruction to participants: the facts as numbers of group moments, and the searches that meet them."""
