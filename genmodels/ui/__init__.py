"""The page: thin tabs over the package; no number is computed here."""
