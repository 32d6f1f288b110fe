"""Whether the machinery is right: engines against themselves, each other, and closed forms."""
