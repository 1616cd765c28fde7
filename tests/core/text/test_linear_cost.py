"""Masking and tokens of texts that are made to be slow: the work grows linearly, counted in characters."""

from __future__ import annotations

import pytest

from wish_rollout.core.text.dollar_quotes import DollarQuotes
from wish_rollout.core.text.secret_masking import (
    ANY_LITERAL,
    NAMED,
    PASSWORD_CLAUSE,
    mask_secrets,
    mask_statement,
    replace_literals,
)
from wish_rollout.core.text.token_pattern import TOKEN, find_tokens

TEXTS = {
    "unclosed": "".join(f"password = $t{number}$ " for number in range(5000)),
    "unclosed after a clause": "".join(f"password $t{number}$ " for number in range(5000)),
    "closed at the end": "".join(f"token = $t{number}$ " for number in range(5000)) + "$t0$",
    "one delimiter": "token = $a$ " * 5001,
    "overlapping delimiters": "token = " + "$a$b" * 5001,
    "two of each": "".join(f"token = $t{number % 2500}$ " for number in range(5001)),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_no_character_is_searched_twice(kind: str) -> None:
    text = TEXTS[kind]
    for pattern in (NAMED, PASSWORD_CLAUSE, ANY_LITERAL):
        quotes = DollarQuotes(text)
        replace_literals(pattern, text, str.upper, quotes)
        assert quotes.searched <= len(text)
    quotes = DollarQuotes(text)
    assert "".join(match[0] for match in find_tokens(text, quotes)) == text
    assert quotes.searched <= len(text)
    assert mask_secrets(text).count("…") == text.count("…") + mask_secrets(text).count("'…'")


@pytest.mark.parametrize(
    "text",
    [
        "select $$a;b$$, $t$ $$ $u$ $t$, '$$', \"$t$\", a$b$c, $1",
        "do $do$ begin execute $$x$$; end $do$; select $open$ 1; select 'x' -- $$ \n/* $t$ */",
        "$", "$$", "$a", "$a$", "$$$$", "$a$$a$", "$a$b$a$", "$é$",
    ],
)  # fmt: skip
def test_tokens_are_those_of_the_pattern(text: str) -> None:
    assert [match[0] for match in find_tokens(text)] == [match[0] for match in TOKEN.finditer(text)]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("set token = $a$ $b$ secret $a$, secret = $c$x", "set token = '…', secret = $c$x"),
        ("password $open$ 'x'; password 'y'; password $$z$$", "password $open$ 'x'; password '…'; password '…'"),
        ("secret = $a$secret = 'long-enough'", "secret = $a$secret = '…'"),
        ("see eyJaaaaaaaa-eyJbbbbbbbb.eyJcccccccc.d x-eyJaaaaaaaa.eyJcccccccc.d, eyJshort.eyJx.", "see … x-…, eyJshort.eyJx."),
        ("a://u:p@h a://:p:q@h a://u@h a://u:@h", "a://…@h a://…@h a://u@h a://u:@h"),
    ],
)  # fmt: skip
def test_masked_text(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked


def test_statement_of_fifty_megabytes_is_masked() -> None:
    """A search that starts again at each quote or word does not end in this test."""
    text = f"INSERT INTO t VALUES ('{'a ' * 25_000_000}')"
    assert mask_statement(text) == text
    rows = "('it''s', 1), " * 350_000
    masked = mask_secrets(f"ALTER ROLE a PASSWORD 'pl4nted'; INSERT INTO t VALUES {rows}")
    assert masked == f"ALTER ROLE a PASSWORD '…'; INSERT INTO t VALUES {rows}"
