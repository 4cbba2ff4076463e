"""Generative models that are seen to learn: models, training, theory; the page lives in `genmodels.ui`."""

import os

# Threads that wait for each other spin only briefly, so that a training survives company: on two busy cores long
# spinning costs it nine tenths of its speed. Read when torch loads.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__version__ = "0.1.0"
