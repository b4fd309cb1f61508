"""Anything that fits a JSON Schema, as Hypothesis draws it: the keywords that `stacks/schema.json` uses, and no others.

https://json-schema.org/draft/2020-12/json-schema-validation. A schema cannot say everything, such as a family of
instances that is sold, or two shares that come to a whole: that is what a Vocabulary adds.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

Schema: TypeAlias = dict[str, Any]
Mend: TypeAlias = Callable[["Drawing", st.DrawFn, Any], Any]
"""Given what else can be drawn, and a value."""

_SILENT = {"title", "description", "default", "$schema", "$defs"}
_KNOWN = _SILENT | {
    *("$ref", "anyOf", "allOf", "not", "enum", "type"),
    *("properties", "required", "patternProperties", "additionalProperties", "propertyNames"),
    *("minProperties", "maxProperties", "items", "minItems", "maxItems", "uniqueItems"),
    *("pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum"),
}
_ASCII = st.characters(min_codepoint=32, max_codepoint=126)
_ANYTHING = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(_ASCII, max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=2),
    max_leaves=3,
)


@dataclass(frozen=True)
class Vocabulary:
    """What is known beyond a schema.

    Attributes:
        words: Values that mean something, by place: `Network.cidr`, `Instances.families[]` for what is in a list,
            `DefaultTags.tags{}` for the names in a map.
        mends: By part of the schema (`Mix`), what makes a value of it one that is possible.
        few: The most that a map or a list of any length has.
    """

    words: Mapping[str, st.SearchStrategy[Any]] = field(default_factory=dict)
    mends: Mapping[str, Mend] = field(default_factory=dict)
    few: int = 2


class Drawing:
    """Strategies for the parts of one schema.

    Args:
        schema: A whole one, with `$defs`.
        vocabulary: What is known beyond it.
    """

    def __init__(self, schema: Schema, vocabulary: Vocabulary) -> None:
        self._parts: Mapping[str, Schema] = schema["$defs"]
        self._vocabulary = vocabulary
        self._made: dict[str, st.SearchStrategy[Any]] = {}
        self.unused = {*vocabulary.words, *vocabulary.mends}
        """What of the vocabulary fits nothing that has been asked for yet."""

    def part(self, name: str) -> st.SearchStrategy[Any]:
        """What fits a part, mended where the vocabulary says how."""
        if name not in self._made:
            self._made[name] = st.deferred(lambda: self._whole(name))
        return self._made[name]

    def _whole(self, name: str) -> st.SearchStrategy[Any]:
        plain, mend = self._fitting(self._parts[name], name), self._vocabulary.mends.get(name)
        self.unused.discard(name)
        if mend is None:
            return plain

        @st.composite
        def mended(draw: st.DrawFn) -> Any:
            return mend(self, draw, draw(plain))

        return mended()

    def _at(self, schema: Schema, place: str) -> st.SearchStrategy[Any]:
        self.unused.discard(place)
        words = self._vocabulary.words.get(place)
        return self._fitting(schema, place) if words is None else words

    def _fitting(self, schema: Schema, place: str) -> st.SearchStrategy[Any]:
        assert schema.keys() <= _KNOWN, f"{place} says {sorted(schema.keys() - _KNOWN)}, which is not drawn yet"
        if "$ref" in schema:
            return self.part(schema["$ref"].rpartition("/")[2])
        if "anyOf" in schema:
            return st.one_of([self._at(each, place) for each in schema["anyOf"]])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        kinds: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
            "boolean": st.booleans,
            "integer": lambda: st.integers(schema.get("minimum"), schema.get("maximum")),
            "number": lambda: _number(schema),
            "string": lambda: _text(schema),
            "array": lambda: self._list(schema, place),
            "object": lambda: self._map(schema, place),
        }
        kind = kinds.get(schema.get("type", ""))
        return _ANYTHING if kind is None else kind()

    def _list(self, schema: Schema, place: str) -> st.SearchStrategy[list[Any]]:
        least = schema.get("minItems", 0)
        return st.lists(
            self._at(schema["items"], f"{place}[]"),
            min_size=least,
            max_size=min(schema.get("maxItems", 99), least + self._vocabulary.few),
            unique_by=str if schema.get("uniqueItems") else None,
        )

    def _map(self, schema: Schema, place: str) -> st.SearchStrategy[dict[str, Any]]:
        keys = {key: self._at(each, f"{place}.{key}") for key, each in schema.get("properties", {}).items() if each}
        needed = {*schema.get("required", ())}
        instead = {second: first for first, second in _pairs(schema)}
        free = [
            st.dictionaries(names, value, min_size=schema.get("minProperties", 0), max_size=self._vocabulary.few)
            for names, value in self._free(schema, place)
        ]

        @st.composite
        def drawn(draw: st.DrawFn) -> dict[str, Any]:
            value: dict[str, Any] = {}
            for key, each in keys.items():
                if key in needed or (instead.get(key) not in value and draw(st.booleans())):
                    value[key] = draw(each)
            for each in free:
                value = {**draw(each), **value}
            return value

        return drawn()

    def _free(self, schema: Schema, place: str) -> list[tuple[st.SearchStrategy[str], st.SearchStrategy[Any]]]:
        """Names that a map may have beside those that it must or may have, with what is there."""
        called = self._vocabulary.words.get(f"{place}{{}}")
        self.unused.discard(f"{place}{{}}")
        patterns = [
            (_text({"pattern": pattern}) if called is None else called, self._at(each, f"{place}.*"))
            for pattern, each in schema.get("patternProperties", {}).items()
        ]
        other = schema.get("additionalProperties")
        if not isinstance(other, dict):
            return patterns
        names = self._fitting({"type": "string", **schema.get("propertyNames", {})}, place)
        return [*patterns, (names if called is None else called, self._at(other, f"{place}.*"))]


def keys_in(schema: Schema, value: Any, part: str) -> Iterator[tuple[str, str]]:
    """Every key that a value has, with the part of the schema that knows it.

    Args:
        schema: A whole one, with `$defs`.
        value: What fits the part.
        part: Its name.
    """
    yield from _keys_in(schema["$defs"], schema["$defs"][part], value, part)


def _keys_in(parts: Mapping[str, Schema], schema: Schema, value: Any, part: str) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        part = schema["$ref"].rpartition("/")[2]
        yield from _keys_in(parts, parts[part], value, part)
    for each in schema.get("anyOf", ()):
        if Draft202012Validator({**each, "$defs": parts}).is_valid(value):
            yield from _keys_in(parts, each, value, part)
    if isinstance(value, list):
        for below in value:
            yield from _keys_in(parts, schema.get("items", {}), below, part)
    if not isinstance(value, dict):
        return
    for key, below in value.items():
        known = schema.get("properties", {}).get(key)
        if known is not None:
            yield part, key
        for each in [known] if known else schema.get("patternProperties", {}).values():
            yield from _keys_in(parts, each, below, part)


def _pairs(schema: Schema) -> list[list[str]]:
    """Two names for the same thing, of which a map has one at most."""
    return [each["not"]["required"] for each in schema.get("allOf", ()) if "not" in each]


def _number(schema: Schema) -> st.SearchStrategy[float]:
    """As a person writes one: with three digits behind the point at most, and no exponent."""
    if "minimum" not in schema:
        return st.integers(schema["exclusiveMinimum"] + 1, 10**6) | st.sampled_from([0.5, 1.25])
    least, most = schema["minimum"], schema["maximum"]
    return st.sampled_from([least, most]) | st.floats(least, most).map(lambda number: round(number, 3))


def _text(schema: Schema) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        # Python's `$` takes a last line break as well; the schema's, which is ECMAScript's, does not.
        form = schema["pattern"].removesuffix("$") + (r"\Z" if schema["pattern"].endswith("$") else "")
        return st.from_regex(form, alphabet=_ASCII)
    return st.text(_ASCII, min_size=schema.get("minLength", 0), max_size=min(8, schema.get("maxLength", 8)))
