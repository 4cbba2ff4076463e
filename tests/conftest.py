"""What every test stands on: a cache of its own, and as few threads as two busy cores like."""

import os
import tempfile

# Before torch is imported; child processes inherit both.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="genmodels-test-")
os.environ.setdefault("OMP_NUM_THREADS", "2")
