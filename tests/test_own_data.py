"""Pictures of one's own: what a zip, a folder, a .npy or drawings become, and what becomes of files made to harm."""

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genmodels import data, own_data, registry
from genmodels.errors import UserError
from genmodels.models import build
from genmodels.own_files import CELL, COLUMNS, Pile, add_drawings, add_file
from genmodels.prepare import prepare
from genmodels.record import columns_of
from genmodels.run import Run
from genmodels.training import Trainer
from genmodels.ui import live
from genmodels.ui import own_data as page

RED, GREEN, BLUE, WHITE = (230, 20, 20), (20, 200, 20), (20, 20, 230), (255, 255, 255)


def encoded(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def plain(colour, size=(40, 30)):
    return encoded(Image.new("RGB", size, colour))


def zipped(files, **options):
    """A zip in memory of names and their contents."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def from_bytes(content, side=None, **options):
    pile = Pile(side)
    add_file(pile, io.BytesIO(content))
    return own_data.build(pile, "pets", **options)


def numbered(count, make):
    return {f"{i:05}.png": make(i) for i in range(count)}


def pets():
    """Twenty cats, red, and ten dogs, blue, with what a Mac adds to a zip."""
    files = {f"pets/cat/{i}.png": plain(RED) for i in range(20)} | {f"pets/dog/{i}.png": plain(BLUE) for i in range(10)}
    return files | {"__MACOSX/pets/cat/0.png": plain(GREEN), "pets/.DS_Store": b"x", "pets/cat/._1.png": b"x"}


def refusal(content):
    with pytest.raises(UserError) as found:
        from_bytes(content)
    return str(found.value)


def test_folders_become_classes_and_a_tenth_is_held_out():
    found = from_bytes(zipped(pets()))
    dataset = found.dataset
    assert dataset.classes == ("cat", "dog") and dataset.shape == (3, 32, 32) and dataset.name == data.OWN
    assert dataset.images.dtype == torch.uint8 and len(dataset.images) == 26 and len(dataset.test_images) == 4
    for images, labels in ((dataset.images, dataset.labels), (dataset.test_images, dataset.test_labels)):
        for image, label in zip(images, labels, strict=True):
            assert image.flatten(1).float().mean(1).tolist() == list((RED, BLUE)[label])
    assert found.words == (
        "30 pictures, 2 classes (cat, dog), 32 x 32, colour: 26 to learn from, 4 held out.",
        "So few that memorising is likely: each is shifted by up to 2 pixels whenever it is drawn.",
    )
    assert dataset.shift == 2 and dataset.mirror
    again = from_bytes(zipped(pets())).dataset
    assert torch.equal(dataset.images, again.images) and torch.equal(dataset.test_images, again.test_images)


def test_a_folder_is_read_as_its_zip_is(tmp_path):
    for name, content in pets().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "pets" / "dog" / "link.png").symlink_to("/etc/passwd")
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("none")
    (tmp_path / "pets" / "more").symlink_to("/usr")
    found, expected = own_data.read(tmp_path / "pets"), from_bytes(zipped(pets()))
    assert torch.equal(found.dataset.images, expected.dataset.images) and found.dataset.title == "pets"
    assert found.words == (*expected.words, "Left out as no PNG, JPEG, GIF, BMP or WebP: 1.")
    with pytest.raises(UserError, match="nothing to read"):
        own_data.read(tmp_path / "cats")


def test_pictures_of_the_right_size_and_colour_stay_what_they_are():
    mnist = data.load("mnist").images[:20]
    found = from_bytes(zipped(numbered(20, lambda i: encoded(Image.fromarray(mnist[i, 0].numpy()))))).dataset
    assert found.shape == (1, 28, 28) and not found.mirror
    held = own_data.held_out(torch.zeros(20, dtype=torch.int64), 1)
    assert torch.equal(found.images, mnist[~held]) and torch.equal(found.test_images, mnist[held])
    forced = from_bytes(zipped(pets()), side=28, colour=False, mirror=False).dataset
    assert forced.shape == (1, 28, 28) and not forced.mirror


def test_large_pictures_are_cropped_in_the_middle_and_scaled_without_aliasing():
    stripes = np.zeros((400, 640, 3), np.uint8)
    stripes[:, ::2] = 255  # far finer than a pixel of the result
    stripes[:, :120] = stripes[:, 520:] = RED  # what the crop cuts off
    found = from_bytes(zipped(numbered(16, lambda i: encoded(Image.fromarray(stripes))))).dataset
    assert (found.images.float() - 127.5).abs().max() < 12 and found.shape == (1, 28, 28)


def test_an_array_is_read_in_every_layout():
    cifar = data.load("cifar10").images[:20].numpy()
    expected = None
    rows = (cifar, cifar.transpose(0, 2, 3, 1), cifar / np.float32(255), (cifar / 255).astype(">f8"))
    for array in rows:
        stream = io.BytesIO()
        np.save(stream, np.ascontiguousarray(array))
        found = from_bytes(stream.getvalue()).dataset
        expected = found if expected is None else expected
        assert torch.equal(found.images, expected.images) and found.shape == (3, 32, 32) and found.mirror
    held = own_data.held_out(torch.zeros(20, dtype=torch.int64), 1)
    assert np.array_equal(expected.images.numpy(), cifar[~held.numpy()])
    for grey in (cifar[:, 0], cifar[:, :1], cifar[:, 0, :, :, None]):
        stream = io.BytesIO()
        np.save(stream, grey)
        assert np.array_equal(from_bytes(stream.getvalue()).dataset.test_images.numpy(), cifar[held.numpy(), :1])


def test_drawings_are_the_cells_with_ink():
    ink = np.zeros((5, CELL, COLUMNS, CELL), np.uint8)
    ink[:4, 30:60, :, 30:60] = 255
    pile = Pile()
    add_drawings(pile, ink.tobytes(), by_row=True)
    found = own_data.build(pile, "drawings", colour=False).dataset
    assert found.shape == (1, 28, 28) and found.classes == tuple(f"row {i}" for i in range(1, 5))
    assert len(found.images) + len(found.test_images) == 16
    assert found.images[0, 0, 15, 15] > 250 and found.images[0, 0, 3, 3] < 5
    for broken in (ink.tobytes()[:-1], b"", bytes(CELL * CELL * COLUMNS * 17)):
        with pytest.raises(UserError, match="did not arrive whole"):
            add_drawings(Pile(), broken, by_row=False)
    with pytest.raises(UserError, match="No pictures were found"):
        empty = Pile()
        add_drawings(empty, bytes(CELL * CELL * COLUMNS * 4), by_row=False)
        own_data.build(empty, "drawings")


def half(mode, left, right):
    """A picture whose left half is of one colour, its right half of another."""
    image = Image.new(mode, (64, 64), left)
    image.paste(Image.new(mode, (32, 64), right), (32, 0))
    return image


def odd_pictures():
    """Pictures in forms that cameras and drawing programs write, with the colours of their left and right half."""
    two = half("RGB", RED, WHITE)
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright: to be turned by 90 degrees
    palette = two.convert("P", palette=Image.Palette.ADAPTIVE, colors=2)
    sixteen = Image.fromarray(np.repeat([[0] * 32 + [100 * 257] * 32], 64, 0).astype(np.uint16))
    upright = half("RGB", RED, WHITE).rotate(90)
    return {
        "CMYK": (encoded(two.convert("CMYK"), "JPEG", quality=95), RED, WHITE),
        "palette": (encoded(palette), RED, WHITE),
        "transparent palette": (encoded(palette, transparency=palette.getpixel((60, 0))), RED, WHITE),
        "alpha": (encoded(half("RGBA", (*RED, 255), (0, 0, 0, 0))), RED, WHITE),
        "grey and alpha": (encoded(half("LA", (0, 255), (0, 0))), (0, 0, 0), WHITE),
        "16 bits": (encoded(sixteen), (0, 0, 0), (100, 100, 100)),
        "one bit": (encoded(half("1", 0, 1), "BMP"), (0, 0, 0), WHITE),
        "WebP": (encoded(two, "WEBP", lossless=True), RED, WHITE),
        "EXIF": (encoded(upright, "JPEG", exif=turned, quality=95), RED, WHITE),
        "animated": (encoded(two, "GIF", save_all=True, append_images=[Image.new("RGB", two.size, BLUE)]), RED, WHITE),
    }


@pytest.mark.parametrize("form", odd_pictures())
def test_pictures_in_odd_forms_look_as_they_should(form):
    content, left, right = odd_pictures()[form]
    found = from_bytes(zipped(numbered(16, lambda i: content)), colour=True, side=32).dataset.images[0].float()
    for pixels, colour in ((found[:, :, :12], left), (found[:, :, 20:], right)):
        assert (pixels.mean((1, 2)) - torch.tensor(colour)).abs().max() < 12


def test_too_few_too_small_and_unreadable_pictures_are_counted_in_a_sentence():
    good = numbered(15, lambda i: plain(RED))
    assert refusal(zipped(good)).startswith("Pictures found: 15. At least 16 are needed.")
    bad = good | {
        "a.png": b"nonsense",
        "b.jpg": plain(RED)[:60],
        "c.png": plain(RED, (1, 1)),
        "d.txt": b"x",
        "e.heic": b"",
    }
    assert refusal(zipped(bad)).endswith(
        "Left out as HEIC, which has to be exported as JPEG first: 1. Left out as no PNG, JPEG, GIF, BMP or WebP: 1. "
        "Left out as smaller than 8 pixels: 1. Left out as unreadable: 2."
    )
    found = from_bytes(zipped(bad | {"z.png": plain(BLUE)}))
    assert "Left out as unreadable: 2." in found.words and found.dataset.whole == 12


@pytest.mark.parametrize(
    "names, why",
    [
        ([f"{i}.png" for i in range(20)], ""),
        ([*(f"a/{i}.png" for i in range(20)), "b.png"], "Some pictures lie in no folder"),
        ([*(f"a/{i}.png" for i in range(20)), "b/1.png"], "A folder holds one picture alone"),
        ([f"{i // 2}/{i}.png" for i in range(22)], "More than 10 folders"),
    ],
)
def test_without_labels_there_is_one_class_and_the_reason(names, why):
    found = from_bytes(zipped({name: plain(GREEN) for name in names}))
    assert len(found.dataset.classes) == 1 and not found.dataset.labels.any()
    assert any(words.startswith(why) for words in found.words[2:]) and own_data.ONE in found.words


def test_every_class_keeps_a_picture_to_learn_from():
    for classes in range(8, 21):
        labels = torch.arange(2 * classes) // 2
        held = own_data.held_out(labels, classes)
        assert held.sum() == 4 and (torch.bincount(labels[~held], minlength=classes) > 0).all()
    assert own_data.held_out(torch.zeros(5000, dtype=torch.int64), 1).sum() == 500


def test_names_from_outside_are_harmless():
    assert own_data.plain('  <b onload="x">\x00\u202e' + "k" * 500).startswith("b onload= x kkk")
    assert len(own_data.plain("k" * 500)) == 40 and own_data.plain("\u732b 1") == "\u732b 1"


def forged(claimed, real, count=1):
    """A zip of pictures that claim one size and unpack to another."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    packed = packer.compress(real) + packer.flush()
    content, entries = b"", b""
    for i in range(count):
        name = b"%04d.png" % i
        fields = (20, 0, 8, 0, 0, zlib.crc32(real), len(packed), claimed, len(name), 0)
        entries += b"PK\1\2" + struct.pack("<6H3L5H2L", 20, *fields, 0, 0, 0, 0, len(content)) + name
        content += b"PK\3\4" + struct.pack("<5H3L2H", *fields) + name + packed
    return content + entries + b"PK\5\6" + struct.pack("<4H2LH", 0, 0, count, count, len(entries), len(content), 0)


def header(width, height):
    """A PNG that promises so many pixels and has none."""
    size = b"IHDR" + struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    parts = [size, b"IDAT" + zlib.compress(bytes(1000)), b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts
    )


def canvas(side):
    """A WebP whose header promises a square canvas of so many pixels."""
    size = (side - 1).to_bytes(3, "little")
    frame = encoded(Image.new("RGB", (8, 8)), "WEBP", lossless=True)[12:]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + 2 * size + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def array(shape, kind="|u1", content=b""):
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + content


def locked():
    content = bytearray(zipped(numbered(16, lambda i: plain(RED))))
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + place] |= 1
    return bytes(content)


def linked():
    entries = {}
    for i in range(20):
        entry = zipfile.ZipInfo(f"{i}.png")
        entry.external_attr = 0o120777 << 16
        entries[entry] = plain(RED)
    return zipped(entries)


ZEROS = bytes(64 * 2**20)
WRONG_VERSION = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{"
HOSTILE = {
    "empty file": (lambda: b"", "is empty"),
    "empty zip": (lambda: zipped({}), "No pictures"),
    "no zip": (lambda: b"GIF89a" + bytes(100), "neither a zip nor"),
    "truncated zip": (lambda: zipped(pets())[:-200], "damaged or cut short"),
    "truncated in the middle": (lambda: zipped(pets())[:900], "damaged or cut short"),
    "locked": (locked, "locked with a password"),
    "links": (linked, "No pictures"),
    "not images": (lambda: zipped(numbered(20, lambda i: b"MZ" + bytes(1000))), "unreadable: 20"),
    "other files": (lambda: zipped({f"{i}.exe": b"MZ" for i in range(20)}), "WebP: 20"),
    "zips in a zip": (lambda: zipped({f"{i}.zip": zipped(pets()) for i in range(20)}), "WebP: 20"),
    "bomb": (lambda: forged(len(ZEROS), ZEROS, 3), "25 million: 3"),
    "bomb of many": (lambda: forged(31 * 2**20, ZEROS[: 31 * 2**20], 40), "more than 1 GiB"),
    "lies: small": (lambda: forged(1000, ZEROS), "unreadable: 1"),
    "lies: large": (lambda: forged(2**32 - 1, b"x"), "25 million: 1"),
    "lies: no picture": (lambda: forged(30 * 2**20, ZEROS[: 30 * 2**20]), "unreadable: 1"),
    "bzip2": (lambda: zipped_with(zipfile.ZIP_BZIP2), "unreadable: 16"),
    "30,000 x 30,000": (lambda: zipped(numbered(16, lambda i: header(30_000, 30_000))), "25 million: 16"),
    "4,000 x 4,000": (lambda: zipped(numbered(16, lambda i: header(4000, 4000))), "25 million: 16"),
    "too much together": (lambda: zipped(numbered(140, lambda i: header(3000, 3000))), "too many pixels together"),
    "WebP of 16,000 x 16,000": (lambda: zipped({f"{i}.webp": canvas(16_000) for i in range(16)}), "25 million: 16"),
    "as large as may be": (
        lambda: zipped({"1.webp": encoded(Image.new("RGBA", (3000, 3000)), "WEBP")}),
        "found: 1.",
    ),
    "one pixel": (lambda: zipped(numbered(16, lambda i: plain(RED, (1, 1)))), "8 pixels: 16"),
    "one pixel high": (lambda: zipped(numbered(16, lambda i: plain(RED, (20_000, 1)))), "8 pixels: 16"),
    "a table that lies": (lambda: b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 1, 1, 2**32 - 2, 0, 0), "damaged"),
    "pickles": (lambda: array("(16,)", "|O", b"cos\nsystem\n(S'true'\ntR."), "holds object"),
    "array of integers": (lambda: array("(16, 28, 28)", "<i8", bytes(16 * 28 * 28 * 8)), "holds int64"),
    "array of text": (lambda: array("'(16"), "damaged"),
    "huge array": (lambda: array("(16, 2147483648, 2147483648)"), "more than 32 MiB"),
    "array of negative size": (lambda: array("(16, -28, -28)", content=bytes(16 * 28 * 28)), "not laid out"),
    "short array": (lambda: array("(16, 28, 28)", content=bytes(100)), "cut short"),
    "huge header": (lambda: WRONG_VERSION, "damaged"),
    "not a number": (lambda: array("(16, 28, 28)", "<f4", b"\xff" * (16 * 28 * 28 * 4)), "outside 0 to 1"),
    "floats to 255": (lambda: array("(16, 8, 8)", "<f4", struct.pack("<f", 255) * 1024), "outside 0 to 1"),
    "three pictures": (lambda: array("(3, 28, 28)", content=bytes(3 * 784)), "holds 3 pictures"),
    "a vector": (lambda: array("(784,)", content=bytes(784)), "not laid out"),
    "100,000 files": (lambda: zipped(numbered(100_000, lambda i: b"")), "at most 10,000"),
    "12,000 files": (lambda: zipped(numbered(12_000, lambda i: b"")), "more than 10,000"),
}


def zipped_with(method):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in numbered(16, lambda i: plain(RED)).items():
            archive.writestr(name, content)
    return stream.getvalue()


ATTACK = """
import io, sys, tempfile, os
from pathlib import Path
from genmodels import own_data
from genmodels.errors import UserError
from genmodels.own_files import Pile, add_file

def resident(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024

for path in sorted(Path(sys.argv[1]).iterdir()):
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark falls to what is resident now
    before, said = resident("VmRSS"), "nothing"
    try:
        with path.open("rb") as file:
            pile = Pile()
            add_file(pile, file)
            own_data.build(pile, "pets")
    except UserError as error:
        said = str(error)
    print(path.name, f"{resident('VmHWM') - before:.0f}", said, sep="|")
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measures memory as Linux counts it")
def test_hostile_files_end_in_a_sentence_with_memory_flat_and_nothing_left(tmp_path):
    (files := tmp_path / "files").mkdir()
    (here := tmp_path / "here").mkdir()
    (scratch := tmp_path / "scratch").mkdir()
    for number, (make, _) in enumerate(HOSTILE.values()):
        (files / f"{number:02}").write_bytes(make())
    command = [sys.executable, "-c", ATTACK, str(files)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "TMPDIR": str(scratch), "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, cwd=here, env=environment, timeout=120)
    assert done.returncode == 0 and not done.stderr, done.stderr
    found = [line.split("|") for line in done.stdout.splitlines()]
    assert len(found) == len(HOSTILE)
    for (name, (_, words)), (_, growth, said) in zip(HOSTILE.items(), found, strict=True):
        assert words in said and said.endswith(".") and len(said) < 300, f"{name}: {said}"
        assert int(growth) < 300, f"{name} takes {growth} MiB"
    assert not [*here.iterdir()] and not [*scratch.iterdir()]


def test_paths_in_a_zip_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["../../a/{}.png", "/etc/b/{}.png", "c:\\windows\\c\\{}.png", "..\\..\\d\\{}.png"]
    files = {name.format(i): plain(RED) for name in names for i in range(4)}
    assert from_bytes(zipped(files)).dataset.classes == ("a", "b", "c", "d")
    assert not [*tmp_path.iterdir()] and not [*tmp_path.parent.glob("a")]


def test_moved_pictures_are_shifted_their_rim_repeated_and_half_are_mirrored():
    image = torch.arange(36.0).view(1, 1, 6, 6).expand(400, 3, 6, 6)
    found = own_data.moved(image, 2, True, torch.Generator().manual_seed(0))
    again = own_data.moved(image, 2, True, torch.Generator().manual_seed(0))
    assert torch.equal(found, again)
    wide = torch.nn.functional.pad(image[:1], (2, 2, 2, 2), mode="replicate")[0]
    possible = [wide[:, y : y + 6, x : x + 6] for y in range(5) for x in range(5)]
    seen = [[torch.equal(picture, other) for other in possible].index(True) for picture in _unmirrored(found)]
    assert set(seen) == set(range(25))  # every shift occurs, and nothing else
    mirrored = (found[:, 0, 0, 0] > found[:, 0, 0, -1]).float().mean()
    assert 0.4 < mirrored < 0.6
    still = own_data.moved(image, 0, False, torch.Generator())
    assert torch.equal(still, image)


def _unmirrored(images):
    return [image.flip(2) if image[0, 0, 0] > image[0, 0, -1] else image for image in images]


def drawn_letters(count=60):
    """Crosses and bars, which differ a little from one another."""
    files = {}
    for i in range(count):
        canvas = np.zeros((28, 28), np.uint8)
        canvas[6:22, 12 + i % 4 : 15 + i % 4] = 255
        if i % 2:
            canvas[12 + i % 3 : 15 + i % 3, 5:23] = 255
        canvas[25 + i // 28, i % 28] = 255  # no two alike
        files[f"{'cross' if i % 2 else 'bar'}/{i}.png"] = encoded(Image.fromarray(canvas))
    return from_bytes(zipped(files)).dataset


@pytest.fixture(scope="module")
def letters():
    return drawn_letters()


def test_a_run_on_own_pictures_learns_and_is_the_same_again(letters):
    settings = {"width": 32, "batch": 32}
    runs = [Run("vae", letters, settings, device="cpu", rounds=100) for _ in range(2)]
    for run in runs:
        assert run.run().state == "done"
    first, second = (run.snapshot().curves["loss"] for run in runs)
    assert first == second
    values = first[1]
    assert np.mean(values[-20:]) < 0.5 * np.mean(values[:5])
    assert run.snapshot().dataset == "pets, 54 of 54: your own, 6 held out"
    trainer = prepare("vae", letters, settings, 0, "cpu", None)
    still = {image.numpy().tobytes() for image in letters.images}
    batch = (trainer.batch().images * 255).round().to(torch.uint8)
    assert any(image.numpy().tobytes() not in still for image in batch)  # shifted


@pytest.mark.parametrize("model", ["cgan", "ae", "sngan"])
def test_models_learn_a_few_pictures_without_labels(model):
    few = from_bytes(zipped(numbered(16, lambda i: plain((i * 15, 0, 0)))))
    last = Run(model, few.dataset, {"width": 16, "batch": 8}, device="cpu", rounds=3).run()
    assert last.state == "done" and last.pictures
    side = few.dataset.shape[1] + 1
    width, height = Image.open(io.BytesIO(last.pictures[-1].png)).size
    assert (width + 1) % side == (height + 1) % side == 0 and (width, height) != (side - 1, 8 * side - 1)


def test_a_sheet_has_whole_columns_of_each_class():
    assert [columns_of(True, classes) for classes in (1, 2, 3, 5, 8, 10)] == [8, 8, 6, 5, 8, 10]
    assert columns_of(False, 3) == 8


def test_bundled_sets_draw_the_random_numbers_they_always_drew():
    mnist = data.load("mnist")
    known = Trainer(build("gan", mnist.shape, 10, 3, width=16), mnist.images, mnist.labels, 3, "cpu")
    found = prepare("gan", mnist, {"width": 16}, 3, "cpu", None)
    for _ in range(3):
        known.round()
        found.round()
    expected = known.state()
    assert all(torch.equal(value, expected[key]) for key, value in found.state().items() if key != "counters")


def test_a_registered_run_learns_what_it_was_given(letters):
    run = registry.create("vae", letters, {"width": 16}, device="cpu", rounds=2)
    assert run.dataset is letters and run.join(20)


def test_the_command_line_learns_a_folder_and_goes_on(tmp_path, letters, capsys):
    from test_command_line import here, sentence

    (folder := tmp_path / "letters").mkdir()
    for kind in ("bar", "cross"):
        (folder / kind).mkdir()
        for i in range(12):
            (folder / kind / f"{i}.png").write_bytes(plain((10 * i, 0, 0 if kind == "bar" else 200), (32, 32)))
    out = tmp_path / "cgan.safetensors"
    small = ["--set", "width=16", "--rounds", 3]
    here("train", "cgan", "--data", folder, *small, "--out", out)
    said = capsys.readouterr().out
    assert "24 pictures, 2 classes (bar, cross), 32 x 32, colour" in said and f"--data {folder}" in said
    assert str(tmp_path).encode() not in out.read_bytes()  # no path in the file
    here("info", out, "--json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["dataset"] == "own" and facts["names"] == ["bar", "cross"] and facts["shape"] == [3, 32, 32]
    here("sample", out, "--labels", "1", "--out", tmp_path / "s.png")
    assert "--data PATH" in sentence("evaluate", out, "--json")
    here("evaluate", out, "--data", folder, "--count", 100)
    assert "no judge of one's own pictures" in capsys.readouterr().out
    resume = ["train", "cgan", "--resume", out, "--rounds", 2, "--out", out]
    assert "--data PATH" in sentence(*resume) and "--data PATH" in sentence("train", "cgan", "own")
    here(*resume, "--data", folder)
    (folder / "bar").rename(folder / "rod")
    assert "learned other pictures" in sentence(*resume, "--data", folder)
    assert "not both" in sentence("train", "cgan", "mnist", "--data", folder)
    assert "mnist" in sentence("train", "cgan") and "--data" in sentence("train", "cgan", "mnist", "--side", 28)
    assert "nothing to read" in sentence("train", "cgan", "--data", folder / "none")

    here("train", "ae", "--data", folder, "--side", 28, "--colour", "grey", *small, "--quiet", "--out", out)
    capsys.readouterr()
    here("info", out, "--json")
    assert json.loads(capsys.readouterr().out)["shape"] == [1, 28, 28]
    assert "--data PATH" in sentence("reconstruct", out, "--out", tmp_path / "r.png")
    here("reconstruct", out, "--data", folder, "--out", tmp_path / "r.png")
    assert Image.open(tmp_path / "r.png").size == (4 * 29 - 1, 2 * 29 - 1)


@pytest.fixture
def shelf(monkeypatch):
    monkeypatch.setattr(page, "_sets", {})
    return page._sets


def received(content=None, **more):
    request = {"file": io.BytesIO(zipped(pets()) if content is None else content), "name": "pets.zip"} | more
    return page.receive(request)


def test_a_set_is_kept_for_those_who_know_its_id(shelf):
    answer = received()
    assert answer["words"][0].startswith("30 pictures, 2 classes") and answer["mirror"] is True
    assert live.preview({"dataset": "own", "own": answer["own"]})["png"] == answer["png"]
    for id in (None, "", "x", 3, ["a"], answer["own"][:-1]):
        assert live.preview({"dataset": "own", "own": id})["error"] == page.GIVE
        request = {"model": "vae", "dataset": "own", "own": id, "settings": {}, "seed": 0, "seconds": 1}
        assert live.start(request)["error"] == page.GIVE
    again = received(replaces=answer["own"], side="28", colour="grey")
    assert (
        [*shelf] == [again["own"]]
        and again["words"][0].startswith("30 pictures")
        and "28 x 28, grey" in again["words"][0]
    )
    bad = received(b"nonsense", replaces=again["own"])
    assert "neither a zip" in bad["error"] and [*shelf] == [again["own"]]


def test_sets_are_bounded_and_go_after_an_hour(shelf, monkeypatch):
    monkeypatch.setattr(page, "MOST_SETS", 3)
    ids = [received()["own"] for _ in range(3)]
    assert "png" in page.shown(ids[0])  # used, so that another one is the oldest
    ids.append(received()["own"])
    assert [*shelf] == [ids[2], ids[0], ids[3]]
    size = page._bytes(shelf[ids[0]])
    monkeypatch.setattr(page, "MOST_BYTES", 2 * size)
    ids.append(received()["own"])
    assert [*shelf] == ids[3:]
    for id in ids[3:]:
        shelf[id].used -= page.UNUSED + 1
    page.shown(ids[4])
    page.tidy()
    assert [*shelf] == ids[4:]


def test_the_page_starts_repeats_saves_and_loads_a_run_on_own_pictures(shelf, tmp_path):
    own = received()["own"]
    request = {"model": "cvae", "dataset": "own", "own": own, "mirror": False, "settings": {"width": 16}, "seed": 0}
    run = registry.find(live.start(request | {"seconds": 30})["run"])
    assert run.dataset.classes == ("cat", "dog") and run.dataset.mirror is False and run.dataset.shift == 2
    shown = live.look({"run": run.id, "revision": -1, "have": [], "width": 400})
    assert shown["setup"]["dataset"] == "own" and "--data" in shown["command"] and own not in json.dumps(shown)
    compile(live.script(run), "run.py", "exec")
    run.save(path := tmp_path / "own.safetensors")
    run.stop()
    assert run.join(20)
    from genmodels.ui.files import _resume

    load = {"path": str(path), "seconds": "30"}
    again = registry.find(_resume(load | {"own": own, "mirror": "false"})["run"])
    assert again.dataset.classes == ("cat", "dog") and again.dataset.mirror is False
    again.stop()
    assert _resume(load)["error"] == page.LOAD
    other = received(side="28")["own"]
    assert "learned other pictures" in _resume(load | {"own": other})["error"]


def test_the_nearest_pictures_of_ones_own_run_and_no_judge(letters):
    from genmodels.scrutiny import FEATURES, PIXELS, neighbours

    found = neighbours(letters.images[:5], letters, 3, PIXELS)
    assert torch.equal(letters.images[found.indices[:, 0]], letters.images[:5]) and found.of == len(letters.images)
    assert found.verdict.endswith("the model is memorising.") and found.expected > 0
    twice = from_bytes(zipped(numbered(20, lambda i: plain(RED)))).dataset
    assert "cannot be said" in neighbours(twice.images[:5], twice, 1, PIXELS).verdict
    with pytest.raises(UserError, match="no judge of one's own"):
        neighbours(letters.images[:5], letters, 3, FEATURES)
