"""The whole page: its head and its tabs."""

import gradio as gr

from genmodels.ui import train

HEAD = """<header class="masthead"><h1>Watch generative models learn</h1>
<p>Press Start. Every picture shows the same samples, so you see each of them take shape.</p></header>"""


def build() -> gr.Blocks:
    """The page as Blocks, without telemetry, its queue closed to direct calls."""
    with gr.Blocks(title="genmodels", analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(HEAD, elem_classes="page", apply_default_css=False)
        with gr.Tabs(), gr.Tab("Train", id="train"):
            train.build()
    return blocks.queue(api_open=False)
