"""Database URLs: a password may hold any character, and is never shown."""

from __future__ import annotations

import pytest

from autofocus.errors import (
    InvalidInput,
    Unavailable,
)
from autofocus.store.database import (
    Database,
)

SECRETS = {
    "escaped": ("postgresql://ada:{}@127.0.0.1:1/db", "s%40cr%2Ft%23"),
    "as it is": ("postgresql://ada:{}@127.0.0.1:1/db", "s@cr/t#?:%"),
    "in the query": ("postgresql://ada@127.0.0.1:1/db?password={}", "s3cret"),
    "driver unknown": ("postgresql+nonsense://ada:{}@127.0.0.1/db", "s3cret"),
    "other database": ("mysql://ada:{}@127.0.0.1/db", "s3cret"),
    "port is no number": ("postgresql://ada:{}@127.0.0.1:port/db", "s3cret"),
}


@pytest.mark.parametrize("case", SECRETS)
def test_no_error_shows_the_password(case: str) -> None:
    url, secret = SECRETS[case]
    with pytest.raises((Unavailable, InvalidInput)) as caught:
        Database.open(url.format(secret))
    error: BaseException | None = caught.value
    while error is not None:
        for part in ("s3cret", secret, "cr/t", "cr%2Ft"):
            assert part not in f"{error!r} {error}"
        error = error.__cause__


@pytest.mark.parametrize(
    ("url", "host", "port", "password"),
    [
        ("postgresql://ada:s%40cr%2Ft%23@h:5/db", "h", 5, "s@cr/t#"),
        ("postgres://ada:s@cr/t#?:@h/db", "h", None, "s@cr/t#?:"),
        ("postgresql://ada:100%@h/db", "h", None, "100%"),
        ("postgresql://ada@/db?host=/run/pg", None, None, None),
        ("postgresql://h:5432/db?application_name=a", "h", 5432, None),
    ],
)
def test_a_password_may_hold_any_character(
    url: str, host: str | None, port: int | None, password: str | None
) -> None:
    from autofocus.store.database import _parse

    parsed = _parse(url)
    assert (parsed.host, parsed.port, parsed.password) == (host, port, password)
    assert parsed.drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["http://x", "nonsense://", "postgresql://h:port/db", "://"])
def test_a_wrong_url_shows_a_right_one(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Database.open(url)
    assert "postgresql://user:password@host/database" in caught.value.hint
