"""The ids of the records Tandem makes, which say for whom they were made (rules R2, F1, S10).

A record is known for a person's by the intent that is stored before it is asked for. A database that was restored from
a backup has forgotten the later intents; it would take the records for strangers, and make the same people once more.
So the id itself says it: a GUID of version 8 (RFC 9562: the application's own bits) with

    bits | hold
    -----+----------------------------------------------------------------------------------------------
      40 | the person's number
      20 | what tells apart the records that are made for one person, one after the other (P10)
      62 | a digest of both, of the database's mark, and of the time at which the person was made

Numbers are given again after a restore; with the time in the digest a later person of that number is nobody's heir.
"""

from hashlib import blake2b
from uuid import UUID

NONCE_BITS = 20
_PERSON_BITS, _DIGEST_BITS = 40, 62
_LOW, _HIGH = 12, 8
"""How the nonce is cut: GUIDs have their version in the middle."""


def record_id(mark: str, person: int, made_at: str, nonce: int) -> str:
    """An id for a record of `person` (below 2^40), who was made at `made_at`; `nonce` has 20 bits."""
    value = (person << _HIGH | nonce >> _LOW) << 80
    value |= 8 << 76 | (nonce & (1 << _LOW) - 1) << 64
    value |= 0b10 << 62 | _digest(mark, person, made_at, nonce)
    return str(UUID(int=value))


def claimed_person(record: str) -> int | None:
    """Whom the id says it was made for, if it may be one of ours at all."""
    # Asked of every record nobody knows; of the others this one letter tells.
    if record[14:15] != "8" or len(record) != 36:
        return None
    return UUID(record).int >> 128 - _PERSON_BITS


def is_record_of(record: str, mark: str, person: int, made_at: str) -> bool:
    """Was the id made by the database with this mark for the person that was made then?"""
    value = UUID(record).int
    nonce = (value >> 80 & (1 << _HIGH) - 1) << _LOW | value >> 64 & (1 << _LOW) - 1
    return record_id(mark, person, made_at, nonce) == record


def _digest(mark: str, person: int, made_at: str, nonce: int) -> int:
    text = f"{mark}:{person}:{made_at}:{nonce}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 64 - _DIGEST_BITS
