"""The Playground tab: a GAN on points in the plane. The browser drives it; the server plays a little at each request.

What it asks of the server is in `game.py`, what it draws in `plane.js`, how it is steered in `playground.js`.
"""

from html import escape
from pathlib import Path

import gradio as gr
from torch import Generator

from genmodels.models.base import settings_of
from genmodels.playground.laws import LAWS, REACH
from genmodels.playground.losses import CLIP, PENALTY
from genmodels.playground.model import Plane
from genmodels.ui import game
from genmodels.ui.controls import choices, field
from genmodels.ui.tool import Preset, tries

HERE = Path(__file__).parent
SCRIPTS = ("fields.js", "plane.js", "playground.js")
FIRST = "ring"
DRAWN = "drawn"  # the law that a visitor draws
ICON = 40  # pixels of a law's picture
ONLY_FOR = {"clip": CLIP, "penalty_weight": PENALTY}  # settings that one loss alone has
LAYERS = {"real": "data", "fakes": "fakes", "surface": "D's verdict", "lattice": "G's grid", "pull": "pull on fakes"}

PRESETS = (
    Preset(
        "Eight modes",
        "The losses hover about a balance and say little; the measures see all eight modes within seconds. Then lower "
        "both learning rates tenfold: W1 sinks into its floor.",
        {"law": "ring"},
    ),
    Preset(
        "A discriminator too good",
        "Minimax loss, twenty steps of D for one of G: soon half of the fakes feel no pull at all, and W1 grows. "
        "Choose the non-saturating loss while it plays: the arrows come back.",
        {"law": "ring", "loss": "minimax", "discriminator_steps": 20},
    ),
    Preset(
        "Mode collapse",
        "Twenty-five modes and a hurried generator: it crowds onto a few, D marks them as fake, it jumps to others.",
        {"law": "grid", "generator_lr": 0.01, "discriminator_lr": 0.001},
    ),
    Preset(
        "Wasserstein by clipping",
        "What the critic reads is now three, now eight times the exact W1: at most K times W1, and K is unknown.",
        {"law": "ring", "loss": CLIP, "discriminator_steps": 5},
    ),
    Preset(
        "Wasserstein by penalty",
        "The same game with slopes near 1: what the critic reads stays near the exact W1. A better critic does no harm "
        "here: give it twenty steps.",
        {"law": "ring", "loss": PENALTY, "discriminator_steps": 5},
    ),
    Preset(
        "Least squares",
        "Quicker at the start, for even the farthest fakes are pulled; but often a mode or two stay empty, and "
        "W1 stays above its floor. Try other seeds.",
        {"law": "ring", "loss": "least squares"},
    ),
)


def build() -> None:
    """Places the tab inside the Blocks being built."""
    gr.HTML(
        playground(),
        js_on_load="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
        server_functions=[game.begin, game.advance],
        apply_default_css=False,
        elem_id="playground",
        elem_classes="page",
    )


def playground() -> str:
    """The whole tab as HTML."""
    shows = "".join(
        f'<label class="layer {name}"><input type="checkbox" value="{name}" checked><i></i>{words}</label>'
        for name, words in LAYERS.items()
    )
    players = {"": "both", "discriminator": "only D", "generator": "only G"}
    return f"""<div class="plane" data-owner="play">
<p class="lead">A generator G turns noise into the orange points; a discriminator D learns to tell them from the blue
data. Press Play, then try a discriminator that is too good.</p>
<section class="controls" aria-label="Settings">{controls()}</section>
<section class="stage" aria-label="Picture">
<figure><div class="frame"><canvas role="img" aria-label="The game has not begun."></canvas>
<output class="rounds"></output><p class="act" role="status"></p></div>
<div class="layers" role="group" aria-label="What is drawn">{shows}</div></figure>
<div class="row transport">
<button type="button" class="primary" data-do="play">Play</button>
<button type="button" data-do="step">One step</button>
<button type="button" data-do="slow" aria-pressed="false">Slow motion</button>
<button type="button" data-do="again">Start again</button>
</div>
{choices("player", "Who learns", players, "", 'data-name="player"')}
<p class="message" role="status"></p>
<p class="note caption"></p>
<div class="reading"></div>
</section>
<section class="readings" aria-label="Measures"><h2 class="unseen">Measures</h2>
<dl></dl><div class="plots"></div></section>
<section class="tries" aria-label="Try this">{tries(PRESETS)}</section>
</div>"""


def controls() -> str:
    """The left column: what to learn, the settings in front, and the rest folded."""
    front, rest = [], []
    for name, (kind, default) in settings_of(Plane).items():
        html = field(f"playground-{name}", name, kind, default)
        only = f'<div class="only" data-loss="{escape(ONLY_FOR[name])}">{html}</div>' if name in ONLY_FOR else html
        (front if kind.front else rest).append(only)
    return f"""<form autocomplete="off" class="settings">
<fieldset class="laws" data-name="law"><legend>Data</legend>{laws()}</fieldset>
<p class="note drawing" hidden>Draw in the picture: what you draw is learned. With the keys: arrows move the pen, Space
sets a dot. <button type="button" class="plain" data-do="wipe">Wipe it</button></p>
{"".join(front)}
<div class="field" data-name="seed"><label for="playground-seed">Seed</label>
<input type="number" id="playground-seed" value="0" data-default="0" min="0" max="{game.LARGEST_SEED}" step="1"
inputmode="numeric"></div>
<p class="fault" role="alert"></p>
<details class="more"><summary>More settings</summary><div class="settings">{"".join(rest)}
<p class="note">Settings marked <em>live</em> change while it plays; the others start the game again, from the same
seed.</p></div></details>
</form>"""


def laws() -> str:
    """The laws as pictures to choose from; the last is one's own."""
    pen = f'<svg viewBox="0 0 {ICON} {ICON}"><path class="pen" d="M8 30c6-14 9-18 12-12s-4 12 2 12 8-16 11-20"/></svg>'
    pictures = {name: (law.title, _icon(name)) for name, law in LAWS.items()} | {DRAWN: ("draw your own", pen)}
    return "".join(
        f'<label title="{title}"><input type="radio" name="law" value="{name}" aria-label="{title}"'
        f"{' checked' if name == FIRST else ''}>{svg}</label>"
        for name, (title, svg) in pictures.items()
    )


def _icon(name: str) -> str:
    points = LAWS[name].draw(220, Generator().manual_seed(0))
    at = (points / REACH + 1) * ICON / 2
    d = "".join(f"M{x:.1f} {ICON - y:.1f}h0" for x, y in at.tolist())
    return f'<svg viewBox="0 0 {ICON} {ICON}"><path d="{d}"/></svg>'
