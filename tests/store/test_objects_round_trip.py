"""Objects of any key and content, in a folder and in a remote store."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from autofocus.errors import NotFound
from autofocus.store.objects import ObjectStore


@pytest.fixture(params=["folder", "remote"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store of either kind; the remote one is obstore's, in memory."""
    if request.param == "folder":
        return ObjectStore.open(tmp_path / "store")
    return ObjectStore("memory://", folder=None, remote=MemoryStore())


KEYS = st.lists(
    st.text("ab.-_é ", min_size=1, max_size=5).filter(lambda part: part.strip(". ") == part),
    min_size=1,
    max_size=3,
).map("/".join)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=KEYS, data=st.binary(max_size=300), other=st.binary(max_size=300))
def test_what_goes_in_comes_out(store: ObjectStore, key: str, data: bytes, other: bytes) -> None:
    key = f"objects/{key}/end"
    store.put(key, data)
    assert store.get(key) == data
    store.put(key, other)
    assert store.get(key) == other
    for start in range(0, len(other), 50):
        assert store.get_range(key, start, 20) == other[start : start + 20]
    assert store.exists(key)
    assert key in store.list("objects/")
    store.delete(key)
    store.delete(key)
    assert not store.exists(key)
    with pytest.raises(NotFound):
        store.get(key)


def test_listing(store: ObjectStore) -> None:
    for key in ("b/2", "top.json", "a/x/1", "a/1", "ab/1"):
        store.put(key, b"")
    assert store.list("") == ["a/1", "a/x/1", "ab/1", "b/2", "top.json"]
    assert store.list("a/") == ["a/1", "a/x/1"]
    assert store.list("none/") == []
