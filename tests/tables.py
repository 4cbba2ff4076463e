"""What README.md and docs/minute.md say in numbers, written from the files that hold them.

    python -m tests.tables

The models with figures and pictures of weights/, into README.md between its markers, the pictures into docs/strips/;
what several processes gain, from docs/scaling.json; docs/minute.md from genmodels/bench.json and docs/quality.json.
"""

import json
import re
import statistics
from pathlib import Path
from typing import Any

from PIL import Image
from safetensors import safe_open

from genmodels import bench, weights
from genmodels.data import NAMES, load
from genmodels.models import MODELS, can

ROOT = Path(__file__).resolve().parent.parent
README, MINUTE = ROOT / "README.md", ROOT / "docs" / "minute.md"
QUALITY, SCALING, STRIPS = ROOT / "docs" / "quality.json", ROOT / "docs" / "scaling.json", ROOT / "docs" / "strips"
SHORT = {  # key of a figure -> how a cell says it; the first two that there are
    "coverage": "coverage {:.2f}",
    "label_agreement": "labels obeyed {:.1%}",
    "iwae_nats": "bound {:.1f} nats",
    "nll_nats": "exact {:.1f} nats",
    "bits_per_dim": "{:.2f} bits per dimension",
    "reconstruction_mse": "squared error {:.1f}",
}


def strip(path: Path) -> Image.Image:
    """The first ten samples, or test images above what is made of them, cut from the picture beside the weights."""
    model, dataset = path.stem.split("-")
    rows = 1 if can(MODELS[model], "sample") else 3 if can(MODELS[model], "corrupt") else 2
    picture = Image.open(path.with_suffix(".png"))
    return picture.crop((0, 0, picture.width, rows * (load(dataset).shape[1] + 1) - 1))


def cell(path: Path) -> str:
    """One model on one data set: its strip, its figures, and how long it learned."""
    figures = weights.figures_of(path)
    with safe_open(path, "pt") as file:
        minutes = float(file.metadata()["seconds"]) / 60
    said = []
    if figures.get("feature_distance") is not None:
        said.append(f"**{figures['feature_distance'] / figures['feature_distance_floor']:.1f}** floors")
    known = [words.format(figures[key]) for key, words in SHORT.items() if figures.get(key) is not None]
    words = ", ".join([*said, *known[:2], f"{minutes:.0f} min"])
    return f"![{path.stem}](docs/strips/{path.stem}.png)<br>{words}"


def short(authors: list[str]) -> str:
    return " & ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."


def heading(dataset: str, shelf: dict[str, Path]) -> str:
    """A data set's title, with what its real images score."""
    figures = [weights.figures_of(path) for stem, path in shelf.items() if stem.endswith(f"-{dataset}")]
    covered = [found["coverage_real"] for found in figures if found.get("coverage_real") is not None]
    real = f" (real images: **1.0** floors, coverage {covered[0]:.2f})" if covered else ""
    return load(dataset).title + real


def models() -> str:
    """A row for each model, a column for each data set of which there are weights."""
    shelf = {path.stem: path for path in weights.shelf()}
    sets = [name for name in NAMES if any(stem.endswith(f"-{name}") for stem in shelf)]
    lines = [f"| model | {' | '.join(heading(name, shelf) for name in sets)} |", f"|---|{'---|' * len(sets)}"]
    for name, model in MODELS.items():
        card = model.card
        by = "; ".join(short(paper.split(", ")) for paper in card.authors.split("; "))
        cells = [cell(shelf[stem]) if (stem := f"{name}-{dataset}") in shelf else "" for dataset in sets]
        lines.append(f"| `{name}`<br>{card.title}<br>[{by} {card.year}]({card.link}) | {' | '.join(cells)} |")
    return "\n".join(lines)


def scaling() -> str:
    """Images per second of several processes beside those of one, or that it is not measured."""
    if not SCALING.exists():
        return "Not measured yet: `python -m tests.scaling`."
    facts = json.loads(SCALING.read_text(encoding="utf-8"))
    ways = [*facts["rows"][0]["gain"]]
    lines = [f"| model | {' | '.join(ways)} |", f"|---|{'---:|' * len(ways)}"]
    for row in facts["rows"]:
        cells = [f"{row['images_per_second'][way]:,.0f} (x {row['gain'][way]:.2f})" for way in ways]
        lines.append(f"| `{row['model']}` | {' | '.join(cells)} |")
    how = f"medians of {facts['turns']} turns of {facts['seconds']:g} s in single precision, {facts['cores']} cores"
    return "\n".join([*lines, "", f"Images per second, {how}: `python -m tests.scaling`."])


BLOCKS = {"models": models, "scaling": scaling}


def written(text: str) -> str:
    """A README with what stands between its markers made anew."""
    for name, block in BLOCKS.items():
        between = re.compile(rf"(<!-- {name}[^>]*-->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if len(between.findall(text)) != 1:
            raise ValueError(f"README.md does not have the markers of {name} once.")
        text = between.sub(lambda found, block=block: f"{found[1]}\n{block()}\n\n{found[2]}", text)
    return text


def minute() -> str:
    """docs/minute.md."""
    rows = bench.read()
    return f"""# What a minute gives

Written by `python -m tests.tables`. A feature distance means something beside its floor alone, which is what as many
real training images score; `coverage` stands beside that of real images, `real`.

## Two cores, every model

Measured by `python -m genmodels bench`: every model with its defaults on the bundled images, one after the other with
two cores to itself, once (one seed: the second digit is chance).

{bench.table(rows)}

## One core, five seeds

Sixty seconds on one core of two (the other trained another model), MNIST, defaults of 22 November 2026:
`OMP_NUM_THREADS=1 python -m tests.quality`. 10,000 samples against the 10,000 test images.

{quality(json.loads(QUALITY.read_text(encoding="utf-8")))}

![A row for each model in this order, a column for each seed](quality.png)
"""


def quality(table: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Means over seeds of what tests/quality.py found."""
    lines = [
        "| model | rounds | feature distance | in floors | coverage | labels obeyed |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for model, seeds in table.items():
        runs = [*seeds.values()]
        rounds = f"{min(run['rounds'] for run in runs):,}-{max(run['rounds'] for run in runs):,}"

        def mean(key: str, runs: list[dict[str, Any]] = runs) -> float:
            return statistics.fmean(run[key] for run in runs)

        if "error" in runs[0]:
            cells = [f"squared error {mean('error'):.1f} an image", "", "", ""]
        else:
            distance = mean("feature_distance")
            cells = [f"{distance:.2f}", f"{distance / mean('feature_distance_floor'):.0f}", f"{mean('coverage'):.2f}"]
            cells.append(f"{mean('label_agreement'):.2f}" if "label_agreement" in runs[0] else "")
        lines.append(f"| `{model}` | {rounds} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    STRIPS.mkdir(exist_ok=True)
    shelf = weights.shelf()
    for path in shelf:
        strip(path).save(STRIPS / f"{path.stem}.png", optimize=True)
    for old in set(STRIPS.glob("*.png")) - {STRIPS / f"{path.stem}.png" for path in shelf}:
        old.unlink()
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    MINUTE.write_text(minute(), encoding="utf-8")


if __name__ == "__main__":
    main()
