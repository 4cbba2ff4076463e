"""The verdict under the curves of a run."""

from genmodels.diagnosis import diagnose
from genmodels.evidence import History
from genmodels.history import Snapshot
from genmodels.ui.requests import Answer

# Only the name is announced, and `verdict.js` touches it only when it changes: figures change all the time.
BOX = """<div class="verdict" hidden><h3>Verdict: <span class="name" role="status"></span></h3>
<p class="sentence"></p><ul class="evidence"></ul></div>"""


def told(snapshot: Snapshot) -> Answer:
    """What the curves mean, for the page."""
    verdict = diagnose(History.of(snapshot))
    return {
        "name": verdict.name,
        "sentence": verdict.sentence,
        "evidence": list(verdict.evidence),
        "alarm": verdict.alarm,
    }
