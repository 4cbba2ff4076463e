"""The Compare tab: two runs side by side from one start, with one thing changed."""

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from genmodels.models import MODELS
from genmodels.models.base import Choice, Flag, Kind, Whole, settings_of
from genmodels.ui import live, own_data
from genmodels.ui.controls import choices, options
from genmodels.ui.requests import Answer
from genmodels.ui.side_by_side import MODEL, command, look, start
from genmodels.ui.train import TIMES, TITLES

HERE = Path(__file__).parent
SCRIPTS = ("fields.js", "own_data.js", "compare.js")


@dataclass(frozen=True)
class Preset:
    """A pair started by one click. `claim` is what the course says of it, and where to look."""

    title: str
    claim: str
    model: str
    vary: str
    second: str | float | bool
    first: str | float | bool | None = None  # none where another model is what changes
    settings: dict[str, Any] | None = None  # of both
    seconds: int = 60


PRESETS = (
    Preset(
        "WGAN and WGAN-GP",
        "Clipping keeps a critic simple, a penalty on its slope lets it use what it has. Look at the feature distance: "
        "the two gaps are in different units.",
        "wgan",
        MODEL,
        "wgan_gp",
        seconds=120,
    ),
    Preset(
        "Minimax and non-saturating",
        "Where the discriminator is ahead, log(1 - D) is flat and the generator has little to learn from; -log D is "
        "steep there. Both have five steps of D for each of G. Whether the pictures suffer, the distance says.",
        "gan",
        "loss",
        "non-saturating",
        "minimax",
        {"steps": 5},
    ),
    Preset(
        "Batch norm, mixed and separate",
        "With real and generated pictures in one batch, batch norm tells the discriminator what the others are. Look "
        "at its loss, and at the classes among the samples.",
        "dcgan",
        "mixed",
        False,
        True,
        seconds=120,
    ),
    Preset(
        "Autoencoder and VAE",
        "Both decode the same z from N(0, I). Nothing tells an autoencoder where codes should lie; a VAE is told. Look "
        "for digits in the one and in the other: a distance of features need not see what you see.",
        "ae",
        MODEL,
        "vae",
        seconds=30,
    ),
    Preset(
        "Beta 0.1 and 4",
        "A cheap code says more than the prior allows: good reconstructions, odd samples. A dear one says little: "
        "smooth samples that are alike. Look at reconstruction and KL.",
        "vae",
        "beta",
        4.0,
        0.1,
    ),
    Preset(
        "GAN and DCGAN",
        "The same game, played by connected layers and by convolutions. Look at strokes and at single odd pixels.",
        "gan",
        MODEL,
        "dcgan",
        seconds=120,
    ),
)


def build() -> None:
    """Places the tab inside the Blocks being built."""
    with gr.Column(elem_id="compare", elem_classes="page"):
        gr.HTML(
            page(),
            js_on_load="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
            server_functions=[start, look, command, live.preview],
            apply_default_css=False,
        )


def page() -> str:
    """The whole tab as HTML."""
    sides = "".join(
        '<figure class="side"><h3 aria-hidden="true">&nbsp;</h3>'
        '<div class="frame"><img class="picture" alt="" hidden></div>'
        '<p class="note says"></p><figcaption class="caption"></figcaption></figure>'
        for _ in range(2)
    )
    return f"""<div class="lab" data-owner="compare" data-kinds="{escape(json.dumps(kinds()))}">
<p class="lead">Two runs from one start: the same seed, the same data, the same z, and one thing changed. They take
turns, one round each, so each learns at about half the speed it has alone.</p>
<section class="controls" aria-label="What is compared">{controls()}</section>
<section class="stage" aria-label="Both pictures"><h2 class="unseen">Both pictures</h2>
<div class="sides">{sides}</div>
<div class="replay" hidden><button type="button" data-do="replay">Replay</button>
<input type="range" min="0" max="0" step="1" value="0" aria-label="Images seen, for both pictures">
<output></output></div>
<dl class="status" aria-label="State of both runs"></dl>
<p class="message" role="status">Both pictures will stand here: press Start both, or one of the pairs of the course.</p>
<p class="heard unseen" role="status"></p>
<section class="difference" hidden><h2>The difference</h2><ul></ul></section>
<section class="readings" aria-label="Curves of both" hidden><div class="plots"></div>
<p class="note">Point at a curve to read the values of both.</p>
<p class="note nearness">While they learn, the feature distance is that of 256 samples to 500 test images, which is
larger than that of 2,000 to 2,000 at the end.</p></section>
</section>
<section class="tries" aria-label="Try this"><h2>Pairs of the course</h2>{tries()}</section>
</div>"""


def controls() -> str:
    """Model, data, what changes and its two values; the buttons; seed and time."""
    models = {name: f"{name} \N{EN DASH} {model.card.title}" for name, model in MODELS.items()}
    return f"""<form autocomplete="off">
<div class="field" data-name="model"><label for="compare-model">Model</label>
<select id="compare-model" data-default="{PRESETS[0].model}">{options(models, PRESETS[0].model)}</select></div>
{choices("compare-dataset", "Data set", TITLES, "mnist", 'data-name="data"')}
{own_data.panel()}
<div class="field" data-name="vary"><label for="compare-vary">What changes</label>
<select id="compare-vary"></select></div>
<div class="field" data-name="first"></div>
<div class="field" data-name="second"></div>
<p class="note both" hidden></p>
<div class="actions">
<button type="button" class="primary" data-do="start">Start both</button>
<div class="row"><button type="button" data-do="pause" disabled>Pause</button>
<button type="button" data-do="stop" disabled>Stop</button></div>
<p class="fault" role="alert"></p></div>
<div class="field" data-name="seconds"><label for="compare-seconds">Time budget, both together</label>
<select id="compare-seconds" data-default="60">{options(TIMES, "60")}</select></div>
<div class="field" data-name="seed"><label for="compare-seed">Seed</label>
<input type="number" id="compare-seed" value="0" data-default="0" min="0" max="{live.LARGEST_SEED}" step="1"
inputmode="numeric"></div>
</form>"""


def tries() -> str:
    """The presets, each a button and its claim."""
    items = []
    for item in PRESETS:
        names = ("model", "vary", "first", "second", "seconds")
        values = {name: getattr(item, name) for name in names} | {"settings": item.settings or {}}
        items.append(
            f'<li><button type="button" class="plain" data-preset="{escape(json.dumps(values))}">{escape(item.title)}'
            f"</button><p>{escape(item.claim)}</p></li>"
        )
    return f"<ul>{''.join(items)}</ul>"


def kinds() -> dict[str, list[Answer]]:
    """What can be changed of each model: bounds or options, the default, and another value to begin with."""
    return {
        name: [described(setting, kind, default) for setting, (kind, default) in settings_of(model).items()]
        for name, model in MODELS.items()
    }


def described(name: str, kind: Kind, default: Any) -> Answer:
    """One setting, for the script."""
    if isinstance(kind, Flag):
        return {"name": name, "label": kind.label, "options": ["true", "false"]} | _values(str(default).lower(), kind)
    if isinstance(kind, Choice):
        return {"name": name, "label": kind.label, "options": kind.options} | _values(default, kind)
    facts = {"low": kind.low, "high": kind.high, "whole": isinstance(kind, Whole)}
    return {"name": name, "label": kind.label} | facts | _values(default, kind)


def _values(default: Any, kind: Kind) -> Answer:
    """A default and another value: the next option, a number four times as large or else a quarter."""
    if isinstance(kind, Flag):
        other = "false" if default == "true" else "true"
    elif isinstance(kind, Choice):
        other = kind.options[(kind.options.index(default) + 1) % len(kind.options)]
    else:
        far = kind.low + (kind.high - kind.low) / 4
        other = far if not default else 4 * default if 4 * default <= kind.high else default / 4
        other = int(other) if isinstance(kind, Whole) else float(f"{other:.2g}")
    return {"value": default, "other": other}
