"""A run as one stand-alone script, as a notebook, and as a zip that holds both beside the weights.

The script holds the model's own source, cut down to the run's settings, and a plain loop that draws the same random
numbers: on a processor it reaches the same samples, to the last bit.
"""

import inspect
import io
import json
import re
import sys
import textwrap
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from genmodels import checkpoint, data, precision
from genmodels.errors import UserError
from genmodels.export.classes import Needs, written
from genmodels.export.loop import training
from genmodels.export.tidy import tidy
from genmodels.models import build, can
from genmodels.precision import Plan
from genmodels.record import ROWS, columns_of

SETS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10"}  # names in torchvision
EACH = 1000  # images of a class in the bundled part of CIFAR-10
MISSING = (4298, 5949, 7066, 7237, 7248, 7630, 8006, 8831, 8968, 9415, 10336, 10408)  # places the bundle passes over
STDLIB = ("collections", "dataclasses", "functools", "math")
NEEDS = {"copy": "import", "sys": "import", "torch": "import", "Tensor": "from torch import", "nn": "from torch import"}
NEEDS |= {"datasets": "from torchvision import", "to_pil_image": "from torchvision.transforms.functional import"}
NEEDS |= dict.fromkeys(("make_grid", "save_image"), "from torchvision.utils import")

LOAD = '''def load(folder: str) -> tuple[Tensor, Tensor]:
    """Training images (N, C, H, W) as bytes and their labels (N,)."""
    found = datasets.{name}(folder, train=True, download=True)
'''
LOAD_GREY = "    return found.data[:, None], found.targets\n"
LOAD_COLOUR = """    images = torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous()
    labels = torch.tensor(found.targets)
"""
LOAD_PART = """    # The run had the first {each} images of each class, but for a few places.
    missing = {missing}
    there = [place for place in range(len(labels)) if place not in missing]
    index = sorted(sum([[place for place in there if labels[place] == label][:{each}] for label in range(10)], []))
    return images[index], labels[index]
"""
SAMPLES = '''@torch.no_grad()
def samples(model: {kind}) -> Tensor:
    """{count} images (N, C, H, W) as bytes{what}."""
    z = {z}
    labels = torch.arange({count}) % {classes}
    images = {unit}
    return images.float().mul(255).round().clamp(0, 255).to(torch.uint8)
'''
MAIN = """trained = train(*load(sys.argv[1] if len(sys.argv) > 1 else "data"))
drawn = samples(trained)
torch.save(drawn, "samples.pt")
save_image(drawn / 255, "samples.png", nrow={columns}, padding=1)
"""
SHOW = "to_pil_image(make_grid(drawn, nrow={columns}, padding=1))  # what a notebook shows\n"
README = """This is {title}, trained on {dataset} for {rounds} rounds with seed {seed}.
`python {stem}.py FOLDER` trains it again with torch and torchvision alone and writes samples.png; FOLDER is where the \
data set lies or goes, and {stem}.ipynb is the same as a notebook.
`{stem}.safetensors` holds the weights, and `python -m genmodels sample {stem}.safetensors` draws from them.
"""


def script(saved: checkpoint.Checkpoint, plan: Plan, images: int | None = None, notes: Sequence[str] = ()) -> str:
    """The run behind a file as a Python script.

    `plan` says how it computed, `images` how many training images it had (all, if nothing is said), `notes` what else
    the script should say that it does not repeat. UserError for pictures of one's own, which nobody else has.
    """
    needs, (words, *parts) = _parts(saved, plan, images, notes)
    return "\n\n\n".join([f"{words}\n\n{_imports(needs, parts)}\n\n{parts[0]}", *parts[1:]])


def notebook(saved: checkpoint.Checkpoint, plan: Plan, images: int | None = None, notes: Sequence[str] = ()) -> str:
    """The same as a Jupyter notebook (nbformat 4), one part of it a cell."""
    needs, (words, *parts) = _parts(saved, plan, images, notes)
    columns = columns_of(saved.model.conditional, saved.model.classes)
    parts[-1] = re.sub(r"sys\.argv.*else ", "", parts[-1]) + SHOW.format(columns=columns)
    parts = [_imports({name: line for name, line in needs.items() if name != "sys"}, parts), *parts]
    cells = [{"cell_type": "markdown", "metadata": {}, "source": words.strip('r"\n').splitlines(keepends=True)}]
    for part in parts:
        source = part.strip("\n").splitlines(keepends=True)
        cells.append({"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source})
    for number, cell in enumerate(cells):
        cell["id"] = f"part-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1)


def parcel(path: Path, plan: Plan, images: int | None = None, notes: Sequence[str] = ()) -> bytes:
    """A zip of script, notebook, weights (the file itself) and a README."""
    saved = checkpoint.load(path)
    stem = name_of(saved)
    facts = {"title": saved.model.card.title, "dataset": saved.dataset, "rounds": saved.rounds, "seed": saved.seed}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{stem}/{stem}.py", script(saved, plan, images, notes))
        file.writestr(f"{stem}/{stem}.ipynb", notebook(saved, plan, images, notes))
        file.write(path, f"{stem}/{stem}.safetensors")
        file.writestr(f"{stem}/README.md", README.format(stem=stem, **facts))
    return buffer.getvalue()


def name_of(saved: checkpoint.Checkpoint) -> str:
    """What the files of a run are called, without ending."""
    return f"{saved.model.name}-{saved.dataset}-{saved.seed}"


def export(path: Path, out: Path) -> list[Path]:
    """Writes script, notebook and zip of a saved run into a folder."""
    saved = checkpoint.load(path)
    plan = saved.plan or _plan(saved)
    notes = ["A file does not say whether settings were changed by hand, a run was resumed, or what it computed on."]
    have = len(data.load(saved.dataset).images) if saved.dataset in SETS else None
    stem = name_of(saved)
    texts = {"py": script(saved, plan, have, notes).encode(), "ipynb": notebook(saved, plan, have, notes).encode()}
    texts["zip"] = parcel(path, plan, have, notes)
    for ending, content in texts.items():
        checkpoint.write(out / f"{stem}.{ending}", content)
    return [out / f"{stem}.{ending}" for ending in texts]


def _plan(saved: checkpoint.Checkpoint) -> Plan:
    """How this computer trains such a model: measured once and kept."""
    model = build(saved.model.name, saved.model.shape, saved.model.classes, **saved.model.settings())
    return precision.choose(model, torch.device("cpu"))


def _parts(
    saved: checkpoint.Checkpoint, plan: Plan, images: int | None, notes: Sequence[str]
) -> tuple[Needs, list[str]]:
    """What the script imports, and its parts in order, the words about it first."""
    if saved.dataset not in SETS:
        raise UserError("A run on your own pictures cannot be exported as a script: only you have them.")
    model, kind = saved.model, type(saved.model).__name__
    needs, classes = written(model, plan.bfloat16)
    columns = columns_of(model.conditional, model.classes)
    facts: dict[str, Any] = {"kind": kind, "classes": model.classes, "columns": columns, "count": ROWS * columns}
    load = LOAD.format(name=SETS[saved.dataset])
    whole = data.load(saved.dataset).whole
    notes = [*notes]
    if saved.dataset == "cifar10":
        load += LOAD_COLOUR
        part = images == 10 * EACH
        load += LOAD_PART.format(each=EACH, missing=MISSING) if part else "    return images, labels\n"
        if images not in (None, whole, 10 * EACH):
            notes.append(f"The run had {images:,} of the {whole:,} training images; this script takes all of them.")
    else:
        load += LOAD_GREY
    facts["half"] = plan.bfloat16
    facts["layout"] = ".to(memory_format=torch.channels_last)" if plan.channels_last else ""
    facts["threads"] = 1 if plan.one_thread else precision.THREADS
    drawn = f"model.{'sample' if can(model, 'sample') else 'decode'}(z, labels)"
    facts["unit"] = f"{drawn}.clamp(0, 1)" if model.low == 0 else f"(({drawn} + 1) / 2).clamp(0, 1)"
    facts["what"] = ", a class a column" if model.conditional else ""
    facts["z"] = f"model.latents({ROWS * columns}, torch.Generator().manual_seed(SEED))"
    if not can(model, "sample"):
        codes = model.encode(model.from_uint8(data.load(saved.dataset).images[:1])).shape[1]
        facts["z"] = f"torch.randn({ROWS * columns}, {codes}, generator=torch.Generator().manual_seed(SEED))"
    constants = f"SEED = {saved.seed}\nROUNDS = {saved.rounds}\nBATCH = {model.batch}  # images"
    end = [training(model, facts), SAMPLES.format(**facts), MAIN.format(**facts)]
    parts = [_words(saved, plan, notes), f"{constants}\n{tidy(classes, chr(10).join(end))}", load, *end]
    return NEEDS | needs, [parts[0], *[part.strip("\n") for part in parts[1:-1]], parts[-1]]


def _words(saved: checkpoint.Checkpoint, plan: Plan, notes: Sequence[str]) -> str:
    """The docstring: paper, formula, and what holds of the run."""
    card = saved.model.card
    formula = inspect.getdoc(sys.modules[type(saved.model).__module__]).replace('"""', "'''")
    how = "bfloat16 where the run found it faster" if plan.bfloat16 else "single precision"
    lines = [
        f"{formula}\n",
        textwrap.fill(f"Paper: {card.authors}: {card.title} ({card.year}), {card.link}", 110),
        f"Repeats a run on {SETS[saved.dataset]} up to round {saved.rounds}, seed {saved.seed}, in {how}: on a",
        "processor of the same kind, with the same torch, its samples are the same to the last bit.",
        "Usage: python FILE.py FOLDER, the folder where torchvision finds or puts the data set.",
        *[textwrap.fill(note, 110) for note in notes],
    ]
    return 'r"""' + "\n".join(lines) + '\n"""'


def _imports(needs: Needs, parts: Sequence[str]) -> str:
    """The lines at the top, only those that are used."""
    text = "\n".join(parts)
    used = {name: line for name, line in needs.items() if re.search(rf"\b{name}\b", text)}
    groups: list[list[str]] = [[], []]
    for line in sorted(set(used.values()), key=lambda line: (line != "import", line)):
        names = sorted((n for n in used if used[n] == line), key=lambda n: (not n.isupper(), n[0].islower(), n))
        if line == "import":
            for name in names:
                groups[name == "torch"].append(f"import {name}")
        else:
            groups[line.split()[1].split(".")[0] not in STDLIB].append(f"{line} {', '.join(names)}")
    return "\n\n".join("\n".join(group) for group in groups if group)
