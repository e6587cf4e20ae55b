"""Alerts and the dashboard's queries, as Prometheus itself reads them (promtool comes with the package prometheus)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DOCKER = Path(__file__).parents[2] / "docker"
ALERTS, CASES = DOCKER / "prometheus" / "alerts.yml", sorted((DOCKER / "prometheus").glob("*.test.yml"))
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def promtool(*words: str) -> None:
    done = subprocess.run([str(PROMTOOL), *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_in_which_it_is_told() -> None:
    rules = {rule["alert"] for group in read(ALERTS)["groups"] for rule in group["rules"]}
    cases = [case for path in CASES for test in read(path)["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == rules


@needs_promtool
def test_alerts_tell_of_what_they_should_and_of_nothing_else() -> None:
    promtool("test", "rules", *map(str, CASES))


@needs_promtool
def test_prometheus_understands_each_query_of_the_dashboard(tmp_path: Path) -> None:
    dashboard = json.loads((DOCKER / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(asked) > 10
    # What Grafana puts in, as it would.
    plain = [each.replace("$__rate_interval", "5m").replace("$__range", "1h") for each in asked]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(plain)]
    path = tmp_path / "dashboard.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", str(path))
