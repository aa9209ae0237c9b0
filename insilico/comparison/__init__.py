"""How alike: units beside published distributions, with intervals."""
