#!/usr/bin/env python3
"""Writes the Grafana dashboards beside this file: `python3 build.py`.

The same each time, so that a change of a dashboard is a change here. `check.py` fails where a file is another one.
"""

import json
import pathlib

# Grafana's version of the form of a dashboard, and the width of its grid.
SCHEMA = 39
COLUMNS = 24

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
RED, YELLOW, GREEN, BLUE = "red", "yellow", "green", "blue"


def query(expr):
    """A query of what the person chose to look at. Each selector in `expr` has braces, which take the choice."""
    return expr.replace("{", '{instance=~"$instance", ').replace(", }", "}")


def panel(kind, title, queries, *, unit="short", width=8, height=8, about="", options=None, custom=None, **defaults):
    """A panel: `queries` are pairs of an expression and what its lines are called."""
    targets = [
        {
            "datasource": SOURCE,
            "expr": query(expr),
            "legendFormat": legend,
            "refId": chr(ord("A") + n),
            "instant": kind != "timeseries",
            "range": kind == "timeseries",
        }
        for n, (expr, legend) in enumerate(queries)
    ]
    fields = {"unit": unit, "custom": custom or {}, "thresholds": steps((None, BLUE)), **defaults}
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": fields, "overrides": []},
        "options": options or {},
        "targets": targets,
    }


def steps(*pairs):
    """Colours from a value on; the first has no value."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]}


def number(title, expr, **more):
    """The newest value, large."""
    options = {
        "colorMode": "value",
        "graphMode": "none",
        "textMode": more.pop("shows", "auto"),
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return panel("stat", title, [(expr, more.pop("legend", ""))], options=options, **{"width": 4, "height": 4, **more})


def lines(title, *queries, **more):
    """Values over time."""
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "auto", "spanNulls": False}
    return panel("timeseries", title, queries, options=options, custom=custom, **{"min": 0, **more})


def piles(title, *queries, **more):
    """Values over time, one on top of the other."""
    made = lines(title, *queries, **more)
    made["fieldConfig"]["defaults"]["custom"] |= {"fillOpacity": 60, "stacking": {"mode": "normal", "group": "A"}}
    return made


def bars(title, *queries, **more):
    """The newest values beside each other."""
    options = {
        "displayMode": "gradient",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return panel("bargauge", title, queries, options=options, **{"min": 0, **more})


def placed(panels):
    """The panels with their numbers and places, row by row from the left."""
    x = y = tallest = 0
    for n, each in enumerate(panels, start=1):
        place = each["gridPos"]
        if x + place["w"] > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        each["id"] = n
        place.update(x=x, y=y)
        x, tallest = x + place["w"], max(tallest, place["h"])
    return panels


def variables():
    """What a person can choose: the data source, and the targets."""
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    asks = "label_values(coditect_build_info, instance)"
    instance = {
        "name": "instance",
        "label": "Target",
        "type": "query",
        "datasource": SOURCE,
        "definition": asks,
        "query": {"query": asks, "refId": "instance"},
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
        "sort": 1,
    }
    return [source, instance]


def dashboard(name, title, about, panels, begins="now-24h"):
    """A dashboard, as Grafana reads it."""
    anew = {
        "name": "Counters began anew",
        "datasource": SOURCE,
        "enable": True,
        "expr": query("resets(coditect_records_total{}[5m]) > 0"),
        "iconColor": YELLOW,
        "titleFormat": "Restarted after missions were removed: what was kept counts again",
    }
    return {
        "uid": f"coditect-{name}",
        "title": f"CODITECT / {title}",
        "description": about,
        "tags": ["coditect"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": begins, "to": "now"},
        "timezone": "browser",
        "annotations": {"list": [anew]},
        "links": [{"type": "dashboards", "title": "CODITECT", "tags": ["coditect"], "asDropdown": True, "keepTime": True}],
        "templating": {"list": variables()},
        "panels": placed(panels),
    }


def quantiles(metric, window, by=""):
    """Queries of how long half, nine of ten, and all but one of a hundred took."""
    labels, legend = (f"{by}, le", "{{" + by + "}} ") if by else ("le", "")
    return [
        (f"histogram_quantile({q}, sum by ({labels}) (increase({metric}_bucket{{}}[{window}])))", f"{legend}p{q * 100:.0f}")
        for q in (0.5, 0.9, 0.99)
    ]


def overview():
    bad_above_0 = steps((None, GREEN), (1, RED))
    yield number("Answers", 'min(up{job="coditect"})', thresholds=steps((None, RED), (1, GREEN)), about="1: each target does")
    yield number("Missions running", 'sum(coditect_missions{status="running"})')
    yield number("Missions stopped", 'sum(coditect_missions{status="stopped"})', thresholds=bad_above_0)
    yield number("Questions open", "sum(coditect_approvals_open{})", thresholds=bad_above_0)
    yield number("Missions left out", "sum(coditect_missions_left_out{})", thresholds=bad_above_0)
    yield number("Version", "coditect_build_info{}", legend="{{version}}", shows="name")
    yield bars("Missions by status", ("sum by (status) (coditect_missions{})", "{{status}}"), height=10)
    yield piles(
        "Missions that ended in 6 hours",
        ("sum by (status) (instance_status:coditect_missions_ended:increase6h{})", "{{status}}"),
        height=10,
    )
    yield lines(
        "Missions in an hour",
        ("sum(increase(coditect_missions_submitted_total{}[1h]))", "begun"),
        ("sum(increase(coditect_missions_forked_total{}[1h]))", "forked"),
        ("sum(increase(coditect_missions_resumed_total{}[1h]))", "resumed"),
        ("sum(increase(coditect_mission_duration_seconds_count{}[1h]))", "ended"),
        height=10,
    )
    yield lines(
        "Missions that failed, of those that ended in 6 hours",
        ("instance:coditect_missions_failed:ratio6h{}", "{{instance}}"),
        unit="percentunit",
        max=1,
    )
    yield lines("How long missions that ended were at work", *quantiles("coditect_mission_duration_seconds", "6h"), unit="s")
    yield lines("Records", ("sum(rate(coditect_records_total{}[$__rate_interval]))", "decided"), unit="cps")
    yield lines("Event streams open", ("sum(coditect_ui_watchers{})", "watchers"), width=12)
    yield lines(
        "Alerts that fire", ('sum by (alertname) (ALERTS{alertstate="firing", job="coditect"})', "{{alertname}}"), width=12
    )


def agents():
    yield number("Attempts in an hour", "sum(increase(coditect_attempts_started_total{}[1h]))", decimals=0)
    yield number("Attempts in a day", "sum(increase(coditect_attempts_started_total{}[1d]))", decimals=0)
    yield number("Expectations in an hour", "sum(increase(coditect_expectations_total{}[1h]))", decimals=0)
    yield number("Tasks running", 'sum(coditect_tasks{state="running"})', about="Also those of missions that stopped.")
    yield number(
        "Slowest role",
        "max(instance_role:coditect_attempt_duration_seconds:p90_1h{})",
        unit="s",
        about="Nine of ten attempts in an hour took at most this.",
    )
    yield number(
        "Outcomes ignored",
        "max(instance:coditect_outcomes_ignored:ratio1h{})",
        unit="percentunit",
        thresholds=steps((None, GREEN), (0.1, RED)),
        about="For each attempt in an hour.",
    )
    yield lines(
        "How long nine of ten attempts took at most",
        ("max by (role) (instance_role:coditect_attempt_duration_seconds:p90_1h{})", "{{role}}"),
        unit="s",
        width=12,
    )
    yield lines(
        "Time of agents, by role",
        ("sum by (role) (rate(coditect_attempt_duration_seconds_sum{}[$__rate_interval]))", "{{role}}"),
        width=12,
        about="How many agents of a role were at work on average. It counts when an attempt ends.",
    )
    yield piles(
        "Attempts that ended in an hour",
        ("sum by (role) (increase(coditect_attempt_duration_seconds_count{}[1h]))", "{{role}}"),
        width=12,
    )
    yield lines("How long attempts took", *quantiles("coditect_attempt_duration_seconds", "1h", "role"), unit="s", width=12)
    yield lines("Attempts", ("sum(rate(coditect_attempts_started_total{}[$__rate_interval]))", "begun"), unit="cps", width=12)
    yield lines(
        "Outcomes that came too late or twice, in an hour",
        ("sum(increase(coditect_outcomes_ignored_total{}[1h]))", "ignored"),
        width=12,
    )


def queue():
    yield number("Tasks waiting", 'sum(coditect_tasks{state="waiting"})')
    yield number("Tasks running", 'sum(coditect_tasks{state="running"})')
    yield number("Questions open", "sum(coditect_approvals_open{})", thresholds=steps((None, GREEN), (1, RED)))
    yield number("Questions in a day", "sum(increase(coditect_approvals_asked_total{}[1d]))", decimals=0)
    yield number("Missions running", 'sum(coditect_missions{status="running"})')
    yield number(
        "First attempt after",
        "max(instance:coditect_assignment_seconds:p99_1h{})",
        unit="s",
        about="All but one of a hundred missions of an hour waited at most this long.",
    )
    yield number(
        "Orders waiting", 'max(coditect_queue_orders{state="waiting"})', about="Of the fleet. Each door of it sees the same queue.", width=12
    )
    yield number("The oldest order waits", "max(coditect_queue_oldest_seconds{})", unit="s", width=12)
    yield piles("Tasks of missions that have not ended", ("sum by (state) (coditect_tasks{})", "{{state}}"), width=12)
    yield piles(
        "Tasks that came to their end in an hour",
        ("sum by (end) (increase(coditect_tasks_settled_total{}[1h]))", "{{end}}"),
        width=12,
    )
    yield lines("From submission to the first attempt", *quantiles("coditect_assignment_seconds", "1h"), unit="s", width=12)
    yield lines(
        "Missions that have not ended", ('sum by (status) (coditect_missions{status=~"running|stopped"})', "{{status}}"), width=12
    )
    yield piles("Orders of the fleet", ("max by (state) (coditect_queue_orders{})", "{{state}}"), width=12)
    yield lines("Age of the oldest order that waits", ("max(coditect_queue_oldest_seconds{})", "oldest"), unit="s", width=12)
    yield lines("Questions open", ("sum(coditect_approvals_open{})", "open"), width=12)
    yield piles(
        "Answers in an hour",
        ("sum by (verdict) (increase(coditect_approvals_given_total{}[1h]))", "{{verdict}}"),
        width=12,
        about="nobody: no person answered in time.",
    )


def sandbox():
    yield number("Runs in an hour", "sum(increase(coditect_sandbox_runs_total{}[1h]))", decimals=0, width=6)
    yield number("Candidates in an hour", "sum(increase(coditect_candidates_total{}[1h]))", decimals=0, width=6)
    yield number(
        "Runs for each candidate",
        "sum(increase(coditect_sandbox_runs_total{}[1h])) / (sum(increase(coditect_candidates_total{}[1h])) > 0)",
        decimals=2,
        width=6,
    )
    yield number(
        "Runs for each attempt",
        "sum(increase(coditect_sandbox_runs_total{}[1h])) / (sum(increase(coditect_attempts_started_total{}[1h])) > 0)",
        decimals=2,
        width=6,
    )
    yield piles(
        "Runs in a sandbox", ("sum by (tier) (rate(coditect_sandbox_runs_total{}[$__rate_interval]))", "{{tier}}"), unit="cps", width=12
    )
    yield piles(
        "Candidates", ("sum by (rung) (rate(coditect_candidates_total{}[$__rate_interval]))", "{{rung}}"), unit="cps", width=12
    )
    yield piles(
        "Runs in an hour, by how they ended",
        ("sum by (end) (increase(coditect_sandbox_runs_total{}[1h]))", "{{end}}"),
        width=12,
        about="unknown: missions of an older version counted their runs and did not tell how they ended.",
    )
    yield piles(
        "Runs in an hour that did not come to their end",
        (
            'sum by (tier, end) (increase(coditect_sandbox_runs_total{end=~"signal|timed_out|out_of_memory|crashed|refused|lost"}[1h]))',
            "{{tier}} {{end}}",
        ),
        width=12,
        about="Many candidates of a search run for ever or out of memory: that is no fault by itself.",
    )
    yield piles(
        "Violations of runs in an hour",
        (
            "sum by (kind) (instance_kind:coditect_violations:increase1h"
            '{kind=~"timeout|process_killed|resource|environment|agent_silent"})',
            "{{kind}}",
        ),
        width=12,
        about="What came otherwise than expected for reasons of the run, not of the code.",
    )
    yield piles(
        "Causes around the code in an hour",
        (
            'sum by (cause) (instance_cause:coditect_diagnoses:increase1h{cause=~"infrastructure|resource|environment"})',
            "{{cause}}",
        ),
        width=12,
    )


def ladder():
    yield bars(
        "Candidates in a day, by rung",
        ("sum by (rung) (increase(coditect_candidates_total{}[1d]))", "{{rung}}"),
        decimals=0,
        width=8,
    )
    yield bars(
        "Violations in an hour, by kind",
        ("sum by (kind) (instance_kind:coditect_violations:increase1h{}) > 0", "{{kind}}"),
        decimals=0,
        width=8,
    )
    yield bars(
        "Diagnoses in an hour, by cause",
        ("sum by (cause) (instance_cause:coditect_diagnoses:increase1h{}) > 0", "{{cause}}"),
        decimals=0,
        width=8,
    )
    yield lines(
        "Candidates from memory in an hour", ('sum(increase(coditect_candidates_total{rung="memory"}[1h]))', "memory"), width=12
    )
    yield piles("Candidates in an hour", ("sum by (rung) (increase(coditect_candidates_total{}[1h]))", "{{rung}}"), width=12)
    yield piles("Violations in an hour", ("sum by (kind) (instance_kind:coditect_violations:increase1h{})", "{{kind}}"), width=12)
    yield piles(
        "Diagnoses in an hour", ("sum by (cause) (instance_cause:coditect_diagnoses:increase1h{})", "{{cause}}"), width=12
    )
    yield lines(
        "Violations for each expectation, in an hour",
        ("instance:coditect_expectations_contradicted:ratio1h{}", "{{instance}}"),
        unit="percentunit",
        width=12,
    )
    yield lines(
        "Violations whose cause was looked for, in an hour",
        (
            "sum(instance_cause:coditect_diagnoses:increase1h{}) / (sum(instance_kind:coditect_violations:increase1h{}) > 0)",
            "of all",
        ),
        unit="percentunit",
        width=12,
    )


def cost():
    dollars = {"unit": "currencyUSD", "decimals": 2}
    yield number(
        "In an hour", "sum(instance:coditect_model_cost_usd:increase1h{})", thresholds=steps((None, GREEN), (10, RED)), **dollars
    )
    yield number("In a day", "sum(increase(coditect_model_cost_usd_total{}[1d]))", **dollars)
    yield number("In 30 days", "sum(increase(coditect_model_cost_usd_total{}[30d]))", **dollars)
    yield number(
        "For each mission that ended",
        "sum(increase(coditect_model_cost_usd_total{}[1d])) / (sum(increase(coditect_mission_duration_seconds_count{}[1d])) > 0)",
        about="In a day.",
        **dollars,
    )
    yield number("Calls in a day", "sum(increase(coditect_model_calls_total{}[1d]))", decimals=0)
    yield number("Tokens in a day", "sum(increase(coditect_model_tokens_total{}[1d]))", decimals=0)
    yield lines(
        "Money in an hour",
        ("sum by (instance) (instance:coditect_model_cost_usd:increase1h{})", "{{instance}}"),
        width=12,
        **dollars,
    )
    yield lines("Calls in an hour", ("sum(increase(coditect_model_calls_total{}[1h]))", "calls"), width=12)
    yield piles(
        "Tokens in an hour", ("sum by (direction) (increase(coditect_model_tokens_total{}[1h]))", "{{direction}}"), width=12
    )
    yield lines(
        "Tokens for each call, in an hour",
        (
            "sum by (direction) (increase(coditect_model_tokens_total{}[1h]))"
            " / ignoring (direction) group_left () (sum(increase(coditect_model_calls_total{}[1h])) > 0)",
            "{{direction}}",
        ),
        width=12,
    )


def fleet():
    bad_above_0 = steps((None, GREEN), (1, RED))
    yield number("Workers", 'sum(up{job="coditect-worker"})', about="Those that Prometheus reaches.")
    yield number("Slots", "sum(coditect_worker_slots{})")
    yield number("Orders running", "sum(coditect_worker_orders_running{})")
    yield number(
        "Slots taken",
        "sum(coditect_worker_orders_running{}) / (sum(coditect_worker_slots{}) > 0)",
        unit="percentunit",
    )
    yield number(
        "Handed back in an hour",
        'sum(increase(coditect_worker_orders_ended_total{end="handed_back"}[1h]))',
        decimals=0,
        thresholds=bad_above_0,
    )
    yield number(
        "Telemetry dropped in an hour",
        "sum(increase(coditect_telemetry_dropped_total{}[1h]))",
        decimals=0,
        thresholds=bad_above_0,
    )
    yield piles(
        "Breakers that are not closed",
        ('max by (kind, state) (coditect_breakers{state=~"open|half_open"})', "{{kind}} {{state}}"),
        width=12,
        about="What failed again and again and is left alone, by the machine that has most of them.",
    )
    yield lines(
        "Files that one strand alone may change",
        ("sum by (instance) (coditect_leased_files{})", "{{instance}}"),
        width=12,
    )
    yield piles(
        "Orders that ended in an hour", ("sum by (end) (increase(coditect_worker_orders_ended_total{}[1h]))", "{{end}}"), width=12
    )
    yield piles(
        "Orders taken in an hour", ("sum by (role) (increase(coditect_worker_orders_taken_total{}[1h]))", "{{role}}"), width=12
    )
    yield lines("Orders in the queue until taken", *quantiles("coditect_worker_order_wait_seconds", "1h"), unit="s", width=12)
    yield lines(
        "How long orders took", *quantiles("coditect_worker_order_duration_seconds", "1h", "role"), unit="s", width=12
    )
    yield lines("Orders running", ("sum by (instance) (coditect_worker_orders_running{})", "{{instance}}"), width=12)
    yield lines(
        "Commits that were here already, of those that were needed",
        (
            'sum(increase(coditect_worker_commits_total{from="here"}[1h]))'
            " / (sum(increase(coditect_worker_commits_total{}[1h])) > 0)",
            "here",
        ),
        unit="percentunit",
        max=1,
        width=12,
    )
    yield lines(
        "Bytes",
        ("sum(rate(coditect_worker_fetched_bytes_total{}[$__rate_interval]))", "fetched"),
        ("sum(rate(coditect_worker_sent_bytes_total{}[$__rate_interval]))", "sent"),
        unit="Bps",
        width=12,
    )
    yield piles(
        "Runs in a sandbox in an hour, by how they ended",
        ("sum by (end) (increase(coditect_worker_sandbox_runs_total{}[1h]))", "{{end}}"),
        width=12,
    )
    yield piles(
        "Telemetry sent",
        ("sum by (signal) (rate(coditect_telemetry_sent_total{}[$__rate_interval]))", "{{signal}}"),
        unit="cps",
        width=12,
    )
    yield piles(
        "Telemetry dropped",
        ("sum by (signal) (rate(coditect_telemetry_dropped_total{}[$__rate_interval]))", "{{signal}}"),
        unit="cps",
        width=12,
    )


def memory():
    yield number("Episodes at hand", 'sum(coditect_memory_episodes{tier="warm"})', width=6)
    yield number("Episodes put away", 'sum(coditect_memory_episodes{tier="cold"})', width=6)
    yield number("Bytes", "sum(coditect_memory_bytes{})", unit="bytes", width=6)
    yield number(
        "Bytes an episode",
        "sum(coditect_memory_bytes{}) / (sum(coditect_memory_episodes{}) > 0)",
        unit="bytes",
        width=6,
    )
    yield piles("Episodes", ("sum by (tier) (coditect_memory_episodes{})", "{{tier}}"), width=12)
    yield piles("Bytes of them", ("sum by (tier) (coditect_memory_bytes{})", "{{tier}}"), unit="bytes", width=12)
    yield lines(
        "Changes of memory that were tried, of all candidates, in an hour",
        (
            'sum(increase(coditect_candidates_total{rung="memory"}[1h])) / (sum(increase(coditect_candidates_total{}[1h])) > 0)',
            "memory",
        ),
        unit="percentunit",
        max=1,
        width=12,
    )
    yield lines(
        "Changes of memory that were tried in an hour",
        ('sum(increase(coditect_candidates_total{rung="memory"}[1h]))', "candidates"),
        width=12,
    )


def doors():
    """What people and programs ask, apart from Prometheus and whoever looks at the health."""
    failed = "5xx|unknown|deadline_exceeded|unavailable|internal|data_loss"
    asked = 'route!~"/metrics|/health/.+"'
    rare = steps((None, GREEN), (0.001, YELLOW), (0.01, RED))
    yield number("Asked in an hour", "sum(instance_code:coditect_asked:increase1h{})", decimals=0)
    yield number(
        "Failed in an hour",
        f'sum(instance_code:coditect_asked:increase1h{{code=~"{failed}"}})',
        decimals=0,
        thresholds=steps((None, GREEN), (1, RED)),
    )
    yield number(
        "Share that failed",
        "max(instance:coditect_unanswered:ratio1h{})",
        unit="percentunit",
        decimals=2,
        thresholds=rare,
        about="Of an hour, of the target that is worst off.",
    )
    yield number(
        "Slowest page or call",
        f"max(histogram_quantile(0.9, sum by (route, le) (rate(coditect_http_request_duration_seconds_bucket{{{asked}}}[1h]))))",
        unit="s",
        about="Nine of ten requests to the slowest address took at most this.",
    )
    yield number("Refused in an hour", "sum(increase(coditect_refusals_total{}[1h]))", decimals=0)
    yield number("Event streams", "sum(coditect_ui_watchers{})")
    yield piles(
        "Requests",
        (f"sum by (code) (rate(coditect_http_requests_total{{{asked}}}[$__rate_interval]))", "{{code}}"),
        unit="reqps",
        about="gone: whoever asked did not wait for the answer.",
    )
    yield piles(
        "Calls of gRPC", ("sum by (code) (rate(coditect_grpc_calls_total{}[$__rate_interval]))", "{{code}}"), unit="reqps"
    )
    yield piles(
        "Refused",
        ("sum by (why) (increase(coditect_refusals_total{}[$__interval]))", "{{why}}"),
        about="unknown: no token that is known. denied: another role, or a page of another site. hidden: a mission of others. "
        "host: another name. too_many: more than one user may ask.",
    )
    yield lines(
        "Failed, by address",
        ('sum by (route) (increase(coditect_http_requests_total{code="5xx"}[$__rate_interval])) > 0', "{{route}}"),
        width=12,
    )
    yield lines(
        "Requests, by address",
        ("sum by (route) (rate(coditect_http_requests_total{}[$__rate_interval])) > 0", "{{route}}"),
        width=12,
        unit="reqps",
    )
    yield lines(
        "How long nine of ten requests took",
        (
            "histogram_quantile(0.9, sum by (route, le) (rate(coditect_http_request_duration_seconds_bucket{}[$__rate_interval])))",
            "{{route}}",
        ),
        width=12,
        unit="s",
    )
    yield lines(
        "How long nine of ten calls took",
        (
            "histogram_quantile(0.9, sum by (method, le) (rate(coditect_grpc_call_duration_seconds_bucket{}[$__rate_interval])))",
            "{{method}}",
        ),
        width=12,
        unit="s",
    )


def slo():
    left = steps((None, RED), (0, YELLOW), (0.25, GREEN))
    window = {"min": 0, "unit": "percentunit"}
    yield bars(
        "What is left of the budgets of 30 days",
        ("min by (slo) (instance_slo:coditect_budget:ratio30d{})", "{{slo}}"),
        width=12,
        unit="percentunit",
        max=1,
        thresholds=left,
        about="Of the target that is worst off. 0: nothing is left.",
    )
    yield lines(
        "What is left of the budgets",
        ("min by (slo) (instance_slo:coditect_budget:ratio30d{})", "{{slo}}"),
        width=12,
        unit="percentunit",
        max=1,
        min=None,
    )
    for name, title in [
        ("answered", "There, and answered what was asked"),
        ("assigned", "Missions that began within 2.5 seconds"),
        ("proved", "Results with a proof"),
        ("kept", "Expectations that were not contradicted"),
    ]:
        yield number(
            f"{title}, of 30 days",
            f'1 - max(instance_slo:coditect_errors:ratio30d{{slo="{name}"}})',
            width=6,
            height=5,
            unit="percentunit",
            decimals=2,
        )
    yield lines(
        "Not answered",
        ('max(instance_slo:coditect_errors:ratio5m{slo="answered"})', "5 minutes"),
        ('max(instance_slo:coditect_errors:ratio1h{slo="answered"})', "1 hour"),
        ('max(instance_slo:coditect_errors:ratio6h{slo="answered"})', "6 hours"),
        **window,
    )
    yield lines(
        "Began late",
        ('max(instance_slo:coditect_errors:ratio2h{slo="assigned"})', "2 hours"),
        ('max(instance_slo:coditect_errors:ratio1d{slo="assigned"})', "1 day"),
        **window,
    )
    yield lines(
        "Results without a proof",
        ('max(instance_slo:coditect_errors:ratio2h{slo="proved"})', "2 hours"),
        ('max(instance_slo:coditect_errors:ratio1d{slo="proved"})', "1 day"),
        **window,
    )
    yield lines(
        "How fast budgets are spent",
        (
            "max by (slo) (instance_slo:coditect_errors:ratio30d{} / on (slo) group_left () (1 - slo:coditect_objective:ratio))",
            "{{slo}}",
        ),
        width=12,
        about="1: just what may be spent in 30 days.",
    )
    yield piles("Results in a day", ("sum by (status) (instance_status:coditect_results:increase1d{})", "{{status}}"), width=12)


ALL = [
    ("overview", "Overview", "What is under way, and whether somebody is needed.", overview, "now-24h"),
    ("agents", "Agents", "Attempts of agents, by role.", agents, "now-6h"),
    ("queue", "Queue", "What waits: tasks, first attempts, questions to a person.", queue, "now-6h"),
    ("sandbox", "Sandbox", "Runs in a sandbox, and candidates.", sandbox, "now-6h"),
    ("fleet", "Fleet", "Workers on other machines, and what leaves for collectors.", fleet, "now-6h"),
    ("ladder", "Memory and ladder", "Candidates by rung, what came otherwise than expected, and why.", ladder, "now-24h"),
    ("cost", "Cost", "What models cost: money, calls, tokens.", cost, "now-7d"),
    ("memory", "Memory", "What is remembered, and how often it is tried.", memory, "now-7d"),
    ("doors", "Doors", "What people and programs ask, over HTTP and gRPC, and what they are answered.", doors, "now-6h"),
    ("slo", "SLO and error budget", "What is promised (SLO.md), and what is left of the error budgets.", slo, "now-7d"),
]


def texts():
    """All dashboards: the text of each file, by its name."""
    made = {name: dashboard(name, title, about, list(panels()), begins) for name, title, about, panels, begins in ALL}
    return {f"{name}.json": json.dumps(each, indent=2, sort_keys=True) + "\n" for name, each in made.items()}


if __name__ == "__main__":
    for name, text in texts().items():
        (pathlib.Path(__file__).resolve().parent / name).write_text(text, encoding="ascii")
