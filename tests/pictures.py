"""The pictures of README.md, made anew.

python -m tests.pictures moving [--out docs/learning.gif]   one run from noise to digits, its curve beside it
python -m tests.pictures tabs [NAME ...]                    each tab as the page shows it, in docs/<name>.png
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from PIL import Image
from playwright.sync_api import sync_playwright

from genmodels import data, metrics
from genmodels.bench import GLANCE, shown
from genmodels.pictures import decoded, noise, sheet, to_uint8
from genmodels.prepare import prepare

DOCS = Path(__file__).resolve().parent.parent / "docs"
MODEL, DATASET, SEED = "sngan", "mnist", 0
IMAGES, FIRST, SHARE = 40_000, 320, 1.2  # of the run; seen at its second picture; from one picture to the next
ROWS, COLUMNS = 6, 10
PAPER, INK, QUIET, ACCENT = "#faf8f3", "#1f1d1a", "#6b665c", "#0a5a8a"
COLOURS = 16  # of the moving picture's palette: greys, and a few blues
MILLISECONDS, LAST = 180, 3000  # of a picture, and of the last
VIEW = {"width": 1240, "height": 800}  # of a tab's picture
LOOKS = {  # name -> address, what is pressed, seconds until there is something to see
    "tour": ("?tab=tour", "", 3),
    "train": ("?tab=train&model=sngan&seconds=60", "#tab-train [data-do=start]", 45),
    "compare": ("?tab=compare", "#compare [data-do=start]", 45),
    "latent": ("?tab=latent", "", 3),
    "samples": ("?tab=samples", "", 3),
    "distances": ("?tab=distances", "", 3),
    "information": ("?tab=information", "", 3),
    "playground": ("?tab=playground", "#playground [data-do=play]", 30),
    "classifier": ("?tab=classifier", "", 4),
    "attack": ("?tab=attack", "", 4),
    "selfcheck": ("?tab=selfcheck", "[data-do=check]", 6),
}

Seen = tuple[int, torch.Tensor, float]  # images seen, a sheet of bytes (C, H, W), the distance of the samples


@torch.no_grad()
def seen(images: int = IMAGES) -> tuple[list[Seen], float]:
    """A run with the model's defaults, looked at again and again: always the same z, one class a column; and the floor
    of the distances."""
    dataset = data.load(DATASET)
    trainer = prepare(MODEL, dataset, {}, SEED, "cpu", None)
    z = noise(trainer.average, ROWS * COLUMNS, torch.Generator().manual_seed(SEED))
    labels = torch.arange(ROWS * COLUMNS) % COLUMNS
    real, _ = metrics.reference(dataset, GLANCE)
    found: list[Seen] = []

    def look() -> None:
        model = trainer.view()
        picture = sheet(to_uint8(decoded(model, z, labels)), COLUMNS)
        features = metrics.judged(shown(model, dataset, GLANCE), DATASET)
        found.append((trainer.seen, picture, metrics.frechet_distance(features, real)))

    look()
    following = float(FIRST)
    while trainer.seen < images:
        with torch.enable_grad():
            trainer.round()
        if trainer.seen >= min(following, images):
            look()
            following = SHARE * trainer.seen
    return found, metrics.real_scores(dataset, GLANCE)[0]


def frame(found: list[Seen], count: int, floor: float) -> Image.Image:
    """The picture after the first `count` looks, with the curve up to there."""
    images, picture, distance = found[count - 1]
    large = picture[0].repeat_interleave(2, 0).repeat_interleave(2, 1).numpy()
    height, width = large.shape
    whole = Image.new("RGB", (width + 300, height + 34), PAPER)
    whole.paste(Image.fromarray(large), (0, 0))
    figure = Figure(figsize=(3.0, (height + 34) / 100), dpi=100, facecolor=PAPER)
    axes = figure.add_axes((0.16, 0.24, 0.8, 0.66), facecolor=PAPER)
    axes.loglog([max(n, FIRST / 2) for n, _, _ in found[:count]], [d for _, _, d in found[:count]], color=ACCENT)
    axes.plot(max(images, FIRST / 2), distance, "o", color=ACCENT, markersize=5)
    axes.axhline(floor, color=QUIET, linestyle="--", linewidth=1)
    axes.text(FIRST / 2, floor * 1.1, "real images", color=QUIET, fontsize=8, va="bottom")
    axes.set_xlim(FIRST / 2.3, 1.2 * found[-1][0])
    axes.set_ylim(floor / 2, 2 * max(d for _, _, d in found))
    axes.set_title(f"Feature distance, {GLANCE} samples", color=INK, fontsize=9, loc="left")
    axes.set_xlabel("images seen", color=QUIET, fontsize=8, loc="right")
    axes.tick_params(labelsize=8, colors=QUIET, which="both")
    axes.xaxis.set_minor_formatter(NullFormatter())
    for name, line in axes.spines.items():
        line.set_visible(name in ("left", "bottom"))
        line.set_color(QUIET)
    figure.text(0.04, 0.04, f"{images:,} images seen", color=INK, fontsize=10)
    figure.text(0.96, 0.04, f"distance {distance:.2f}", color=ACCENT, fontsize=10, ha="right")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    whole.paste(Image.open(buffer).convert("RGB").crop((0, 0, 300, height + 34)), (width, 0))
    return whole


def moving(out: Path, images: int = IMAGES) -> None:
    """Writes the moving picture."""
    found, floor = seen(images)
    frames = [frame(found, count, floor) for count in range(1, len(found) + 1)]
    palette = frames[len(frames) // 2].quantize(COLOURS)
    small = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in frames]
    times = [MILLISECONDS] * (len(small) - 1) + [LAST]
    buffer = io.BytesIO()
    small[0].save(buffer, "GIF", save_all=True, append_images=small[1:], duration=times, loop=0, optimize=True)
    out.write_bytes(buffer.getvalue())
    print(f"{out}: {len(small)} pictures, {buffer.tell() / 1e6:.2f} MB, distance {found[-1][2]:.2f}, floor {floor:.2f}")


@contextmanager
def served() -> Iterator[str]:
    """The address of a page of its own."""
    environment = os.environ | {"GENMODELS_RUNS": "2"}
    process = subprocess.Popen([sys.executable, "app.py"], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def tabs(names: list[str]) -> None:
    """Takes pictures of tabs, light, in a browser."""
    with served() as address, sync_playwright() as api:
        browser = api.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        for name in names:
            search, pressed, seconds = LOOKS[name]
            page = browser.new_page(viewport=VIEW)
            page.goto(f"{address}{search}&__theme=light")
            page.wait_for_selector(f"#tab-{name}", state="visible", timeout=60_000)
            page.wait_for_timeout(2000)
            if page.locator(f"#tab-{name} .slot").count():
                page.wait_for_selector(f"#tab-{name} .slot figure", timeout=60_000)
            if pressed:
                page.click(pressed)
            page.wait_for_timeout(1000 * seconds)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            page.close()
            buffer = io.BytesIO()
            small = picture.quantize(256, kmeans=4, dither=Image.Dither.NONE)  # loses no thin line
            small.save(buffer, "PNG", optimize=True)
            (DOCS / f"{name}.png").write_bytes(buffer.getvalue())
            print(f"docs/{name}.png: {buffer.tell() / 1e3:.0f} kB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    adder = parser.add_subparsers(dest="deed", required=True)
    one = adder.add_parser("moving")
    one.add_argument("--out", type=Path, default=DOCS / "learning.gif")
    one.add_argument("--images", type=int, default=IMAGES)
    some = adder.add_parser("tabs")
    some.add_argument("names", nargs="*", metavar="NAME", help=", ".join(LOOKS))
    chosen = parser.parse_args()
    if chosen.deed == "moving":
        moving(chosen.out, chosen.images)
    else:
        tabs(chosen.names or [*LOOKS])


if __name__ == "__main__":
    main()
