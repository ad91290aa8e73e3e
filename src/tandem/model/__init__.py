"""The nouns of the problem. Pure, frozen, and importing nothing of Tandem outside this package."""
