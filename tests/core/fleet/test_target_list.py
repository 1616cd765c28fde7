"""The list of a fleet's targets, and the URLs that a template gives them."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from wish_rollout.core.errors.fleets.target_lists import (
    TargetAttributeMissing,
    TargetInvalid,
    TargetListEmpty,
    TargetNamedTwice,
)
from wish_rollout.core.fleet.target_list import (
    ListedTarget,
    fill_template,
    has_placeholder,
    listed_target,
    parse_list,
    refuse_empty_or_repeated,
)

TEMPLATE = "postgresql://app:secret@{host}:5432/tenant_{name}?sslmode=require"


def test_a_line_is_a_name_with_attributes_or_an_object() -> None:
    text = """
    # the first customers
    acme region=eu plan='pay as you go'
    {"name": "globex", "url": "postgresql://h/globex", "region": "us", "size": 7, "left": null}

    initech
    """

    assert parse_list("tenants", text) == [
        ListedTarget("acme", {"region": "eu", "plan": "pay as you go"}),
        ListedTarget("globex", {"region": "us", "size": "7"}, "postgresql://h/globex"),
        ListedTarget("initech"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("acme region", "KEY=VALUE"),
        ("acme =eu", "KEY=VALUE"),
        ("acme plan='gold", "quote is not closed"),
        ('{"name": "acme"', "not a JSON object"),
        ('{"name": ["acme"]}', "a list, an object"),
        ('{"region": "eu"}', "no name"),
        ('{"name": " acme"}', "space"),
        ("a/b", "slash"),
        ("a...b", "three dots"),
        ('{"name": "a\\u0007b"}', "control character"),
        ("a" * 201, "200 characters"),
        ("acme region=eu region=us", "'region' more than once"),
        ("acme name=other", "'name' more than once"),
        ('{"name": "acme", "name": "other"}', "'name' more than once"),
        ('{"name": "acme", "region": "eu", "region": null}', "'region' more than once"),
        ('["acme","globex"]', "JSON array"),
        ('{"name": "acme", "tags": ' + "[" * 90_000, "not a JSON object"),
        ('{"name": "acme", "region": "\\ud800"}', "not valid Unicode"),
        ("x" * 100_001, "100000 characters"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_by_its_number(line: str, reason: str) -> None:
    with pytest.raises(TargetInvalid, match=reason) as caught:
        parse_list("tenants", f"first\n{line}")

    assert caught.value.entry == "in line 2"


def test_an_invalid_line_is_not_shown() -> None:
    with pytest.raises(TargetInvalid) as caught:
        parse_list("tenants", '{"name": "acme", "url": "postgresql://u:s3cret@h/db"')

    assert "s3cret" not in str(caught.value)


def test_a_boolean_is_written_as_in_sql_and_json() -> None:
    (target,) = parse_list("tenants", '{"name": "acme", "paying": true, "trial": false}')

    assert target.attributes == {"paying": "true", "trial": "false"}


def test_a_value_that_is_no_text_number_or_date_is_refused() -> None:
    values: list[object] = [[], {}, (1, 2), b"x", memoryview(b"x")]
    for value in values:
        with pytest.raises(TargetInvalid, match="a value is"):
            listed_target("tenants", "in row 1", {"name": "acme", "tags": value})


def test_an_empty_list_and_a_repeated_name_are_refused() -> None:
    with pytest.raises(TargetListEmpty):
        refuse_empty_or_repeated("tenants", "the file t", [])
    with pytest.raises(TargetNamedTwice, match="'b' more than once"):
        refuse_empty_or_repeated("tenants", "the file t", parse_list("tenants", "a\nb\nb"))


def test_a_value_cannot_change_another_part_of_the_url() -> None:
    target = ListedTarget("a?host=evil&b=/x", {"host": "db-1.eu_2"})

    parameters = conninfo_to_dict(fill_template("tenants", TEMPLATE, target))

    assert (parameters["host"], parameters["dbname"]) == ("db-1.eu_2", "tenant_a?host=evil&b=/x")
    assert (parameters["user"], parameters["sslmode"]) == ("app", "require")


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("postgresql://app@{v}/d", "evil.example.org,db"),
        ("postgresql://app@{v}/d", "/tmp"),
        ("postgresql://app@{v}/d", "@abstract"),
        ("postgresql://app@db:{v}/d", "5432,5433"),
        ("postgresql://{v}/d", "evil,db"),
        ("postgresql://db/d?options=-csearch_path%3D{v}", "a -crole=admin"),
        ("postgresql://db/d?application_name=user={v}", "a b"),
        ("postgresql://db/d?user=app&host={v}", "/tmp"),
        ("host=db dbname={v}", "a b"),
    ],
)
def test_a_value_that_libpq_would_divide_is_refused(template: str, value: str) -> None:
    with pytest.raises(TargetInvalid, match="'v'"):
        fill_template("tenants", template, ListedTarget("acme", {"v": value}))


@pytest.mark.parametrize(
    ("template", "parameter"),
    [
        ("postgresql+psycopg://db/{v}?sslmode=require", "dbname"),
        ("postgresql://{v}:secret@db/d", "user"),
        ("postgresql://app:{v}@db/d", "password"),
        ("postgresql://db/d?sslmode=require&user={v}", "user"),
        ("postgresql://db?dbname={v}", "dbname"),
        ("postgresql://db/d?password=a{v}", "password"),
    ],
)
def test_database_user_and_password_may_have_any_characters(template: str, parameter: str) -> None:
    url = fill_template("tenants", template, ListedTarget("acme", {"v": "a ,/@?&=b"}))

    assert str(conninfo_to_dict(url.replace("+psycopg", ""))[parameter]).endswith("a ,/@?&=b")


def test_a_template_needs_a_place_for_the_name_and_the_attributes_that_it_names() -> None:
    assert has_placeholder(TEMPLATE)
    assert not has_placeholder("postgresql://app:p{@h/db")
    for attributes in ({}, {"host": ""}):
        with pytest.raises(TargetAttributeMissing, match="no attribute 'host'"):
            fill_template("tenants", TEMPLATE, ListedTarget("acme", attributes))


@pytest.mark.parametrize(
    "template", ["postgresql://app:a{s3cret}b@h/{name}", "postgresql://h/{name}?password=a{s3cret}b"]
)
def test_a_brace_in_a_password_is_not_shown(template: str) -> None:
    with pytest.raises(TargetAttributeMissing, match="%7B") as caught:
        fill_template("tenants", template, ListedTarget("acme"))

    assert "s3cret" not in str(caught.value)
