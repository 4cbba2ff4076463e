"""The whole page: its head and its tabs."""

import json
import re
from html import escape

import gradio as gr

from genmodels.ui import (
    attack,
    classifier,
    compare,
    distances,
    information,
    language,
    latent,
    playground,
    samples,
    selfcheck,
    tour,
    train,
)

HEAD = """<header class="masthead" data-tabs="{tabs}" data-controls="{controls}">
<a class="skip" href="#content">Skip to the content</a>
<h1>Watch generative models learn</h1>
<p>Their mathematics, to be seen and touched.</p>
<div class="sharing"><button type="button" class="plain" data-do="copy-link">Copy a link</button>
<details class="hiding"><summary>Hide controls in this link</summary><div class="list">
<p class="note">What is ticked is hidden here and for everybody who opens the link. It keeps its value.</p>
<div class="groups"></div></div></details>{switch}</div></header>
<div class="link-faults" role="alert"></div>"""
NAMED = re.compile(r'data-(tool|owner|name)="([\w.-]+)"')

# The name of a tab in an address, its title, and what places its parts.
TABS = {
    "tour": ("Tour", tour.build),
    "train": ("Train", train.build),
    "compare": ("Compare", compare.build),
    "latent": ("Latent space", latent.build),
    "samples": ("Samples", samples.build),
    "distances": ("Distances", distances.build),
    "information": ("Information", information.build),
    "playground": ("Playground", playground.build),
    "classifier": ("Classifier", classifier.build),
    "attack": ("Attack", attack.build),
    "selfcheck": ("Self-check", selfcheck.build),
}


def build() -> gr.Blocks:
    """The page as Blocks, without telemetry, its queue closed to direct calls."""
    titles = json.dumps({name: title for name, (title, _) in TABS.items()})
    with gr.Blocks(title="genmodels", analytics_enabled=False, fill_width=True) as blocks:
        head = gr.HTML(elem_classes="page", apply_default_css=False)
        with gr.Tabs(selected="train"):
            for name, (title, place) in TABS.items():
                with gr.Tab(title, id=name, elem_id=f"tab-{name}"):
                    place()
        known = json.dumps(controls([part.value for part in blocks.blocks.values() if isinstance(part, gr.HTML)]))
        head.value = HEAD.format(tabs=escape(titles), controls=escape(known), switch=language.SWITCH)
    return blocks.queue(api_open=False)


def controls(parts: list[str | None]) -> list[str]:
    """What a link may hide beside regions and tabs: tools, and controls by their name, alone or after its owner's."""
    names: dict[str, None] = {}
    for part in parts:
        owner = ""
        for kind, name in NAMED.findall(part or ""):
            if kind != "name":
                owner = name
            names |= dict.fromkeys({"tool": (name,), "owner": (), "name": (name, f"{owner}.{name}")}[kind])
    return list(names)
