"""The whole page: its head and its tabs."""

import json
from html import escape

import gradio as gr

from genmodels.ui import attack, classifier, distances, information, latent, playground, samples, selfcheck, train

HEAD = """<header class="masthead" data-tabs="{tabs}"><h1>Watch generative models learn</h1>
<p>Their mathematics, to be seen and touched.</p></header>"""

# The name of a tab in an address, its title, and what places its parts.
TABS = {
    "train": ("Train", train.build),
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
        gr.HTML(HEAD.format(tabs=escape(titles)), elem_classes="page", apply_default_css=False)
        with gr.Tabs():
            for name, (title, place) in TABS.items():
                with gr.Tab(title, id=name, elem_id=f"tab-{name}"):
                    place()
    return blocks.queue(api_open=False)
