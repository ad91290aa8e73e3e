"""Pages of a read, the next one fetched while this one is stored.

One page ahead and never more: memory stays flat however large the table, and storing hides the wait for the network.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tandem.dynamics.port import DynamicsOrganisation
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page, RowDecoder


def pages(
    dynamics: DynamicsOrganisation, start: PageQuery | str, decoder: RowDecoder, *, page_size: int
) -> Iterator[Page]:
    """Every page from `start` on. Raises what `DynamicsOrganisation.read_page` raises, at the page it concerns."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tandem-read") as reader:
        # Mostly there is one page, and no thread is started for it.
        page = dynamics.read_page(start, decoder, page_size=page_size)
        while page.next_link is not None:
            ahead = reader.submit(dynamics.read_page, page.next_link, decoder, page_size=page_size)
            # Who stops here waits for the page under way: whether it was asked for never depends on a race.
            yield page
            page = ahead.result()
        yield page
