"""Random addresses of the page: valid ones, and what happens to links on their way."""

import random
from collections.abc import Callable
from urllib.parse import quote

VALID = (
    "tab=train&model=dcgan&data=mnist&seed=7&seconds=30&set=width=8&set=latent=16&set=generator_lr=0.001",
    "tab=train&model=vae&data=fashion_mnist&set=beta=4&hide=more,tries,generator_lr",
    "model=flow&data=cifar10&run=Zm9vYmFyYmF6cXV4cXV1eA",
    "tab=latent&plane.place=[0.5,-1]&plane.model=vae-mnist&hide=tabs",
    "tab=samples&draw.model=flow-mnist&draw.seed=7&draw.temperature=0.5&carry.drawing=AAAA",
    "tab=distances&slide.t=3&slide.shape=boxes&dual.steps=60&dual.units=8",
    "tab=information&joint.law=my+own&joint.cells=[0.25,0.25,0.25,0.25]&codes.p=[0.5,0.5]",
    "tab=playground&law=drawn&strokes=-90_0.80_10*5_5&play.loss=minimax&play.seed=3&player=generator",
    "tab=classifier&hide=card",
    "tab=attack&attack.eps=0.3&attack.kind=FGSM&attack.drawing=1",
    "tab=selfcheck&__theme=dark&lang=zh",
    "tab=tour&tour.length=20&tour.stop=nowhere&hide=tour",
    "tab=compare&model=gan&other=minimax&runs=Zm9vYmFyYmF6,cXV4cXV1eA&seed=3",
    "tab=train&page=abc&deep_link=abc&view=api",
)
NAMES = ("__proto__", "constructor", "toString", "hasOwnProperty", "prototype", "tab", "run", "hide", "set", "lang", "")
NUMBERS = ("1e400", "-1", "NaN", "Infinity", "0x10", "1e-400", "9" * 400, " 8 ", "8.0", "+8", "8e0")
LISTS = ("null", "true", "[]", "{}", "[[1]]", "[" * 3_000, "1,2,3", "=", "&", "%", "x=y=z")
WORDS = ("\x00", "\x1b[2J", "\n", "\u202etxt.exe", "\U0001f600" * 30, "\ud7ff\ufffe", "数字", "__proto__", "a" * 10_240)
ATTACKS = (
    "<script>document.title='taken'</script>",
    '"><img src=x onerror="document.title=\'taken\'">',
    "javascript:alert(1)",
    "../../etc/passwd",
)
VALUES = (*NUMBERS, *LISTS, *WORDS, *ATTACKS)


def _pairs(search: str) -> list[list[str]]:
    return [pair.split("=", 1) if "=" in pair else [pair, ""] for pair in search.split("&")]


def _spelled(pairs: list[list[str]], encode: bool) -> str:
    return "&".join(f"{quote(a)}={quote(b)}" if encode else f"{a}={b}" for a, b in pairs)


def _one(random: random.Random) -> str:
    pairs = _pairs(random.choice(VALID))
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(pairs))
        ways: tuple[Callable[[], None], ...] = (
            lambda place=place: pairs[place].__setitem__(1, random.choice(VALUES)),
            lambda place=place: pairs[place].__setitem__(0, random.choice(NAMES)),
            lambda: pairs.append([random.choice(NAMES), random.choice(VALUES)]),
            lambda place=place: pairs.append(list(pairs[place])),
            lambda: pairs.append(["set", f"{random.choice(NAMES)}={random.choice(VALUES)}"]),
            lambda: pairs.extend(_pairs(random.choice(VALID))),
            lambda: pairs.append(["hide", random.choice(VALUES)]),
            lambda: random.shuffle(pairs),
        )
        random.choice(ways)()
    search = _spelled(pairs, random.random() < 0.7)
    if random.random() < 0.2:  # bytes that are no text, and cut escapes
        place = random.randrange(len(search))
        search = search[:place] + random.choice(("%00", "%ff", "%zz", "%", "%C3", ";", "?", "&&&")) + search[place:]
    return search.replace("#", "%23")


def addresses(count: int, seed: int) -> list[str]:
    """So many, the valid ones first."""
    generator = random.Random(seed)
    return [*VALID, *(_one(generator) for _ in range(count - len(VALID)))]
