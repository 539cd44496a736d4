"""The linear model: trained the same every time, small, honest about whose words it learned."""

import gzip
import json
from importlib.resources import files

import pytest

from bridge.domain.policy.engine import packaged_model
from bridge.domain.policy.features import OTHER, features
from bridge.domain.policy.model import Model, from_json
from bridge.domain.policy.text import read
from bridge.domain.policy.training import Row, Training, leave_one_source_out, train
from tests.domain.policy.golden import golden

MOST_PACKED_BYTES = 100_000
PERMISSIVE = ("CC-BY-4.0", "CC-BY-3.0", "CDLA-Permissive", "Apache-2.0", "MIT")
FAST = Training(passes=6, kept=400)

ROWS = [
    Row(row.text, row.trigger, f"source {number % 2}", "MIT")
    for number, row in enumerate(golden())
    if row.lang == "en" and row.trigger in {OTHER, "human_request"}
]


def judged(model: Model, text: str) -> tuple[str, float]:
    """Return what a model makes of a message."""
    return model.judge(read(text).words)


def test_training_learns_and_repeats_itself() -> None:
    """The same rows give the same weights, and asks are told from ordinary messages."""
    data = train(ROWS, FAST)
    assert data == train(ROWS, FAST)
    model = from_json(data)
    assert judged(model, "let me talk to a human agent")[0] == "human_request"
    assert judged(model, "how much does it cost per person") == (OTHER, 1.0)


def test_a_model_names_whose_words_it_learned() -> None:
    """Sources and licences travel with the weights."""
    about = train(ROWS, FAST)["about"]
    assert isinstance(about, dict)
    assert about["learned_from"] == {"source 0": "MIT", "source 1": "MIT"}
    assert about["rows"] == len(ROWS)


def test_cross_validation_judges_every_row_once_by_strangers() -> None:
    """Leaving one source out covers all rows."""
    guesses = leave_one_source_out(ROWS, FAST)
    assert sorted(guess.row.text for guess in guesses) == sorted(row.text for row in ROWS)


def test_the_packaged_model_is_small_and_permissive() -> None:
    """It fits into 100 KB packed, and every source allows it to be shipped."""
    raw = (files("bridge.domain.policy") / "data" / "model.json").read_bytes()
    assert len(gzip.compress(raw, 9)) <= MOST_PACKED_BYTES
    sources = json.loads(raw)["about"]["learned_from"]
    assert sources
    assert all(licence.startswith(PERMISSIVE) for licence in sources.values())


def test_the_packaged_model_knows_asks() -> None:
    """A plain ask is recognised without any rule."""
    model = packaged_model()
    assert model is not None
    assert judged(model, "i want to talk to a real person")[0] == "human_request"
    assert judged(model, "")[0] == OTHER


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"classes": [], "bias": [], "weights": {}},
        {"classes": ["none"], "bias": [1, 2], "weights": {}},
        {"classes": ["none", "a"], "bias": [1, 2], "weights": {"x": [1]}},
        {"classes": "none", "bias": [1], "weights": {}},
    ],
)
def test_what_is_no_model_is_refused(data: dict[str, object]) -> None:
    """A damaged file is named as such when it is read."""
    with pytest.raises(ValueError, match="model"):
        from_json(data)


def test_features_are_words_pairs_and_pieces() -> None:
    """What the model sees of two words."""
    seen = features(["a", "cat"])
    assert {"a", "cat", "^ a", "a cat", "cat $", "<ca", "cat>", "<cat"} <= set(seen)
