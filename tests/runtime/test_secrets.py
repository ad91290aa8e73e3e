"""Sealing credentials: the key file, and everything that can be wrong with it."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tandem.model.errors import TandemError
from tandem.runtime.secrets import KeyExposed, KeyMissing, KeyUnreadable, KeyWrong, Vault

SECRET = "p@ss wörd".encode()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "key"


def test_R5_a_sealed_secret_opens_to_itself_and_does_not_show_it(key_file: Path) -> None:
    """Another Vault on the same key file opens it; two seals of one secret differ."""
    first, second = Vault(key_file).seal(SECRET), Vault(key_file).seal(SECRET)

    assert SECRET == Vault(key_file).unseal(first) == Vault(key_file).unseal(second)
    assert first != second
    assert "p@ss" not in first


def test_R5_the_key_file_is_its_owners_alone(key_file: Path) -> None:
    """The file is 0600 in a folder of 0700, and no draft of it stays behind."""
    Vault(key_file).seal(SECRET)

    assert (0o600, 0o700) == (stat.S_IMODE(key_file.stat().st_mode), stat.S_IMODE(key_file.parent.stat().st_mode))
    assert [key_file] == list(key_file.parent.iterdir())


def test_seals_that_race_for_the_first_key_all_end_with_the_same_one(key_file: Path) -> None:
    """The second maker takes the first one's key, so nothing sealed is lost."""
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda _: Vault(key_file).seal(SECRET), range(8), timeout=60))

    assert [SECRET] * 8 == [Vault(key_file).unseal(text) for text in sealed]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620], ids=["group reads", "others read", "group writes"])
def test_R5_a_key_open_to_others_is_refused(key_file: Path, mode: int) -> None:
    """Neither sealing nor unsealing goes on with it."""
    sealed = Vault(key_file).seal(SECRET)
    key_file.chmod(mode)

    with pytest.raises(KeyExposed, match=f"open to others .mode {mode:03o}."):
        Vault(key_file).unseal(sealed)
    with pytest.raises(KeyExposed):
        Vault(key_file).seal(SECRET)


def test_a_missing_key_is_not_replaced_when_something_is_to_be_opened(key_file: Path) -> None:
    """A new key could not open anything."""
    sealed = Vault(key_file).seal(SECRET)
    key_file.unlink()

    with pytest.raises(KeyMissing, match="does not exist"):
        Vault(key_file).unseal(sealed)
    assert not key_file.exists()


def test_another_key_does_not_open_it(key_file: Path, tmp_path: Path) -> None:
    """The sentence names the key file and no secret."""
    sealed = Vault(tmp_path / "other").seal(SECRET)
    Vault(key_file).seal(b"")

    with pytest.raises(KeyWrong, match="does not open the stored credentials"):
        Vault(key_file).unseal(sealed)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[:-8], id="cut"),
        pytest.param(lambda text: text[:-6] + ("A" if text[-6] != "A" else "B") + text[-5:], id="one letter changed"),
        pytest.param(lambda _: "tandem1:", id="emptied"),
        pytest.param(lambda _: "never sealed", id="never sealed"),
    ],
)
def test_damaged_text_is_refused(key_file: Path, damage: Callable[[str], str]) -> None:
    """Altered text opens to nothing rather than to something else."""
    sealed = Vault(key_file).seal(SECRET)

    with pytest.raises(KeyWrong):
        Vault(key_file).unseal(damage(sealed))


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 44], ids=["empty", "too short", "not base64"])
def test_a_file_that_holds_no_key_is_refused(key_file: Path, content: bytes) -> None:
    """It is neither used nor overwritten."""
    key_file.parent.mkdir()
    key_file.write_bytes(content)
    key_file.chmod(0o600)

    with pytest.raises(KeyUnreadable, match="it does not hold a key"):
        Vault(key_file).seal(SECRET)
    assert content == key_file.read_bytes()


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file stands where the home should be."""
    (tmp_path / "home").write_text("")

    with pytest.raises(KeyUnreadable, match="Not a directory"):
        Vault(tmp_path / "home" / "key").seal(SECRET)


@pytest.mark.parametrize("error", [KeyExposed, KeyMissing, KeyUnreadable, KeyWrong], ids=lambda error: error.code)
def test_every_refusal_says_what_to_do(error: type[TandemError]) -> None:
    """The advice ends with the command that helps."""
    assert "tandem connect --rotate" in error.advice
