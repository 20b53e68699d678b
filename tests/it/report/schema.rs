//! `docs/report.schema.json` against reports as they are written.

use mirscope::report::{MetricReport, Moments, ProtocolSummary, Skipped, StateValue, to_json};
use serde_json::Value;

use super::report;

/// Where `value` is not what `schema` says; of its words those that the file uses.
fn misfits(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let mut fail = |what: &str| found.push(format!("{path}: {what}"));
    let kind = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the schema says {other}"),
    };
    match &schema["type"] {
        Value::String(name) if !kind(name) => fail(&format!("expected {name}")),
        Value::Array(names) if !names.iter().any(|it| kind(it.as_str().unwrap())) => {
            fail("of no type named");
        }
        _ => {}
    }
    if let Some(expected) = schema.get("const").filter(|it| *it != value) {
        fail(&format!("expected {expected}"));
    }
    if let Some(names) = schema["enum"].as_array()
        && !names.contains(value)
    {
        fail("not in the list");
    }
    if let (Some(object), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        for name in schema["required"].as_array().unwrap() {
            if !object.contains_key(name.as_str().unwrap()) {
                fail(&format!("{name} is missing"));
            }
        }
        for (name, value) in object {
            match known.get(name) {
                Some(schema) => misfits(schema, value, &format!("{path}.{name}"), found),
                None => found.push(format!("{path}.{name}: not in the schema")),
            }
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        misfits(&schema["items"], item, &format!("{path}[{index}]"), found);
    }
}

fn compare(report: &mirscope::report::Report) -> Vec<String> {
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    let value: Value = serde_json::from_str(&to_json(report).unwrap()).unwrap();
    let mut found = Vec::new();
    misfits(&schema, &value, "report", &mut found);
    found
}

#[test]
fn reports_follow_the_schema_with_all_that_may_be_absent_and_without() {
    let plain = report();
    assert_eq!(compare(&plain), [""; 0]);
    let mut full = plain;
    full.mir = None;
    full.layers[0].frechet_upper = Some(1.0);
    full.layers[0].moments = Some(Moments {
        mean_vision: 1.0,
        mean_text: 1.0,
        mean_product: 1.0,
        trace_vision: 1.0,
        trace_text: 1.0,
        trace_root: 1.0,
    });
    full.data.protocol = Some(ProtocolSummary {
        name: "mir-paper".to_owned(),
        departures: vec!["num_pairs = 20".to_owned()],
    });
    full.data.skipped = vec![Skipped::new("a.png", "a.png: broken")];
    full.metrics.push(MetricReport {
        id: "invented".to_owned(),
        label: "Invented".to_owned(),
        about: "Nothing.".to_owned(),
        value: None,
        interval: Some([0.0, 1.0]),
        by_pair: vec![0.5; 100],
        per_state: vec![StateValue {
            state: "hidden_states[1]".to_owned(),
            value: None,
            interval: Some([0.0, 1.0]),
        }],
        basis: "3 pairs".to_owned(),
    });
    assert_eq!(compare(&full), [""; 0]);
    full.schema = 3;
    full.timings.clear();
    assert_eq!(compare(&full), ["report.schema: expected 2"]);
}

#[test]
fn a_report_of_schema_1_opens_with_what_follows_from_its_layers() {
    let whole = report();
    let mut value = serde_json::to_value(&whole).unwrap();
    value["schema"] = 1.into();
    value.as_object_mut().unwrap().remove("metrics");
    let old = mirscope::report::parse(&value.to_string(), "old.json").unwrap();
    assert_eq!(old, whole);
    let rate = old.metric("mir").unwrap();
    assert_eq!(rate.value, old.mir);
    assert_eq!(rate.at("hidden_states[2]"), Some(10.0));
}

#[test]
fn quantities_that_contradict_the_report_are_refused_by_name() {
    let refused = |change: fn(&mut mirscope::report::Report)| {
        let mut report = report();
        change(&mut report);
        report.contradiction().expect("a contradiction").field
    };
    assert_eq!(
        refused(|it| it.metrics[0].value = Some(7.0)),
        "metrics[0].value"
    );
    assert_eq!(
        refused(|it| it.metrics[1].id = "mir".to_owned()),
        "metrics[1].id"
    );
    assert_eq!(
        refused(|it| it.metrics[2].by_pair = vec![0.5; 3]),
        "metrics[2].by_pair"
    );
    assert_eq!(
        refused(|it| it.metrics[2].interval = Some([2.0, 1.0])),
        "metrics[2].interval"
    );
}
