"""A process that runs cycles until the copy is done and kills itself at a commit.

Run by test_killed_copy.py and test_enabling_entities.py. Usage: crashing_copy.py HOME COMMITS before|after [ENTITY]
"""

import os
import signal
import sys
from typing import Any

from tandem.database.sqlite import SqliteDatabase
from tandem.model.entities import Entity
from tandem.runtime import syncing
from tandem.runtime.settings import load
from tandem.runtime.subscription import opened


def main() -> None:
    home, commits, moment = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    only = [Entity(name) for name in sys.argv[4:]] or None
    execute = SqliteDatabase._execute
    left = commits

    def counted(database: SqliteDatabase, sql: str, parameters: Any) -> Any:
        nonlocal left
        if sql != "commit":
            return execute(database, sql, parameters)
        left -= 1
        if left == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = execute(database, sql, parameters)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    SqliteDatabase._execute = counted  # type: ignore[method-assign]
    settings = load(environ={"TANDEM_HOME": home, "TANDEM_PAGE_SIZE": "40"})
    with opened(settings) as subscription, syncing.engine_of(subscription) as (engine, _):
        for _report in syncing.cycles(engine, lambda: False, only=only):
            pass


if __name__ == "__main__":
    main()
