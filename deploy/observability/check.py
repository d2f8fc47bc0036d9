#!/usr/bin/env python3
"""Checks the operations kit: `python3 check.py`, from any directory.

Names in rules, dashboards and pages are held against docs/reference; alerts, pages and tests against each other; dashboards against
what Grafana needs. Where `promtool` is on the PATH (Debian: `apt install prometheus`), it checks rules, tests, configuration, and each
query of a dashboard. A line for each finding, and exit code 1 if there is one.
"""

import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

KIT = pathlib.Path(__file__).resolve().parent
REFERENCE = KIT.parents[1] / "docs" / "reference"

RULES = sorted((KIT / "rules").glob("*.yml"))
TESTS = sorted((KIT / "rules" / "tests").glob("*.yml"))
DASHBOARDS = sorted((KIT / "dashboards").glob("*.json"))
RUNBOOKS = sorted((KIT / "runbooks").glob("*.md"))
PAGES = [KIT / "README.md", KIT / "SLO.md"]

# What Prometheus itself puts on everything that it scrapes.
OWN_LABELS = {"job", "instance", "le"}
# Values of labels that docs/reference has no list of: those of `state` of tasks, of `slo`, which is made here, and of `route`, which are
# addresses.
OWN_VALUES = {"waiting", "running", "done", "failed", "dropped", "answered", "assigned", "proved", "kept"}
OWN_VALUES |= {"/", "/missions", "/missions/{id}", "/metrics", "/health/.+", "/health/ready", "Missions/Get"}

RECORDED = re.compile(r"\b([a-z_]+):(coditect_\w+):(\w+)")
METRIC = re.compile(r"\bcoditect_\w+")
SELECTOR = re.compile(r"\b((?:[a-z_]+:)?coditect_\w+(?::\w+)?)\{([^{}]*)\}")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
HISTOGRAM = ("_bucket", "_sum", "_count")


def text(path):
    return path.read_text(encoding="ascii")


def documented():
    """The series that there are, each with its labels."""
    row = re.compile(r"^\| `(coditect_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
    series = {}
    for name, kind, labels in row.findall((REFERENCE / "dashboard.md").read_text(encoding="utf-8")):
        for end in HISTOGRAM if kind == "histogram" else ("",):
            series[name + end] = set(re.findall(r"`(\w+)`", labels))
    return series


def documented_words():
    """All that is a word of its own in the reference: values of labels are among them."""
    pages = [(REFERENCE / name).read_text(encoding="utf-8") for name in ("dashboard.md", "events.md")]
    return {word for page in pages for word in re.findall(r"`(\w+)`", page)}


def recorded():
    return {name for path in RULES for name in re.findall(r"record: (\S+)", text(path))}


def unknown_names(where, said, series, records, words):
    """Findings on the metrics, labels and values that a text names."""
    for match in RECORDED.finditer(said):
        if match[0] not in records:
            yield f"{where}: no rule records `{match[0]}`"
    for name in sorted(set(METRIC.findall(RECORDED.sub("", said))) - series.keys()):
        yield f"{where}: docs/reference/dashboard.md has no metric `{name}`"
    for name, matchers in SELECTOR.findall(said):
        labels = set(name.split(":")[0].split("_")) if ":" in name else series.get(name, set())
        for label, values in MATCHER.findall(matchers):
            if label not in labels | OWN_LABELS:
                yield f"{where}: `{name}` has no label `{label}`"
            elif label not in OWN_LABELS:
                strange = [value for value in values.split("|") if value not in words | OWN_VALUES]
                yield from (f"{where}: `{name}` has no {label} `{value}`" for value in strange)


def names():
    """Every metric that is named anywhere exists, and so do its labels and their values."""
    series, records, words = documented(), recorded(), documented_words()
    if not series:
        yield "docs/reference/dashboard.md: no table of metrics was found"
    for path in [*RULES, *TESTS, *RUNBOOKS, *PAGES, *DASHBOARDS]:
        said = text(path).replace(r"\"", '"')
        yield from unknown_names(path.relative_to(KIT), said, series, records, words)
        if path not in TESTS:
            whole = re.findall(r'\ble="(\d+)"', said)
            yield from (f"{path.relative_to(KIT)}: Prometheus 3 calls the bucket {end} otherwise" for end in whole)


def alerts():
    """Each alert has what a person needs, a page, and a test of both ways; each page has an alert; each rule has a test."""
    rules = [part for path in RULES for part in re.split(r"^ *- (?=alert: |record: )", text(path), flags=re.MULTILINE)]
    known = {part.split()[1]: part for part in rules if part.startswith("alert: ")}
    for name, rule in known.items():
        wanted = ["severity:", "summary:", "description:", f"runbook: runbooks/{name}.md"]
        yield from (f"alert {name}: has no `{part}`" for part in wanted if part not in rule)
    pages = {path.stem for path in RUNBOOKS}
    yield from (f"alert {name}: has no runbooks/{name}.md" for name in sorted(known.keys() - pages))
    yield from (f"runbooks/{name}.md: there is no such alert" for name in sorted(pages - known.keys()))

    tests = "".join(text(path) for path in TESTS)
    cases = [case.split(",")[0].split()[0] + " " + case for case in tests.split("alertname: ")[1:]]
    for name in known:
        own = [case for case in cases if case.startswith(f"{name} ")]
        if not any("exp_labels:" in case for case in own):
            yield f"alert {name}: no test has it fire"
        if not any("exp_alerts: []" in case for case in own):
            yield f"alert {name}: no test has it not fire"
    for name in sorted(recorded()):
        if name not in tests:
            yield f"{name}: no test names it"


def commands():
    """Pages name commands that there are."""
    there = set(re.findall(r"^## `coditect (\w+)", (REFERENCE / "cli.md").read_text(encoding="utf-8"), re.MULTILINE))
    for path in [*RUNBOOKS, *PAGES]:
        named = re.findall(r"(?:`|^ *|[|] )coditect ([a-z]\w*)", text(path), re.MULTILINE)
        yield from (f"{path.relative_to(KIT)}: there is no `coditect {one}`" for one in sorted(set(named) - there))


def queries(path):
    """The queries of a dashboard, each with where it is."""
    dashboard = json.loads(text(path))
    for panel in dashboard.get("panels", []):
        for target in panel.get("targets", []):
            yield f"{path.name}, panel `{panel.get('title')}`", target.get("expr", "")
    for note in dashboard.get("annotations", {}).get("list", []):
        yield f"{path.name}, annotation `{note.get('name')}`", note.get("expr", "")


def overlap(one, other):
    a, b = one["gridPos"], other["gridPos"]
    return a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def dashboard(path):
    """Findings on one dashboard."""
    try:
        made = json.loads(text(path))
    except ValueError as error:
        yield f"{path.name}: {error}"
        return
    for field, kind in {"uid": str, "title": str, "schemaVersion": int, "panels": list, "templating": dict, "time": dict}.items():
        if not isinstance(made.get(field), kind) or not made[field]:
            yield f"{path.name}: has no {field}"
            return
    if len(made["uid"]) > 40 or not re.fullmatch(r"[\w-]+", made["uid"]):
        yield f"{path.name}: Grafana takes no such uid"
    if not any(
        each.get("name") == "datasource" and each.get("type") == "datasource" for each in made["templating"].get("list", [])
    ):
        yield f"{path.name}: has no variable `datasource`"
    panels = made["panels"]
    for n, panel in enumerate(panels):
        where = f"{path.name}, panel `{panel.get('title')}`"
        wanted = ["id", "type", "title", "gridPos", "targets", "datasource", "fieldConfig", "options"]
        missing = [field for field in wanted if field not in panel]
        if missing or not panel["targets"] or panel["gridPos"].keys() != set("xywh"):
            yield f"{where}: has no {', '.join(missing) or 'targets, or no place'}"
            return
        place = panel["gridPos"]
        if min(place["x"], place["y"]) < 0 or min(place["w"], place["h"]) < 1 or place["x"] + place["w"] > 24:
            yield f"{where}: stands outside of the grid"
        for target in panel["targets"]:
            if not target.get("expr") or not target.get("refId"):
                yield f"{where}: a target has no expr, or no refId"
            if target.get("datasource", {}).get("uid") != "${datasource}":
                yield f"{where}: a target does not use `${{datasource}}`"
        for before in panels[:n]:
            if before["id"] == panel["id"]:
                yield f"{where}: its id is also that of `{before['title']}`"
            if overlap(before, panel):
                yield f"{where}: stands on `{before['title']}`"


def dashboards():
    """Dashboards have what Grafana needs, and are as build.py makes them."""
    for path in DASHBOARDS:
        yield from dashboard(path)
    for field in ("uid", "title"):
        all_of = [json.loads(text(path)).get(field) for path in DASHBOARDS]
        yield from (f"dashboards: two have the {field} `{one}`" for one in {one for one in all_of if all_of.count(one) > 1})
    spec = importlib.util.spec_from_file_location("build", KIT / "dashboards" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    made, there = build.texts(), {path.name: text(path) for path in DASHBOARDS}
    for name in sorted(made.keys() | there.keys()):
        if made.get(name) != there.get(name):
            yield f"dashboards/{name}: is not what build.py makes; run it"


def promtool(what, *args):
    done = subprocess.run(["promtool", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        yield f"promtool: {what}:\n{done.stdout.strip()}"


def prometheus():
    """What Prometheus' own tool says."""
    yield from promtool("rules", "check", "rules", *RULES)
    yield from promtool("tests of rules", "test", "rules", *TESTS)
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        # The configuration is checked with all that it names, and the token is nobody's.
        shutil.copytree(KIT / "rules", place / "rules")
        shutil.copy(KIT / "prometheus.yml", place)
        (place / "coditect.token").write_text("0", encoding="ascii")
        yield from promtool("prometheus.yml", "check", "config", place / "prometheus.yml")
        asked = [query for path in DASHBOARDS for query in queries(path)]
        rules = [
            {"record": f"query:{n}", "labels": {"where": where}, "expr": re.sub(r"\$__\w*(interval|range)", "5m", expr)}
            for n, (where, expr) in enumerate(asked)
        ]
        # JSON is YAML, too.
        (place / "queries.yml").write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}), encoding="ascii")
        yield from promtool("queries of dashboards", "check", "rules", place / "queries.yml")


def main():
    checks = [names, alerts, commands, dashboards]
    if shutil.which("promtool"):
        checks.append(prometheus)
    else:
        print("note: promtool is not there, so rules, tests and queries were not tried")
    findings = list(dict.fromkeys(finding for check in checks for finding in check()))
    for finding in findings:
        print(finding)
    if not findings:
        print(f"well: {len(RULES)} files of rules, {len(RUNBOOKS)} runbooks, {len(DASHBOARDS)} dashboards")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
