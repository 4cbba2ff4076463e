"""Generative models that are seen to learn: models, training, theory; the page lives in `genmodels.ui`."""

import os

# Two trainings on two busy cores spin against each other unless waiting threads sleep (read when torch loads).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
