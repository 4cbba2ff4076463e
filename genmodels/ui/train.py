"""The Train tab: choose a model, press Start, and watch it learn. What it does on the server is in `live.py`."""

import json
from html import escape
from pathlib import Path

import gradio as gr

from genmodels import data
from genmodels.models import MODELS
from genmodels.ui import live, own_data, promise, verdict
from genmodels.ui.controls import choices, options, settings_form
from genmodels.ui.experiments import experiments

HERE = Path(__file__).parent
SCRIPTS = ("fields.js", "controls.js", "album.js", "promise.js", "own_data.js", "verdict.js", "train.js")
TITLES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10", data.OWN: "Your own"}
TIMES = {
    "30": "30 seconds",
    "60": "1 minute",
    "120": "2 minutes",
    "300": "5 minutes",
    "900": "15 minutes",
    "3600": "1 hour",
}
FIRST = "dcgan"  # shown first where it is there
TEX = [{"left": "$$", "right": "$$", "display": True}]


def build() -> None:
    """Places the tab inside the Blocks being built."""
    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    with gr.Column(elem_id="train", elem_classes="page"):
        gr.HTML(
            lab(),
            js_on_load=script,
            server_functions=[
                live.start,
                live.look,
                live.command,
                live.preview,
                promise.expect,
                promise.reached,
                promise.shipped,
            ],
            apply_default_css=False,
            elem_id="lab-block",
        )
        with gr.Column(elem_id="cards"):
            for name in MODELS:
                gr.Markdown(card(name), latex_delimiters=TEX, elem_id=f"card-{name}", elem_classes="card")


def lab() -> str:
    """Everything of the tab but the paper cards, as HTML."""
    return f"""<div class="lab" data-owner="train"><style></style>
<p class="lead">Press Start. Every picture shows the same samples, so you see each of them take shape.</p>
<section class="controls" aria-label="Model and settings">{controls()}</section>
<section class="stage" aria-label="Picture">
<figure><div class="frame"><img class="picture" alt="" hidden></div>
<figcaption class="caption">&nbsp;</figcaption></figure>
<div class="replay" hidden>
<button type="button" data-do="replay">Replay</button>
<input type="range" min="0" max="0" step="1" value="0" aria-label="Picture kept, from the first to the latest">
<output></output>
</div>
<dl class="status" aria-label="State of the run"></dl>
<p class="message" role="status"></p><p class="heard unseen" role="status"></p>
<div class="keep">{keep()}</div>
</section>
<section class="readings" aria-label="Curves" hidden><h2 class="unseen">Curves</h2><div class="plots"></div>
<p class="note marks"></p>
{verdict.BOX}
<p class="note downloads"><a data-file="curves.png" download>Curves as PNG</a> ·
<a data-file="curves.json" download>as JSON</a>. Point at a curve to read its values.</p></section>
<section class="tries" aria-label="Try this"><h2>Try this</h2>{tries()}</section>
</div>"""


def controls() -> str:
    """The left column: model, data set, the settings in front, the buttons, and the rest folded."""
    first = FIRST if FIRST in MODELS else next(iter(MODELS))
    models = {name: f"{name} \N{EN DASH} {model.card.title}" for name, model in MODELS.items()}
    forms = {name: settings_form(name) for name in MODELS}
    front = "".join(f'<div class="settings" data-model="{name}" hidden>{form[0]}</div>' for name, form in forms.items())
    rest = "".join(f'<div class="settings" data-model="{name}" hidden>{form[1]}</div>' for name, form in forms.items())
    return f"""<form autocomplete="off">
<div class="field" data-name="model"><label for="model">Model</label>
<select id="model" data-default="{first}">{options(models, first)}</select></div>
{choices("dataset", "Data set", TITLES, "mnist", 'data-name="data"')}
{own_data.panel()}
{front}
<div class="actions">
<button type="button" class="primary" data-do="start">Start</button>
<div class="row">
<button type="button" data-do="pause" disabled>Pause</button>
<button type="button" data-do="step" disabled>One round</button>
<button type="button" data-do="stop" disabled>Stop</button>
</div>
<p class="fault" role="alert"></p>
<p class="note pending" hidden>What you changed holds from the next start.</p>
{promise.BOX}
<fieldset class="field players" hidden><legend>Who learns</legend><div class="choices"></div></fieldset>
</div>
<details class="more"><summary>More settings</summary>
{rest}
<div class="field" data-name="seconds"><label for="seconds">Time budget</label>
<select id="seconds" data-default="60">{options(TIMES, "60")}</select></div>
<div class="field" data-name="seed"><label for="seed">Seed</label>
<input type="number" id="seed" value="0" data-default="0" min="0" max="{live.LARGEST_SEED}" step="1"
inputmode="numeric"></div>
<p class="note">Settings marked <em>live</em> may be changed while the run goes on; each change is marked in the
curves. The others hold from the next start.</p>
</details>
</form>"""


def keep() -> str:
    """Save, load, and what repeats the run."""
    return """<div class="row">
<a class="button" data-file="model.safetensors" download hidden>Save model</a>
<a class="button" data-do="picture" download hidden>Save picture</a>
<label class="button">Load model<input type="file" accept=".safetensors" class="load"></label>
</div>
<details class="repeat" hidden><summary>Repeat this run elsewhere</summary>
<pre tabindex="0"><code></code></pre>
<div class="row"><button type="button" data-do="copy">Copy the command</button>
<a class="button" data-file="run.py" download>Python script</a>
<a class="button" data-file="run.ipynb" download>Notebook</a>
<a class="button" data-file="run.zip" download>Everything as zip</a></div>
<p class="note alone">Script and notebook need torch and torchvision alone, and repeat the run up to this moment.</p>
<p class="note beside" hidden>The script needs this program, and your pictures, which only you have.</p>
</details>"""


def tries() -> str:
    """The experiments, each a button and its claim."""
    items = []
    for item in experiments():
        values = {"model": item.model, "dataset": item.dataset, "settings": item.settings, "seconds": item.seconds}
        preset = escape(json.dumps(values))
        items.append(
            f'<li><button type="button" class="plain" data-preset="{preset}">{escape(item.title)}</button>'
            f"<p>{escape(item.claim)} <em>{item.model} on {TITLES[item.dataset]}, {item.seconds} s</em></p>"
            '<p class="note foretold"></p></li>'
        )
    return f"<ul>{''.join(items)}</ul>"


def card(name: str) -> str:
    """A model's paper card as Markdown."""
    paper = MODELS[name].card
    return (
        f"## {paper.title}\n\n{paper.idea}\n\n$${paper.objective}$$\n\n"
        f"**What to watch.** {paper.watch}\n\n"
        f"<small>{paper.authors}, {paper.year}. [{paper.link.removeprefix('https://')}]({paper.link}). "
        f"In the course: {paper.passage}.</small>"
    )
