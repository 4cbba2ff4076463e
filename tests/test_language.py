"""The catalogue of Chinese words, without a browser: whole, tidy, and served."""

import json
import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from genmodels.ui import language

NUMBER = re.compile(r"(?<![A-Za-z\d_{!])(?<![A-Za-z]-)\d+(?:,\d{3})*(?:\.\d+)?")
SPELLED = re.compile("one|two|three|four|five|eight|ten|twenty|hundred|million|by", re.IGNORECASE)
CHINESE = r"[\u4e00-\u9fff]"
PAIRS = language.catalogue().items()


def test_what_is_filled_in_is_kept():
    for english, chinese in PAIRS:
        holes = english.count("{}")
        used = re.findall(r"\{(!?)(\d?)\}", chinese)
        numbered = [int(place) for _, place in used if place]
        assert all(1 <= place <= holes for place in numbered), english
        assert len(used) == holes or (numbered and len(numbered) == len(used)), english


def test_numbers_of_a_sentence_are_those_of_its_translation():
    for english, chinese in PAIRS:
        left = [number for number in NUMBER.findall(chinese) if number not in NUMBER.findall(english)]
        spelled = re.search(
            r"[Oo]ne|[Tt]wo|[Tt]en|[Tt]wenty|[Ff]our|million|^\d|hundred|[Ff]ive|[Tt]hree|[Ee]ight", english
        )
        assert not left or spelled, (english, chinese)


def test_punctuation_is_chinese():
    for english, chinese in PAIRS:
        assert chinese == chinese.strip() or english.startswith(","), english
        assert not re.search(rf"{CHINESE}[,;?!]|{CHINESE}\.(?!\w)|{CHINESE}:", chinese), chinese
        ends = english.endswith(".") and english[0].isupper() and not english.endswith("...")
        assert not ends or chinese.endswith("。"), (english, chinese)


def test_no_sentence_is_translated_twice():
    keys = [NUMBER.sub("0", english) for english, _ in PAIRS]
    assert len(keys) == len(set(keys)), sorted(key for key in set(keys) if keys.count(key) > 1)


def test_two_files_that_translate_the_same_are_told(tmp_path, monkeypatch):
    (tmp_path / "zh").mkdir()
    for name in ("a", "b"):
        (tmp_path / "zh" / f"{name}.json").write_text('{"Start": "开始"}', encoding="utf-8")
    monkeypatch.setattr(language, "HERE", tmp_path)
    with pytest.raises(ValueError, match=r"b\.json translates again: \['Start'\]"):
        language.catalogue.__wrapped__()


def test_the_catalogue_is_served_and_may_be_kept():
    app = FastAPI()
    language.add_route(app)
    address = re.search(r'CATALOGUE = "([^"]+)"', language.script())[1]
    answer = TestClient(app).get(f"/{address}")
    assert answer.json() == language.catalogue() == json.loads(answer.content)
    assert "immutable" in answer.headers["cache-control"]
    assert TestClient(app).get(f"/{language.ADDRESS}").headers["cache-control"] == "no-cache"
