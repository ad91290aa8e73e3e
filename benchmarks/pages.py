"""Pages made beforehand: the sample's rows again and again, under new ids and versions.

A page is rendered and compressed once and kept, so serving it costs nothing while the clock runs.
"""

import gzip
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any
from uuid import UUID

import msgspec

from benchmarks.sample import Sample

PEOPLE_PER_COMPANY = 5
_FIRST_VERSION = 1_000_000
_SEED = 4
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_PARENT = "_parentcustomerid_value"


class Ids(StrEnum):
    """How the ids of neighbouring rows relate. Dataverse gives rising ones, imports and other systems random ones."""

    RANDOM = "random"
    SEQUENTIAL = "sequential"

    def make(self) -> Iterator[str]:
        """Ids without end, the same ones every time."""
        if self is Ids.SEQUENTIAL:
            return (f"{number:08x}-5a1c-ef11-8409-000d3a4b5c6d" for number in count(1))
        draw = random.Random(_SEED)
        return (str(UUID(int=draw.getrandbits(128), version=4)) for _ in count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """`rows` rows of a table, as the pages of a tracked read."""

    sample: Sample
    rows: int
    ids: Ids

    @property
    def size(self) -> int:
        """The most rows a page has."""
        return self.sample.selection.plan().decoder.page_size

    def render(self, link: Callable[[int], str]) -> Iterator[bytes]:
        """The compressed bodies; `link` gives the address of a page by its number, and of the delta behind the last."""
        rows = self.each()
        starts = range(0, self.rows, self.size)
        for number, start in enumerate(starts, 1):
            page = [next(rows) for _ in range(min(self.size, self.rows - start))]
            last = number == len(starts)
            body = {"value": page, "@odata.deltaLink" if last else "@odata.nextLink": link(number)}
            yield gzip.compress(_ENCODER.encode(body), compresslevel=1)

    def each(self) -> Iterator[dict[str, Any]]:
        """The rows one by one, without end: those after `rows` are on no page."""
        sample, draw = self.sample.rows, random.Random(_SEED)
        companies = max(1, self.rows // PEOPLE_PER_COMPANY)
        key, ids = self.sample.selection.table.primary_id, self.ids.make()
        for number in count():
            version = _FIRST_VERSION + number
            row = {**sample[number % len(sample)], "@odata.etag": f'W/"{version}"', key: next(ids)}
            row["versionnumber"] = version
            if row.get("emailaddress1"):
                row["emailaddress1"] = f"{number}.{row['emailaddress1']}"
            if row.get(_PARENT):
                row[_PARENT] = str(UUID(int=draw.randrange(companies) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))
            yield row
