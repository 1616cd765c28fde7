"""Whether two partitions of a table can exist at the same time. Manual, CREATE TABLE, PARTITION OF."""

from __future__ import annotations

import re
from decimal import Decimal

_TOKEN = re.compile(r"'(?:[^']|'')*'|[^\s,()]+")
_RANGE = re.compile(r"FOR VALUES FROM \((.*)\) TO \((.*)\)", re.DOTALL)
_LIST = re.compile(r"FOR VALUES IN \((.*)\)", re.DOTALL)
_HASH = re.compile(r"FOR VALUES WITH \((modulus \d+), (remainder \d+)\)", re.IGNORECASE)
_NUMBER = re.compile(r"'?(-?\d+(?:\.\d+)?)'?")
_DATE = re.compile(r"'\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\+00)?)?'")


def may_overlap(one: str, other: str) -> bool:
    """Return whether two bounds, as the catalog writes them, may have values in common; True where that is not known.

    A default partition may have rows with the values of any other bound.
    """
    if "DEFAULT" in (one, other):
        return True
    lists = [_LIST.fullmatch(each) for each in (one, other)]
    if lists[0] and lists[1]:
        values, others = ({_value(token) for token in _TOKEN.findall(each[1])} for each in lists if each)
        return not values.isdisjoint(others)
    hashes = [_HASH.fullmatch(each) for each in (one, other)]
    if hashes[0] and hashes[1] and hashes[0][1] == hashes[1][1]:
        return hashes[0][2] == hashes[1][2]
    ranges = [_RANGE.fullmatch(each) for each in (one, other)]
    if not (ranges[0] and ranges[1]):
        return True
    (low, high), (other_low, other_high) = (
        [_TOKEN.findall(text) for text in each.groups()] for each in ranges if each
    )
    return not (_is_before(high, other_low) or _is_before(other_high, low))


def _value(token: str) -> Decimal | str:
    """Return a value of a list as it is compared: 1.0 and 1.00 are equal."""
    number = _NUMBER.fullmatch(token)
    return Decimal(number[1]) if number else token


def _is_before(high: list[str], low: list[str]) -> bool:
    """Return whether a range that ends at the one bound, which it excludes, is known to end before the other one."""
    if high == low:
        return True
    first, second = high[0], low[0]
    if first == "MINVALUE" or second == "MAXVALUE":
        return first != second
    numbers = [_NUMBER.fullmatch(each) for each in (first, second)]
    if numbers[0] and numbers[1]:
        is_text = first.startswith("'")  # or the number of another type than integer
        is_less = Decimal(numbers[0][1]) < Decimal(numbers[1][1])
        return is_less and (first < second or not is_text)
    return (
        bool(_DATE.fullmatch(first) and _DATE.fullmatch(second))
        and len(first) == len(second)
        and first < second
    )
