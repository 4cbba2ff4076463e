"""Links: a tab is opened by its address and restored to the letter; what is wrong in one gets a sentence."""

import json

import pytest
from addresses import addresses

from genmodels.ui.page import TABS

pytestmark = pytest.mark.browser

BOTH = pytest.mark.parametrize("page", [(390, 844), (1024, 768)], ids=["390", "1024"], indirect=True)
OPEN = "document.querySelector('[role=tab][aria-selected=true]')?.id"

# Every control of the open tab but drawings: what it holds, and something else that it could hold.
FIELDS = """
const panel = () => document.getElementById(`tab-${links.current}`);
const fields = () => [...panel().querySelectorAll("[data-name]:not([data-private])")]
  .filter((field) => !field.closest(".settings[hidden]"));
const inputs = (field) => [...field.querySelectorAll("input:not([type=range]), select")];
const held = (input) => (["radio", "checkbox"].includes(input.type) ? input.checked : input.value);
const all = () => JSON.stringify(fields().map((field) => [field.dataset.name, inputs(field).map(held)]));
function alter(field) {
  const [input, ...others] = inputs(field);
  if (others.length) [input, ...others].find((radio) => !radio.checked && radio.value !== "drawn").checked = true;
  else if (input.tagName === "SELECT") input.selectedIndex = (input.selectedIndex + 1) % input.options.length;
  else if (input.type === "checkbox") input.checked = !input.checked;
  else if (input.type === "number") {
    const [low, high] = [Number(input.min), Number(input.max)];
    const between = low > 0 && high / low > 100 ? Math.sqrt(low * high) * 1.0123 : low + 0.37 * (high - low);
    const before = input.value;
    input.value = input.step === "1" ? Math.round(between) : between;
    if (input.value === before) input.value = high;
  } else {
    const [low, high, list] = [Number(input.dataset.low), Number(input.dataset.high), JSON.parse(input.value)];
    const sum = (list.length * (list.length + 1)) / 2;
    input.value = JSON.stringify(list.map((_, place) => low + ((place + 1) / sum) * (high - low)));
  }
}
function alterAll() {
  fields().forEach(alter);
  const first = panel().querySelector("form input, form select");
  for (const kind of ["input", "change"]) first.dispatchEvent(new Event(kind, { bubbles: true }));
}
Object.assign(window, { all, alter, alterAll, fields, panel });
"""


def faults(page) -> list[str]:
    """The sentences about the link."""
    return page.locator(".link-faults .fault").all_inner_texts()


def ready(page, address: str) -> None:
    """The page of this link, its tab open and at work."""
    page.goto(address)
    page.wait_for_function("document.querySelector('.masthead') && links.current")
    page.wait_for_function(f"{OPEN} === `tab-${{links.current}}-button`")
    page.wait_for_function("document.getElementById(`tab-${links.current}`)?.querySelector('form, .selfcheck')")


def follow(page, query: str, **how: object) -> None:
    """A click on a plain link within the page."""
    page.evaluate(
        """(query) => {
        document.querySelector(".made")?.remove();
        document.body.prepend(Object.assign(document.createElement("a"), { href: query, className: "made" }));
        document.querySelector(".made").textContent = "there"; }""",
        query,
    )
    page.click(".made", **how)


def open_tab(page, name: str) -> None:
    """Through its button, or through the menu of those that find no room."""
    if not page.is_visible(f"#tab-{name}-button"):
        page.click(".overflow-menu > button")
        page.click(f".overflow-dropdown button:text-is('{TABS[name][0]}')")
    else:
        page.click(f"#tab-{name}-button")
    page.wait_for_function(f"{OPEN} === 'tab-{name}-button'")


def silent(page) -> None:
    """Nothing is computed: what the server would answer does not matter here."""
    page.route("**/component_server*", lambda route: route.fulfill(json={"error": "Not now."}))


@BOTH
@pytest.mark.parametrize("name", TABS)
def test_a_link_opens_its_tab(page, address, name):
    page.goto(f"{address}?tab={name}")
    page.wait_for_function(f"{OPEN} === 'tab-{name}-button'")
    page.wait_for_timeout(700)  # the page measures its tabs once more
    assert page.evaluate(OPEN) == f"tab-{name}-button"
    assert page.locator("[role=tabpanel]:visible").get_attribute("id") == f"tab-{name}"


@BOTH
def test_an_entry_of_the_menu_rewrites_the_address(page, address):
    page.goto(f"{address}?tab=distances&slide.t=1&__theme=light")
    page.wait_for_function(f"{OPEN} === 'tab-distances-button'")
    open_tab(page, "information")
    assert page.evaluate("location.search") == "?tab=information&__theme=light"
    page.wait_for_timeout(700)
    assert page.evaluate("location.search") == "?tab=information&__theme=light"


def test_every_control_comes_back_exactly(page, address):
    """Numbers, sliders, choices, flags and the lists edited in figures, each with a value that is no default."""
    page.add_init_script(FIELDS)
    silent(page)
    ready(page, address)
    for name in ("latent", "samples", "distances", "information", "playground", "classifier", "attack"):
        follow(page, f"?tab={name}")
        page.wait_for_function("panel()?.querySelector('form')")
        usual = page.evaluate("all()")
        page.evaluate("alterAll()")
        altered, link = page.evaluate("[all(), links.address()]")
        same = [a for a, b in zip(json.loads(usual), json.loads(altered), strict=True) if a == b]
        assert usual != "[]" and not same
        page.wait_for_function("link => location.href === link", arg=link)
        if name in ("latent", "playground"):
            ready(page, link)
        else:  # the same way, and without the seconds of loading the page
            page.evaluate("link => (links.go('?tab=train'), links.go(new URL(link).search))", link)
        page.wait_for_function("wanted => all() === wanted", arg=altered)
        assert faults(page) == [] and page.evaluate("links.address()") == link
        follow(page, f"?tab={name}")
        assert page.evaluate("all()") == usual
        page.go_back()
        page.wait_for_function("link => location.href === link", arg=link)
        assert page.evaluate("all()") == altered


def test_every_setting_of_every_model_comes_back_exactly(page, address):
    page.add_init_script(FIELDS)
    ready(page, address)
    usual = page.evaluate("all()")
    for name in page.eval_on_selector_all("#model option", "all => all.map(option => option.value)"):
        page.evaluate("links.go('?tab=train&model=' + arguments)".replace("arguments", json.dumps(name)))
        plain = page.evaluate("all()")
        page.evaluate("fields().filter((field) => field.dataset.name !== 'model').forEach(alter)")
        altered, link = page.evaluate("[all(), links.address()]")
        changed = [a != b for a, b in zip(json.loads(plain), json.loads(altered), strict=True)]
        assert changed.count(False) == 1, (name, plain, altered)  # the model itself
        page.evaluate("links.go('?tab=train')")
        assert page.evaluate("all()") == usual
        page.evaluate("link => links.go(new URL(link).search)", link)
        assert page.evaluate("all()") == altered and faults(page) == []
    page.goto("about:blank")
    ready(page, link)
    page.wait_for_function("wanted => all() === wanted", arg=altered)
    assert faults(page) == []
    assert page.is_enabled("[data-do=start]") and page.is_disabled("[data-do=stop]")  # nothing was started


def test_a_drawn_law_comes_back(page, address):
    ready(page, f"{address}?tab=playground&law=drawn&strokes=-90_0.80_-10*5_5")
    assert page.is_checked("input[name=law][value=drawn]") and faults(page) == []
    assert page.evaluate("links.address()") == f"{address}?tab=playground&law=drawn&strokes=-90_0.80_-10*5_5"
    page.wait_for_selector("#playground canvas[data-rounds='0']")


WRONG = {
    "tab=train&set=generator_lr=9&set=width=16": [
        "This link asks for generator_lr = 9, which must lie between 1e-06 and 0.1: the default is used."
    ],
    "tab=train&model=gan&set=loss=cheerful": ["loss = cheerful, which must be one of "],
    "tab=train&model=nothing&seed=1.5&seconds=61": [
        "model = nothing, which is not among the choices",
        "seed = 1.5, which must be a whole number from 0 to 2147483647",
        "seconds = 61, which must be one of 30, 60,",
    ],
    "tab=train&data=cats&set=mixed=maybe": [
        "data = cats, which must be one of mnist, ",
        "mixed = maybe, which must be true",
    ],
    "tab=train&set=width=8&set=width=16": ["This link gives width more than once: the default is used."],
    "tab=train&set=__proto__=1&constructor=2": [
        "sets __proto__, which this tab does",
        "sets constructor, which this tab",
    ],
    "tab=nowhere&seed=3": ["This link asks for the tab nowhere, which this page does not have: another one is shown."],
    "tab=distances&slide.t=1e9&slide.scale=2": ["slide.t = 1e9, which must lie between -"],
    "tab=information&joint.cells=[1,2]": ["joint.cells = [1,2], which must be a list of 4 to 16 numbers from 0 to 1"],
    "tab=distances&slide.t=" + "9" * 10_240: [
        "This link gives slide.t a value of 10,240 characters, which is too long"
    ],
    "tab=attack&attack.drawing=AAAA": ["Drawings are too long for a link: yours stays as it is."],
    "tab=playground&law=cube&strokes=1_2.3": [
        "law = cube, which must be one of ring,",
        "drawing in this link cannot be read",
    ],
    "tab=selfcheck&slide.t=3": ["This link sets slide.t, which this tab does not have: it is left out."],
    "tab=train&hide=more,width,nonsense": ["This link hides nonsense, which this page does not have."],
    "tab=train&a=1&b=2&c=3&d=4&e=5&f=6": ["sets a,", "sets b,", "sets c,", "sets d,", "And 2 more parts of this link"],
}


def test_what_is_wrong_gets_a_sentence_and_the_rest_applies(page, address):
    silent(page)
    ready(page, f"{address}?tab=train")
    for query, sentences in WRONG.items():
        page.evaluate("query => links.go(query)", f"?{query}")
        page.wait_for_function(f"{OPEN} === `tab-${{links.current}}-button`")
        page.wait_for_function(
            "count => document.querySelectorAll('.link-faults .fault').length === count", arg=len(sentences)
        )
        for found, sentence in zip(faults(page), sentences, strict=True):
            assert sentence in found and found.endswith("."), (query, found)
    for query, selector, value in (
        ("tab=train&set=generator_lr=9&set=width=16", "#dcgan-width", "16"),
        ("tab=train&set=width=8&set=width=16&set=latent=16", "#dcgan-latent", "16"),
        ("tab=nowhere&seed=3", "#seed", "3"),
        ("tab=distances&slide.t=1e9&slide.scale=2", "#slide-scale", "2"),
    ):
        page.evaluate("query => links.go(query)", f"?{query}")
        assert page.input_value(selector) == value
    assert page.input_value("#slide-t") == "3"


def test_the_sentence_goes_with_the_first_change(page, address):
    ready(page, f"{address}?tab=train&seed=-1&set=width=16")
    assert len(faults(page)) == 1
    page.click(".more summary")
    assert len(faults(page)) == 1
    page.fill("#seed", "5")
    page.press("#seed", "Tab")
    assert faults(page) == []
    page.wait_for_function("location.search.includes('seed=5') && location.search.includes('width%3D16')")


def test_a_lesson_hides_what_its_link_names(page, address):
    query = "?tab=train&model=gan&data=fashion_mnist&hide=train.data,generator_lr,seed,more,tries,card,samples,attack"
    ready(page, address + query)
    hidden = [
        ".field[data-name=data]",
        "#gan-generator_lr",
        "#train .more",
        "#train .tries",
        "#cards",
        "#tab-samples-button",
    ]
    for selector in hidden:
        assert page.locator(selector).first.is_hidden(), selector
    assert page.is_visible("#model") and page.is_visible("#tab-latent-button") and faults(page) == []
    assert page.is_checked("input[name=dataset][value=fashion_mnist]")  # what is hidden keeps its value
    open_tab(page, "distances")
    page.wait_for_selector("#slide-t")
    assert page.locator('[data-tool="slide"] .tries').is_hidden() and page.locator("#slide-seed").is_hidden()
    page.wait_for_function("location.search.includes('hide=train.data%2Cgenerator_lr')")
    page.reload()
    page.wait_for_selector("#slide-t")
    assert page.locator('[data-tool="slide"] .tries').is_hidden()
    page.evaluate("links.go('?tab=train&hide=tabs,slide,train')")
    page.wait_for_selector("#model")
    assert page.locator("[role=tablist]").is_hidden() and page.is_visible("#train .tries")
    follow(page, "?tab=distances")  # the way that is left
    page.wait_for_selector('[data-tool="dual"] h2:visible')
    assert page.locator('[data-tool="slide"]').is_hidden()
    page.go_back()
    page.wait_for_selector("#model:visible")


def test_nothing_hides_what_goes_wrong(new_lab):
    lab = new_lab().open("?tab=train&hide=more,tries,card,tabs,model,data,seed,seconds,train&seed=-3")
    assert "seed = -3" in faults(lab.page)[0]
    lab.page.fill("#dcgan-width", "9999")
    lab.press("start")
    lab.wait(lambda: "width must be" in lab.page.inner_text("#train .fault"), "a sentence")
    lab.page.fill("#dcgan-width", "8")
    lab.start()
    lab.wait_round(2)


@BOTH
def test_a_list_of_check_boxes_builds_the_link(page, address):
    ready(page, f"{address}?tab=train")
    page.click(".hiding summary")
    page.check(".hiding input[value='train.seed']")
    page.check(".hiding input[value='tries']")
    page.check(".hiding input[value='playground']")
    assert page.locator("#train .tries").is_hidden() and page.locator("#tab-playground-button").is_hidden()
    page.wait_for_function("location.search.endsWith('&hide=train.seed%2Ctries%2Cplayground')")
    assert page.evaluate("links.address()").endswith("&hide=train.seed%2Ctries%2Cplayground")
    page.uncheck(".hiding input[value='tries']")
    assert page.is_visible("#train .tries")
    page.keyboard.press("Escape")
    assert page.locator(".hiding .list").is_hidden()
    open_tab(page, "distances")
    page.wait_for_selector("#slide-t")
    page.click(".hiding summary")
    page.check(".hiding input[value='slide.t']")
    assert page.locator("#slide-t").is_hidden()


@pytest.mark.parametrize("plain", [False, True], ids=["clipboard", "plain http"])
def test_a_link_is_copied(browser, address, plain):
    context = browser.new_context(permissions=[] if plain else ["clipboard-read", "clipboard-write"])
    page = context.new_page()
    if plain:
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    ready(page, f"{address}?tab=distances&slide.t=1&hide=more&lang=en&__theme=dark")
    wanted = f"{address}?tab=distances&slide.t=1&hide=more"
    page.click("[data-do=copy-link]")
    if plain:
        assert page.input_value(".to-copy") == wanted
        assert page.evaluate("getSelection().toString() || document.activeElement.value") == wanted
    else:
        page.wait_for_selector("[data-do=copy-link]:text-is('Copied')")
        assert page.evaluate("navigator.clipboard.readText()") == wanted
    page.wait_for_selector("[data-do=copy-link]:text-is('Copy a link')")
    context.close()


def test_nobody_opens_the_run_of_another(lab, new_lab):
    run = lab.start()
    lab.wait_round(2)
    assert "run=" in lab.page.url and "run" not in lab.page.evaluate("links.address()")
    other = new_lab()
    sent: list[str] = []
    other.page.on("request", lambda request: sent.append(request.post_data or ""))
    other.open(lab.page.url.removeprefix(lab.address))
    assert faults(other.page) == [
        "This link names a run that was not started in this browser: it is left out. Start one of your own."
    ]
    assert "run=" not in other.page.url and other.page.input_value("#dcgan-width") == "8"
    assert other.page.is_disabled("[data-do=stop]")
    other.page.wait_for_timeout(500)
    assert sent and not any(run in body for body in sent)
    assert other.page.evaluate("id => links.mine(id)", run) is False
    stands = lab.round()
    lab.wait_round(stands + 2)  # undisturbed
    lab.page.goto("about:blank")  # and found again tomorrow, in the same browser
    lab.page.goto(lab.address + f"?tab=samples&run={run}")
    lab.page.wait_for_function(f"{OPEN} === 'tab-samples-button'")
    assert faults(lab.page) == []
    lab.page.click("#tab-train-button")
    lab.wait_round(stands + 2)
    assert lab.run() == run


def test_links_within_the_page_need_no_reload(lab):
    page, run = lab.page, lab.start()
    page.evaluate("window.same = true")
    before = page.evaluate("location.search")
    follow(page, "?tab=distances&slide.t=-6&lang=zh")
    page.wait_for_function("document.querySelector('#slide-t')?.value === '-6'")
    assert page.evaluate("location.search") == f"?tab=distances&slide.t=-6&lang=zh&run={run}"
    page.wait_for_selector('[data-tool="slide"] [data-slot="values"] svg')
    drawn = page.inner_html('[data-tool="slide"] [data-slot="values"]')
    follow(page, "?tab=distances&slide.t=2&slide.family=uniforms")
    page.wait_for_function(
        "drawn => document.querySelector('[data-tool=slide] [data-slot=values]').innerHTML !== drawn", arg=drawn
    )
    assert page.input_value("#slide-t") == "2" and "lang=zh" in page.url
    follow(page, "?tab=train&model=vae&set=beta=4")
    assert page.input_value("#model") == "vae" and page.input_value("#vae-beta") == "4"
    assert page.is_visible(".pending") and lab.run() == run  # what goes on is not touched
    lab.wait_round(lab.round() + 2)
    page.go_back()
    page.wait_for_function("document.querySelector('#slide-t').value === '2'")
    page.go_back()
    page.wait_for_function("document.querySelector('#slide-t').value === '-6'")
    page.go_back()
    page.wait_for_function(f"{OPEN} === 'tab-train-button'")
    assert page.input_value("#model") == "dcgan" and page.input_value("#dcgan-width") == "8"
    assert page.evaluate("location.search") == before
    page.go_forward()
    page.wait_for_function(f"{OPEN} === 'tab-distances-button'")
    assert page.input_value("#slide-t") == "-6" and page.evaluate("window.same") is True
    with page.context.expect_page() as opened:
        follow(page, "?tab=selfcheck", modifiers=["Control"])
    opened.value.close()
    assert page.evaluate(OPEN) == "tab-distances-button"
    open_tab(page, "train")


def test_a_link_brings_its_tool_into_view(page, address):
    top = "document.querySelector('[data-tool=dual]').getBoundingClientRect().top"
    ready(page, f"{address}?tab=distances&dual.units=8")
    page.wait_for_function(f"Math.abs({top}) < 300")
    page.evaluate("scrollTo(0, 0)")
    page.reload()  # the browser scrolls to where one was
    page.wait_for_selector('[data-tool="dual"] .slot svg')
    assert page.evaluate(top) > 300
    follow(page, "?tab=latent")
    page.wait_for_selector('[data-tab="latent"]')
    follow(page, "?tab=distances&dual.units=16")
    page.wait_for_function(f"Math.abs({top}) < 300")


def works(page) -> None:
    """The page answers, and nothing of a link became part of it."""
    page.evaluate("links.go('?tab=distances&slide.t=2&hide=')")
    page.wait_for_function("document.querySelector('[data-tool=slide] [data-slot=values] svg')")
    drawn = page.inner_html('[data-tool="slide"] [data-slot="values"]')
    page.fill("#slide-t", "-3")
    page.wait_for_function(
        "drawn => document.querySelector('[data-tool=slide] [data-slot=values]').innerHTML !== drawn", arg=drawn
    )
    assert page.title() == "genmodels" and page.locator("[onerror]").count() == 0
    assert page.evaluate("Object.keys(Object.prototype).length + Object.keys(Array.prototype).length") == 0


def test_a_thousand_random_links_in_one_page(page, address):
    ready(page, f"{address}?tab=train")
    scripts = page.locator("script").count()
    wrong = page.evaluate(
        """async (all) => {
        const [wrong, ask] = [[], window.fetch];
        window.fetch = async () => new Response('{"error": "Not now."}'); // the server is tested with such values alone
        for (const [place, search] of all.entries()) {
          links.go(`?${search}`);
          const sentences = [...document.querySelectorAll(".link-faults .fault")];
          const short = (one) => !one.children.length && one.textContent.length < 400;
          const said = sentences.every((one) => short(one) && one.textContent.endsWith("."));
          if (!said || sentences.length > 5 || links.run !== null) wrong.push(search);
          if (place % 20 === 0) await new Promise(requestAnimationFrame);
        }
        window.fetch = ask;
        return wrong;
        }""",
        addresses(1000, 11),
    )
    assert wrong == []
    works(page)
    assert page.locator("script").count() == scripts


def test_random_links_opened_for_real(page, address):
    for search in addresses(32, 12)[-21:]:
        page.goto(f"{address}?{search}")
        page.wait_for_function("document.querySelector('.masthead') && links.current")
        page.wait_for_function(f"{OPEN} === `tab-${{links.current}}-button`")
        assert page.evaluate("links.run") is None
    works(page)
