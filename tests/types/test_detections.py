"""What a model says it sees is checked at birth."""

import pytest

from autofocus.errors import InvalidInput
from autofocus.types.codec import decode, encode
from autofocus.types.geometry import Box
from autofocus.types.models import Detection


def test_a_detection_travels_as_json_and_back():
    seen = Detection("car", Box(1, 2, 3, 4), 0.5)
    assert decode(Detection, encode(seen), where="it") == seen


@pytest.mark.parametrize(
    ("label", "score"),
    [("", 0.5), ("car", -0.1), ("car", 1.1), ("car", float("nan"))],
)
def test_a_detection_without_class_or_with_an_impossible_score_is_refused(label, score):
    with pytest.raises(InvalidInput):
        Detection(label, Box(0, 0, 1, 1), score)
