//! JSON, CSV, SVG and HTML.

use mirscope::{
    figures::{html, svg},
    report::{Report, ReportError, csv, parse, to_json},
};

use super::{report, undefined};

#[test]
fn json_comes_back_bit_for_bit() {
    let mut awkward = report();
    awkward.layers[0].mean_norm_vision = 0.1 + 0.2;
    awkward.layers[1].mean_norm_text = f64::MIN_POSITIVE;
    for original in [awkward, undefined()] {
        let json = to_json(&original).unwrap();
        assert_eq!(parse(&json, "r.json").unwrap(), original);
    }
}

#[test]
fn json_has_the_promised_fields() {
    let value: serde_json::Value = serde_json::from_str(&to_json(&report()).unwrap()).unwrap();
    assert!(value["mir"].is_f64());
    assert_eq!(value["definition"], "exact");
    assert_eq!(value["text_mask"], "official");
    let layers = value["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 3);
    for field in [
        "layer", "frechet", "location", "spread", "shape", "n_vision", "n_text",
    ] {
        assert!(layers[0][field].is_number(), "{field}");
    }
    assert!(layers[0].get("frechet_upper").is_none());
    let value: serde_json::Value = serde_json::from_str(&to_json(&undefined()).unwrap()).unwrap();
    assert!(value["mir"].is_null());
    assert_eq!(value["layers"][0]["frechet_upper"], 1000.0);
}

#[test]
fn other_files_are_refused_by_name() {
    let refused = |json: &str| parse(json, "r.json").unwrap_err().to_string();
    let mut newer: serde_json::Value = serde_json::from_str(&to_json(&report()).unwrap()).unwrap();
    newer["schema"] = 99.into();
    newer["layers"] = "something new".into();
    let error = refused(&newer.to_string());
    assert!(
        error.contains("r.json: expected a report with `schema` 1 to 2, found 99"),
        "{error}"
    );
    for json in ["", "[1]", "{}", "{\"schema\": 1}", "{\"schema\": \"1\"}"] {
        let error = refused(json);
        assert!(error.starts_with("r.json: expected a report"), "{error}");
    }
}

#[test]
fn nan_and_infinity_are_refused_by_field() {
    type Spoil = fn(&mut Report);
    let checks: [(&str, Spoil); 4] = [
        ("layers[1].spread", |r| r.layers[1].spread = f64::NAN),
        ("mir", |r| r.mir = Some(f64::INFINITY)),
        ("metrics[1].by_pair[2]", |r| {
            r.metrics[1].by_pair = vec![0.5, -0.5, f64::NAN];
        }),
        ("timings[0].seconds", |r| {
            r.timings[0].seconds = f64::NEG_INFINITY
        }),
    ];
    for (expected, spoil) in checks {
        let mut report = report();
        spoil(&mut report);
        match report.check_finite() {
            Err(ReportError::NotFinite { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert!(report().check_finite().is_ok());
}

#[test]
fn csv_has_a_line_per_layer_and_exact_numbers() {
    let mut report = report();
    report.layers[0].frechet = 0.1 + 0.2;
    report.layers[1].state = "hidden_states[2], \"after\"".to_owned();
    let text = csv(&report);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("layer,state,frechet,location,spread,shape,"));
    let cells: Vec<&str> = lines[1].split(',').collect();
    assert_eq!(cells.len(), lines[0].split(',').count());
    assert_eq!(cells[2].parse::<f64>().unwrap(), 0.1 + 0.2);
    assert!(
        lines[2].starts_with("2,\"hidden_states[2], \"\"after\"\"\",10,"),
        "{}",
        lines[2]
    );
}

#[test]
fn svg_is_well_formed_and_shows_every_layer() {
    let image = svg(&report());
    check_tags(&image);
    assert!(image.contains("Modality Integration Rate 3.004 (exact)"));
    // A distance and a ratio of norms a layer.
    assert_eq!(image.matches("<circle").count(), 6);
    // Three parts a layer, three keys, one background, and a tip a layer in three charts.
    assert_eq!(image.matches("<rect").count(), 22);
    assert_eq!(image.matches("Fréchet distance 1000").count(), 1);
    assert!(image.contains("tiny &lt;llava&gt;"));
    assert!(image.contains("Definition exact, text mask official, seed 7; llvmpipe (vulkan)"));
    assert!(!image.contains("NaN"));
}

#[test]
fn svg_leaves_out_what_a_logarithm_cannot_show() {
    let mut negative = undefined();
    let image = svg(&negative);
    check_tags(&image);
    assert!(image.contains("undefined (official-fast)"));
    // The upper ends of the brackets are positive.
    assert!(image.contains(">Fréchet distance (log)</text>"));
    for layer in &mut negative.layers {
        layer.frechet_upper = None;
    }
    let image = svg(&negative);
    check_tags(&image);
    assert!(image.contains("no layer has a positive distance"));
    let mut single = report();
    single.layers.truncate(1);
    let image = svg(&single);
    check_tags(&image);
    assert!(!image.contains("NaN") && !image.contains("inf"), "{image}");
    single.layers.clear();
    check_tags(&svg(&single));
}

#[test]
fn html_holds_the_report_and_nothing_from_elsewhere() {
    let mut report = report();
    report
        .notes
        .push("</script><img src=x onerror=alert(1)>".to_owned());
    let page = html(&report).unwrap();
    assert!(!page.contains("<img"), "{page}");
    assert_eq!(page.matches("</script>").count(), 1);
    let json = page
        .split_once("id=\"report\">")
        .and_then(|(_, rest)| rest.split_once("</script>"))
        .unwrap()
        .0;
    assert_eq!(parse(json, "page").unwrap(), report);
    // The only address is the name of the SVG language.
    let language = page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count();
    assert!(language > 1);
    assert_eq!(page.matches("http").count(), language);
}

/// Every opened tag is closed, in order.
fn check_tags(text: &str) {
    let mut open = Vec::new();
    for tag in text.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a closed tag");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
