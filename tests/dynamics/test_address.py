"""What people paste, and where a secret may not go."""

import pytest

from tandem.dynamics.address import organisation_root
from tandem.dynamics.errors import AddressRefused

CONTOSO = "https://contoso.crm.dynamics.com"


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        ("https://contoso.crm.dynamics.com", CONTOSO),
        ("https://contoso.crm.dynamics.com/", CONTOSO),
        ("  https://contoso.crm.dynamics.com/main.aspx?appid=1#top\n", CONTOSO),
        ("https://contoso.crm.dynamics.com/api/data/v9.2", CONTOSO),
        ("https://contoso.crm.dynamics.com/api/data/v9.2/", CONTOSO),
        ("contoso.crm.dynamics.com", CONTOSO),
        ("contoso.crm.dynamics.com/main.aspx", CONTOSO),
        ("HTTPS://Contoso.CRM.dynamics.COM", CONTOSO),
        ("https://contoso.crm.dynamics.com:443", CONTOSO),
        ("https://crm.contoso.com:8443", "https://crm.contoso.com:8443"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("http://localhost:5000/api/data/v9.2", "http://localhost:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("https://10.0.0.7", "https://10.0.0.7"),
        ("localhost:5000", "https://localhost:5000"),
    ],
)
def test_S8_what_people_paste_becomes_the_root(pasted, expected):
    """Pages, API paths, capitals, blanks and a missing scheme are put right."""
    assert organisation_root(pasted) == expected


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "not a web address"),
        ("contoso", "not a web address"),
        ("not a url", "not a web address"),
        ("https://", "not a web address"),
        ("https://contoso..com", "not a web address"),
        ("https://-contoso.com", "not a web address"),
        (f"https://{'a' * 64}.com", "not a web address"),
        ("https://256.1.1.1", "not a web address"),
        ("https://föö.com", "not a web address"),
        ("https://contoso.crm.dynamics.com:port", "not a web address"),
        ("https://contoso.crm.dynamics.com:0", "not a web address"),
        ("https://[::1", "not a web address"),
        ("ftp://contoso.crm.dynamics.com", "ftp://"),
        ("file:///etc/passwd", "file://"),
        ("http://contoso.crm.dynamics.com", "clear text"),
        ("http://localhost.evil.example", "clear text"),
        ("http://127.0.0.1.evil.example", "clear text"),
        ("https://ann:secret@contoso.crm.dynamics.com", "user name or password"),
    ],
)
def test_S8_what_could_leak_or_mislead_is_refused(pasted, words):
    """The sentence says why, the advice what to give instead, and no password is repeated."""
    with pytest.raises(AddressRefused) as caught:
        organisation_root(pasted)

    assert words in caught.value.message
    assert caught.value.remedy
    assert "secret" not in caught.value.message
