//! What a collector was sent, read with the types that OpenTelemetry itself publishes, in the shape of OTLP's JSON.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use prost::Message;
use serde_json::{Map, Value, json};

/// The body of a request to this path. None: it is none of that kind.
#[must_use]
pub fn read(path: &str, body: &[u8]) -> Option<Value> {
    match path.rsplit('/').next()? {
        "traces" => {
            let all = ExportTraceServiceRequest::decode(body).ok()?.resource_spans.into_iter();
            let of = all.map(|one| {
                let scoped = one.scope_spans.iter().map(|of| scoped(of.scope.as_ref(), "spans", of.spans.iter().map(span)));
                json!({ "resource": resource(one.resource.as_ref()), "scopeSpans": scoped.collect::<Vec<_>>() })
            });
            Some(json!({ "resourceSpans": of.collect::<Vec<_>>() }))
        }
        "metrics" => {
            let all = ExportMetricsServiceRequest::decode(body).ok()?.resource_metrics.into_iter();
            let of = all.map(|one| {
                let each = one.scope_metrics.iter();
                let scoped = each.map(|of| scoped(of.scope.as_ref(), "metrics", of.metrics.iter().map(metric)));
                json!({ "resource": resource(one.resource.as_ref()), "scopeMetrics": scoped.collect::<Vec<_>>() })
            });
            Some(json!({ "resourceMetrics": of.collect::<Vec<_>>() }))
        }
        "logs" => {
            let all = ExportLogsServiceRequest::decode(body).ok()?.resource_logs.into_iter();
            let of = all.map(|one| {
                let each = one.scope_logs.iter();
                let scoped = each.map(|of| scoped(of.scope.as_ref(), "logRecords", of.log_records.iter().map(line)));
                json!({ "resource": resource(one.resource.as_ref()), "scopeLogs": scoped.collect::<Vec<_>>() })
            });
            Some(json!({ "resourceLogs": of.collect::<Vec<_>>() }))
        }
        _ => None,
    }
}

fn scoped(scope: Option<&InstrumentationScope>, name: &str, things: impl Iterator<Item = Value>) -> Value {
    let scope = scope.map(|of| json!({ "name": of.name, "version": of.version }));
    json!({ "scope": scope, name: things.collect::<Vec<_>>() })
}

fn resource(of: Option<&Resource>) -> Value {
    json!({ "attributes": of.map(|of| attributes(&of.attributes)) })
}

fn attributes(all: &[KeyValue]) -> Value {
    all.iter().map(|one| json!({ "key": one.key, "value": any(one.value.as_ref()) })).collect()
}

fn any(of: Option<&AnyValue>) -> Value {
    match of.and_then(|of| of.value.as_ref()) {
        Some(Any::StringValue(text)) => json!({ "stringValue": text }),
        Some(Any::BoolValue(flag)) => json!({ "boolValue": flag }),
        Some(Any::IntValue(n)) => json!({ "intValue": n.to_string() }),
        Some(Any::DoubleValue(n)) => json!({ "doubleValue": n }),
        Some(Any::ArrayValue(all)) => {
            let all: Vec<Value> = all.values.iter().map(|one| any(Some(one))).collect();
            json!({ "arrayValue": { "values": all } })
        }
        // Nothing else is sent: a test that looks for it finds what it is.
        other => json!({ "otherValue": format!("{other:?}") }),
    }
}

fn hex(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// An object without the fields that are null: those were not sent.
fn sent(of: Value) -> Value {
    let Value::Object(all) = of else { return of };
    all.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
}

fn span(of: &Span) -> Value {
    let event = |of: &Event| {
        json!({
            "timeUnixNano": of.time_unix_nano.to_string(), "name": of.name, "attributes": attributes(&of.attributes),
        })
    };
    let status =
        of.status.as_ref().map_or_else(|| json!({}), |of| json!({ "code": of.code, "message": of.message }));
    sent(json!({
        "traceId": hex(&of.trace_id), "spanId": hex(&of.span_id), "parentSpanId": hex(&of.parent_span_id), "name": of.name,
        "kind": of.kind, "startTimeUnixNano": of.start_time_unix_nano.to_string(),
        "endTimeUnixNano": of.end_time_unix_nano.to_string(), "attributes": attributes(&of.attributes),
        "events": of.events.iter().map(event).collect::<Vec<_>>(), "status": status,
    }))
}

fn line(of: &LogRecord) -> Value {
    sent(json!({
        "timeUnixNano": of.time_unix_nano.to_string(), "observedTimeUnixNano": of.observed_time_unix_nano.to_string(),
        "severityNumber": of.severity_number, "severityText": of.severity_text, "body": any(of.body.as_ref()),
        "attributes": attributes(&of.attributes), "traceId": hex(&of.trace_id), "spanId": hex(&of.span_id),
    }))
}

fn metric(of: &Metric) -> Value {
    let numbers = |all: &[NumberDataPoint]| all.iter().map(number).collect::<Vec<_>>();
    let spreads = |all: &[HistogramDataPoint]| all.iter().map(spread).collect::<Vec<_>>();
    let (form, data) = match &of.data {
        Some(Data::Gauge(of)) => ("gauge", json!({ "dataPoints": numbers(&of.data_points) })),
        Some(Data::Sum(of)) => (
            "sum",
            json!({
                "dataPoints": numbers(&of.data_points), "aggregationTemporality": of.aggregation_temporality,
                "isMonotonic": of.is_monotonic,
            }),
        ),
        Some(Data::Histogram(of)) => (
            "histogram",
            json!({
                "dataPoints": spreads(&of.data_points), "aggregationTemporality": of.aggregation_temporality,
            }),
        ),
        other => ("other", json!(format!("{other:?}"))),
    };
    json!({ "name": of.name, "unit": of.unit, "description": of.description, form: data })
}

/// When counting began, where that was sent.
fn since(nanos: u64) -> Option<String> {
    (nanos > 0).then(|| nanos.to_string())
}

fn number(of: &NumberDataPoint) -> Value {
    let (int, double) = match &of.value {
        Some(Number::AsInt(n)) => (Some(n.cast_unsigned().to_string()), None),
        Some(Number::AsDouble(n)) => (None, Some(*n)),
        None => (None, None),
    };
    sent(json!({
        "asInt": int, "asDouble": double, "attributes": attributes(&of.attributes),
        "startTimeUnixNano": since(of.start_time_unix_nano), "timeUnixNano": of.time_unix_nano.to_string(),
    }))
}

fn spread(of: &HistogramDataPoint) -> Value {
    let counts: Vec<String> = of.bucket_counts.iter().map(u64::to_string).collect();
    sent(json!({
        "count": of.count.to_string(), "sum": of.sum, "bucketCounts": counts, "explicitBounds": of.explicit_bounds,
        "attributes": attributes(&of.attributes), "startTimeUnixNano": since(of.start_time_unix_nano),
        "timeUnixNano": of.time_unix_nano.to_string(),
    }))
}
