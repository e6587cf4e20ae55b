from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariantselect.errors import ImageTooLargeError, RequestMalformedError
from invariantselect.image_inputs import data_uri
from service.http.cursors import cursor_after, read_cursor
from service.http.data_uri import image_from_text


@given(st.binary(max_size=200))
def test_what_was_inlined_comes_back(data: bytes) -> None:
    bare = base64.b64encode(data).decode()
    assert image_from_text(bare, 200) == data
    assert image_from_text(data_uri(data), 200) == data
    for head in ("data:;base64,", "DATA:image/svg+xml;charset=utf-8;BASE64,", "data:image/x.y-z;base64,"):
        assert image_from_text(head + bare, 200) == data


@given(st.text(max_size=80))
def test_any_other_text_is_refused_by_name(text: str) -> None:
    try:
        assert base64.b64decode(text.encode("ascii"), validate=True) == image_from_text(text, 200)
    except (ValueError, RequestMalformedError):
        with pytest.raises(RequestMalformedError):
            image_from_text(text, 200)


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png,AAAA",
        "data:image/png;base64",
        "data:image/png;base64AAAA",
        "data:image/png;base64;x=y,AAAA",
        "data:" + "a" * 10_000 + "/b;base64,AAAA",
        "data:image/png\n;base64,AAAA",
        "data:image/png;base64,AAAA AAAA",
        "data:image/png;base64,AAAA\n",
        "data:image/png;base64,AAA",
        "data:image/png;base64,AA=A",
        "data:image/png;base64,AAA-_A==",
        "data:image/png;base64,Ａ===",
        "AAAA=",
    ],
)
def test_a_sloppy_data_uri_is_refused(text: str) -> None:
    with pytest.raises(RequestMalformedError) as caught:
        image_from_text(text, 1000)
    assert not re.search("A{3}", caught.value.detail)


@pytest.mark.parametrize("size", range(8))
def test_the_limit_counts_the_bytes_of_the_file(size: int) -> None:
    text = base64.b64encode(b"x" * size).decode()
    assert len(image_from_text(text, size)) == size
    if size:
        with pytest.raises(ImageTooLargeError):
            image_from_text(text, size - 1)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_cursor_comes_back_as_the_id_it_was_made_of(id: str) -> None:
    assert read_cursor(cursor_after(id)) == id
