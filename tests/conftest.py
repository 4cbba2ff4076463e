"""What every test stands on: a cache of its own, and as few threads as two busy cores like."""

import os
import tempfile

import genmodels  # noqa: F401  it says how threads wait, before any test imports torch

# Before torch is imported; child processes inherit both.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="genmodels-test-")
os.environ.setdefault("OMP_NUM_THREADS", "2")
