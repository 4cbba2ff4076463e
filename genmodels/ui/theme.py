"""The look of the page: paper and ink. Colours and sizes are CSS variables in page.css; gradio's own parts use them."""

from pathlib import Path

from gradio.themes.base import Base

from genmodels.ui import language

HERE = Path(__file__).parent
CHINESE = ("PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei")  # where they are there


def _read(*names: str) -> str:
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


# Not by gradio's own css setting: that prefixes every selector except those under @media, which then lose.
_STYLES = _read("page.css", "own_data.css", "train.css", "compare.css", "tool.css", "playground.css", "tour.css")
_SCRIPTS = language.script() + _read("figure.js", "copy.js", "links.js", "hiding.js", "page.js", "tour_bar.js")
HEAD = f"<style>{_STYLES}</style><script>{_SCRIPTS}</script>"

_SETTINGS = {
    "body_background_fill": "var(--paper)",
    "body_text_color": "var(--ink)",
    "body_text_color_subdued": "var(--quiet)",
    "body_text_size": "14px",
    "background_fill_primary": "var(--paper)",
    "background_fill_secondary": "var(--paper)",
    "border_color_primary": "var(--rule)",
    "border_color_accent": "var(--accent)",
    "color_accent": "var(--accent)",
    "color_accent_soft": "var(--sheet)",
    "link_text_color": "var(--accent)",
    "link_text_color_hover": "var(--accent)",
    "link_text_color_active": "var(--accent)",
    "link_text_color_visited": "var(--accent)",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0px",
    "block_label_background_fill": "transparent",
    "block_label_border_width": "0px",
    "block_label_shadow": "none",
    "block_label_text_color": "var(--quiet)",
    "block_title_text_color": "var(--ink)",
    "block_title_text_weight": "500",
    "block_info_text_color": "var(--quiet)",
    "input_background_fill": "var(--sheet)",
    "input_border_color": "var(--edge)",
    "input_border_color_focus": "var(--accent)",
    "input_placeholder_color": "var(--quiet)",
    "input_radius": "4px",
    "slider_color": "var(--accent)",
    "checkbox_background_color": "var(--sheet)",
    "checkbox_background_color_selected": "var(--accent)",
    "checkbox_border_color": "var(--edge)",
    "checkbox_border_color_selected": "var(--accent)",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_text_color": "var(--ink)",
    "button_primary_background_fill": "var(--accent)",
    "button_primary_background_fill_hover": "var(--accent-strong)",
    "button_primary_border_color": "var(--accent)",
    "button_primary_text_color": "var(--on-accent)",
    "button_secondary_background_fill": "transparent",
    "button_secondary_background_fill_hover": "var(--sheet)",
    "button_secondary_border_color": "var(--edge)",
    "button_secondary_text_color": "var(--ink)",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "error_text_color": "var(--danger)",
}


class Paper(Base):
    """A quiet theme with system fonts; dark mode comes through the same variables."""

    def __init__(self) -> None:
        super().__init__(
            primary_hue="slate",
            neutral_hue="stone",
            font=["system-ui", "-apple-system", "Segoe UI", *CHINESE, "sans-serif"],
            font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
        )
        known = set(dir(self))
        for name, value in _SETTINGS.items():
            setattr(self, name, value)
            if f"{name}_dark" in known:
                setattr(self, f"{name}_dark", value)
