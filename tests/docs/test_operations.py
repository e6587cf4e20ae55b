"""The page on operations, the dashboard and the alerts speak of what a driven server tells, and leave nothing out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from invariantselect.wire.jobs import RebuildRequest
from service.jobs.claims import claim
from tests.docs.expressions import metrics_in
from tests.service.adapted_pool import adapt
from tests.service.conftest import fill, serving
from tests.service.pictures import data_uri

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALERTS = yaml.safe_load((ROOT / "docker" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((ROOT / "docker" / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[Metric]:
    """What a server tells that has done a bit of everything."""
    with serving(tmp_path_factory.mktemp("told")) as client:
        fill(client)
        adapt(client)
        for strategy in ("topk_nearest", "invariant_select", "random"):
            body = {"query": {"image": data_uri(90)}, "strategy": strategy}
            assert client.post("/v1/pools/p/select", json=body).status_code == 200
        services: Any = client.app.state.services  # type: ignore[attr-defined]
        client.get("/metrics")
        held = claim(services.store, services.jobs.submit("rebuild", RebuildRequest(), announce=False).id, "w", 30)
        assert held is not None
        assert held.fail({"code": "x"})
        services.metrics.rate_limited.labels("write").inc()  # without keys nobody is limited
        return list(text_string_to_metric_families(client.get("/metrics").text))


def full_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def series(families: list[Metric]) -> set[str]:
    return {sample.name for family in families for sample in family.samples} | {"up"}


def documented() -> Iterator[tuple[str, str, frozenset[str]]]:
    table = PAGE.split("<!-- metrics:begin -->")[1].split("<!-- metrics:end -->")[0]
    for line in table.strip().splitlines()[2:]:
        name, kind, labels, about = (cell.strip() for cell in line.strip("|").split("|"))
        assert about
        yield name.strip("`"), kind, frozenset(re.findall(r"`(\w+)`", labels))


def test_the_table_is_what_a_driven_server_tells(told: list[Metric]) -> None:
    found = {
        (full_name(family), family.type, frozenset(name for s in family.samples for name in s.labels if name != "le"))
        for family in told
        if family.name.startswith("invariantselect")
    }
    assert set(documented()) == found
    assert {"process_resident_memory_bytes", "python_info"} <= series(told)


def test_no_series_comes_twice_to_say_when_it_began(told: list[Metric]) -> None:
    assert not [name for name in series(told) if name.endswith("_created")]


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_asks_for_metrics_that_exist_and_the_page_says_what_to_do(rule: Any, told: list[Metric]) -> None:
    names = metrics_in(rule["expr"])
    assert names
    assert names <= series(told)
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["annotations"]["summary"].endswith(".")
    section = PAGE.split(f"### {rule['alert']}\n")[1].split("\n#")[0]
    assert len(section.split()) > 15


def test_the_page_has_no_alert_that_does_not_exist() -> None:
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_panel_asks_for_metrics_that_exist(panel: Any, told: list[Metric]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        names = metrics_in(target["expr"])
        assert names
        assert names <= series(told), target["expr"]
        labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) - {"instance"}
        known = {label for f in told for s in f.samples if s.name in names for label in s.labels}
        assert labels <= known


def test_the_dashboard_shows_every_metric_of_ours_and_every_variable_is_there(told: list[Metric]) -> None:
    asked = {name for panel in PANELS for target in panel["targets"] for name in metrics_in(target["expr"])}
    ours = {full_name(family) for family in told if family.name.startswith("invariantselect")}
    shown = {name for name in ours for each in asked if re.fullmatch(rf"{name}(_bucket|_sum|_count)?", each)}
    assert shown == ours
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(PANELS))) - {"__rate_interval"}
    assert used == variables
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_names_in_expressions_are_found_and_nothing_else() -> None:
    expression = 'sum by (a, b) (rate(x_total{y="z) {",k=~".+"}[5m] offset 1h)) / on (c) group_left up > bool 0.01 * 2'
    assert metrics_in(expression) == {"x_total", "up"}
