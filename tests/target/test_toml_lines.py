"""The index of lines, against the parser that gives the values."""

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from smartlaunch.target.lines import LineIndex

TEXT = '''# first
"quoted key" = 1
a.b.c = "x"

[table]   # remark [not a table]
list = [
  1,
  # remark ]
  "]",
  { x = 1, y = """
two ]]
lines""" },
]
text = \'\'\'
[not.a.table]
key = 1\'\'\'
"\\u0061" = 'raw \\ text'   # the key is the letter a

[[rows]]
name = "one"
[rows.inner]
deep = true
[[rows]]
name = "two"
[[rows.sub]]
v = 1979-05-27T07:32:00Z
[[rows.sub]]
v = 2
[table.later]
z = +1e3
'''


def test_each_key_is_on_its_line():
    index = LineIndex(TEXT)
    expected = {
        ("quoted key",): 2,
        ("a", "b", "c"): 3,
        ("a",): 3,
        ("table",): 5,
        ("table", "list"): 6,
        ("table", "list", 1): 9,
        ("table", "list", 2, "x"): 10,
        ("table", "list", 2, "y"): 10,
        ("table", "text"): 14,
        ("table", "a"): 17,
        ("rows", 0, "name"): 20,
        ("rows", 0, "inner", "deep"): 22,
        ("rows", 1): 23,
        ("rows", 1, "name"): 24,
        ("rows", 1, "sub", 0, "v"): 26,
        ("rows", 1, "sub", 1, "v"): 28,
        ("table", "later", "z"): 30,
    }
    assert {path: index.line(path) for path in expected} == expected
    assert tomllib.loads(TEXT)["table"]["a"] == "raw \\ text"


def test_a_key_that_is_not_written_has_the_line_of_its_table():
    index = LineIndex(TEXT)
    assert index.line(("table", "nothing")) == 5
    assert index.line(("nothing",)) is None
    assert index.line(()) is None


_key = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,5}", fullmatch=True), st.text(min_size=1, max_size=4).map(lambda text: text))
_scalar = st.one_of(
    st.integers(-5, 5).map(str),
    st.just("true"),
    st.just('"a # b ] } = , \\" c"'),
    st.just("'[x]'"),
    st.just('"""\n"" [x]\n=\\""""'),
    st.just("1979-05-27"),
    st.just("1.5e3"),
)
_value = st.recursive(
    _scalar, lambda inner: st.lists(inner, max_size=3).map(lambda items: "[\n" + ",\n".join(items) + " # ]\n]"), max_leaves=5
)


def _quoted(key: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08x}" for char in key) + '"'


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_key, _value), min_size=1, max_size=8, unique_by=lambda pair: pair[0]))
def test_any_document_gives_every_key_its_line(pairs):
    lines, expected = [], {}
    pairs = [(key, value) for key, value in pairs if not any(0xD800 <= ord(char) <= 0xDFFF for char in key)]
    for key, value in pairs:
        expected[key] = sum(text.count("\n") + 1 for text in lines) + 1
        lines.append(f"{_quoted(key)} = {value}")
    text = "\n".join(lines)
    assert set(tomllib.loads(text)) == set(expected)
    index = LineIndex(text)
    assert {key: index.line((key,)) for key in expected} == expected
