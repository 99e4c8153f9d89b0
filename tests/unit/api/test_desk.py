"""The first desk: self-contained, and nothing it shows can become markup."""

import re

import pytest

from tests.unit.api.edge import Edge

SCRIPTS = ("/desk.js", "/desk_flow.js", "/desk_facts.js", "/desk_summary.js", "/desk_feelings.js", "/desk_record.js")
PARTS = ("/", *SCRIPTS, "/desk.css", "/desk.svg")


async def test_the_page_loads_nothing_from_elsewhere(edge: Edge) -> None:
    for path in PARTS:
        answer = await edge.http.get(path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        loaded = answer.text.replace('xmlns="http://www.w3.org/2000/svg"', "")  # a name, not an address
        assert not re.search(r"https?://(?!\$)", loaded), path
        assert "@import" not in answer.text
    page = (await edge.http.get("/")).text
    assert set(re.findall(r'(?:src|href)="([^"]+)"', page)) == set(PARTS[1:])
    assert not re.search(r"<script(?![^>]* src)|\son\w+=|style=", page), "the policy forbids inline code and style"


async def test_the_script_never_writes_markup(edge: Edge) -> None:
    script = "".join([(await edge.http.get(path)).text for path in SCRIPTS])
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"):
        assert way not in script


@pytest.mark.parametrize("path", SCRIPTS)
async def test_every_label_exists_in_both_languages(edge: Edge, path: str) -> None:
    script = (await edge.http.get(path)).text
    zh, en = (
        set(re.findall(r'(?:^|[\s{])"?([a-z_.]+)"?: "', script.split(f"  {name}: {{")[1].split("\n  },")[0]))
        for name in ("zh", "en")
    )
    assert zh == en
    assert zh
    if path == "/desk.js":
        page = (await edge.http.get("/")).text
        assert set(re.findall(r'data-text="(\w+)"', page)) <= zh
    else:
        assert set(re.findall(r'\b[frs]t\("(\w+)"\)', script)) <= zh
