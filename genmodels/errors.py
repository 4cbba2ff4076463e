"""The one exception for everything a person can cause."""


class UserError(Exception):
    """A mistake a person can mend: one plain sentence that says what to do, shown instead of a traceback."""
