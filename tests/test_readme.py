"""What the documents say is there: links, files, commands, tabs, environment variables, versions, numbers."""

import ast
import re
import shlex
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from urllib.parse import parse_qsl

import gradio as gr
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from PIL import Image, ImageChops

import genmodels
from genmodels import data, weights
from genmodels.__main__ import parser
from genmodels.models import MODELS
from genmodels.models.base import settings_of
from genmodels.ui.page import TABS, build, controls
from tests import tables

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "weights/README.md", "docs/minute.md", "docs/map.md")
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS}
README = TEXTS["README.md"]
LARGEST, LARGEST_MOVING = 300_000, 1_500_000  # bytes of a picture
REGIONS = {"tabs", "more", "tries", "card"}  # that hide= takes beside tabs, tools and controls
ELSEWHERE = {"OMP_NUM_THREADS"}  # read by libraries, not by us


def codes(text: str) -> list[str]:
    """What stands between backticks, in a line or in lines of its own."""
    blocks = [
        line
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [*blocks, *re.findall(r"`([^`\n]+)`", rest)]


def commands() -> list[tuple[str, str]]:
    found = [(name, part.strip()) for name in DOCUMENTS for code in codes(TEXTS[name]) for part in code.split("&&")]
    begun = ("python ", "python3 ", "pip ", "torchrun ", "OMP_NUM_THREADS", "ruff ", "hf ")
    return [(name, command) for name, command in found if command.startswith(begun)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", TEXTS[name]):
        target = "".join(target)
        if not target.startswith("https://"):
            path = ROOT / Path(name).parent / target.partition("#")[0]
            assert path.exists(), f"{name}: {target}"
            most = LARGEST_MOVING if path.suffix == ".gif" else LARGEST
            assert path.suffix not in (".png", ".gif") or path.stat().st_size <= most, f"{target} is too large"


def test_every_picture_of_docs_is_shown():
    shown = "".join(TEXTS.values())
    pictures = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".png", ".gif")]
    assert len(pictures) > 10
    assert [path.name for path in pictures if path.name not in shown] == []


@pytest.mark.parametrize(("name", "command"), commands())
def test_commands_are_understood(name, command):
    words = shlex.split(re.sub(r"^(\w+=\S+ )+", "", command), comments=True)
    if words[:3] == ["torchrun", "--nproc-per-node", "2"]:
        words = ["python", *words[3:]]
    if words[:3] == ["python", "-m", "genmodels"] and len(words) > 3:
        understood(words[3:])
    elif words[:2] == ["python", "-m"]:
        module = ROOT / f"{words[2].replace('.', '/')}.py"
        assert module.exists() or module.with_suffix("").is_dir() or words[2] in ("pytest", "venv"), command
        for word in words[3:]:
            option = word.strip("[]")
            assert not option.startswith("--") or option in module.read_text(encoding="utf-8"), command
    elif words[0] == "pip":
        files = [words[place + 1] for place, word in enumerate(words) if word == "-r"]
        assert all((ROOT / file).exists() for file in files), command
    elif words[:2] == ["python", "app.py"]:
        assert all(word in (ROOT / "app.py").read_text(encoding="utf-8") for word in words if word.startswith("--"))


def understood(words: list[str]) -> None:
    """As the command line itself reads them; FILE and the like stand for something."""
    try:
        asked = parser().parse_args(words)
    except SystemExit:
        if words[-1].isupper() or words[-1] == "--help" or len(words) == 1:  # "train MODEL", or a command's bare name
            return
        pytest.fail(f"not understood: {shlex.join(words)}")
    if getattr(asked, "model", None) in MODELS:
        kinds = settings_of(MODELS[asked.model])
        for pair in asked.set:
            setting, _, value = pair.partition("=")
            kinds[setting][0].check(setting, value)
    assert getattr(asked, "model", None) in {*MODELS, None, "lsgan"}  # which CONTRIBUTING.md adds
    assert set(getattr(asked, "datasets", [])) | {getattr(asked, "dataset", None)} <= {*data.NAMES, None}
    saved = getattr(asked, "resume", None)
    assert saved is None or saved.parts[0] == "runs" or (ROOT / saved).exists()


def test_the_length_of_the_example_is_true():
    example = re.search(r"```python\n(.*?)```", TEXTS["CONTRIBUTING.md"], re.DOTALL)[1]
    assert f"a whole one in {len(example.splitlines())} lines" in README


def test_files_that_are_named_exist():
    for name, text in TEXTS.items():
        for code in codes(re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)):
            if re.fullmatch(r"[\w./-]*(/|\.(py|json|md|txt|toml|cff))", code) and not code.startswith((".npy", "runs")):
                places = [ROOT / folder / code for folder in (".", "genmodels", "tests", Path(name).parent)]
                assert any(path.exists() for path in places) or code == "genmodels/models/lsgan.py", f"{name}: {code}"


def test_the_tree_names_every_module_and_nothing_else():
    tree = re.search(r"^```\n(app\.py .*?)^```", TEXTS["docs/map.md"], re.DOTALL | re.MULTILINE)[1]
    named = set(re.findall(r"[\w.]+\.(?:py|txt)\b", tree)) | {part.rstrip("/") for part in re.findall(r"[\w.]+/", tree)}
    there = {path.name for path in (ROOT / "genmodels").glob("*.py")} - {"__init__.py"}
    folders = {path.name for path in (ROOT / "genmodels").iterdir() if path.is_dir()} - {"__pycache__"}
    assert sorted((there | folders) - named) == []
    everywhere = {path.name for path in ROOT.rglob("*") if ".git" not in path.parts}
    assert sorted(name for name in named if name not in everywhere) == []


def test_the_tabs_are_those_of_the_page():
    shown = README.split("## What one sees")[1].split("## Models")[0]
    assert re.findall(r"<br>\*\*(.*?)\.\*\* ", shown) == [title for title, _ in TABS.values()]
    assert re.findall(r"docs/(\w+)\.png", shown) == [*TABS]


def test_the_lessons_ask_for_what_is_there():
    links = re.findall(r"`(\?tab=[^`]+)`", README)
    assert len(links) >= 3
    known = set(controls([part.value for part in build().blocks.values() if isinstance(part, gr.HTML)]))
    for link in links:
        asked = parse_qsl(link[1:], strict_parsing=True)
        assert dict(asked)["tab"] in TABS
        for name, value in asked:
            if name == "hide":
                assert set(value.split(",")) <= REGIONS | known | set(TABS), link
            elif name == "set":
                setting, _, number = value.partition("=")
                settings_of(MODELS[dict(asked)["model"]])[setting][0].check(setting, number)
            else:
                assert name == "tab" or name in known, link


def test_environment_variables_are_listed_all_and_no_others():
    sources = [ROOT / "app.py", *(ROOT / "genmodels").rglob("*.py")]
    read = {name for path in sources for name in environment(path.read_text(encoding="utf-8"))}
    listed = set(re.findall(r"`([A-Z][A-Z_]{3,})`", README.split("| environment variable")[1].split("## ")[0]))
    assert len(read) > 5
    assert sorted(read - listed) == [] and sorted(listed - read - ELSEWHERE) == []


def environment(source: str) -> set[str]:
    """The names with which a file asks for environment variables."""
    return {
        node.value
        for part in ast.walk(ast.parse(source))
        if isinstance(part, ast.Call | ast.Subscript) and re.match(r"os\.(environ|getenv)\b", ast.unparse(part))
        for node in ast.walk(part)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[A-Z][A-Z_]{3,}", node.value)
    }


def test_the_tables_are_in_step_with_what_they_tell():
    words = "run python -m tests.tables"
    assert tables.written(README) == README, words
    assert TEXTS["docs/minute.md"] == tables.minute(), words
    assert {path.stem for path in tables.STRIPS.glob("*.png")} == {path.stem for path in weights.shelf()}, words
    for path in weights.shelf():
        kept, cut = Image.open(tables.STRIPS / f"{path.stem}.png").convert("RGB"), tables.strip(path).convert("RGB")
        assert kept.size == cut.size and ImageChops.difference(kept, cut).getbbox() is None, words


def test_the_readme_of_the_weights_is_in_step_with_them():
    text = TEXTS["weights/README.md"]
    named = [f"{model}-{dataset}" for model, dataset in re.findall(r"^## (\w+) on (\w+)$", text, re.MULTILINE)]
    assert named == [path.stem for path in weights.shelf()], "run python -m genmodels.weights table"
    for path in weights.shelf():
        assert "; ".join(weights.said(weights.figures_of(path))) in text, path.name


def test_one_version_everywhere():
    front = dict(line.split(": ", 1) for line in README.split("---")[1].strip().splitlines())
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = {Requirement(line).name: Requirement(line) for line in requirements()}
    assert str(wanted["gradio"].specifier) == f">={front['sdk_version']}"
    assert (ROOT / front["app_file"]).exists() and len(front["short_description"]) <= 60
    least = re.search(r'requires-python = ">=([\d.]+)"', project)[1]
    assert f"Python {least} or newer" in README
    assert SpecifierSet(f">={least}").contains(front["python_version"].strip('"'))
    version = genmodels.__version__
    assert f'version = "{version}"' in project and f"## {version}" in TEXTS["CHANGELOG.md"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def requirements() -> list[str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 does not know which distribution a module is of")
def test_what_is_imported_is_required():
    """By us, or by what we require."""
    ours = {Requirement(line).name.lower() for line in requirements()}
    theirs = {Requirement(line).name.lower() for name in ours for line in requires(name) or []}
    sources = [ROOT / "app.py", *(ROOT / "genmodels").rglob("*.py")]
    parts = [part for path in sources for part in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = {name.name for part in parts if isinstance(part, ast.Import) for name in part.names}
    names |= {part.module for part in parts if isinstance(part, ast.ImportFrom) and part.module}
    distributions = packages_distributions()
    for name in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"genmodels"}:
        assert any(found.lower() in ours | theirs for found in distributions[name]), name


def test_the_changelog_names_every_model_and_tab():
    text = TEXTS["CHANGELOG.md"]
    assert [name for name in MODELS if not re.search(rf"\b{name}\b", text)] == []
    assert [title for title, _ in TABS.values() if title not in text] == []
