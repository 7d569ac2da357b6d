"""Ingests in another process: LOCATION STORE WHAT [NUMBER]; prints what was acknowledged."""

import hashlib
import resource
import signal
import sys
from itertools import count

from autofocus.errors import StorageFull
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore

MIB = 2**20


def put(database: Database, packs: PackStore, images: list[bytes]) -> None:
    entries = packs.append(images)
    with database.begin() as conn:
        packs.record(conn, entries)
    for data in images:
        print(hashlib.sha256(data).hexdigest(), flush=True)


def fill_up(database: Database, packs: PackStore) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6 * MIB, 6 * MIB))
    entries = packs.append([b"a" * 4 * MIB])
    # Not committed yet: it must outlive the failure of the next one.
    try:
        packs.append([b"b" * MIB, b"c" * 3 * MIB])
    except StorageFull as error:
        print(type(error).__name__)
    put(database, packs, [b"d" * MIB])
    with database.begin() as conn:
        packs.record(conn, entries)
    print(entries[0].sha256)


def main(location: str, store: str, what: str, number: str = "0") -> None:
    database = Database.open(location)
    packs = PackStore(database, ObjectStore.open(store), pack_bytes=8 * MIB)
    if what == "full":
        fill_up(database, packs)
    for i in count() if what == "forever" else range(30 if what == "some" else 0):
        put(database, packs, [f"{number} {i} {j} ".encode() * 2000 for j in range(2)])
    packs.close()
    database.close()


main(*sys.argv[1:])
