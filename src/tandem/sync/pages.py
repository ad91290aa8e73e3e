"""Pages of a read, the next one fetched while this one is stored.

One page ahead and never more: memory stays flat however large the table, and storing hides the wait for the network.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tandem.dynamics.client import Dynamics
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page, RowDecoder


def pages(dynamics: Dynamics, start: PageQuery | str, decoder: RowDecoder, *, page_size: int) -> Iterator[Page]:
    """Every page from `start` on. Raises what `Dynamics.read_page` raises, at the page it concerns."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tandem-read") as reader:
        ahead = reader.submit(dynamics.read_page, start, decoder, page_size=page_size)
        while True:
            page = ahead.result()
            if page.next_link is None:
                yield page
                return
            ahead = reader.submit(dynamics.read_page, page.next_link, decoder, page_size=page_size)
            try:
                yield page
            except GeneratorExit:
                ahead.cancel()
                raise
