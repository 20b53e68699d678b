//! How the score goes with every quantity: over made-up numbers, in every form.

use mirscope::{
    figures::{Look, Palette, StudyPlot, score_quantities, study_figures, svg_of},
    report::to_json,
    study::{
        Certainty, MeasuredQuantity, Metric, Over, StudyResults, StudySettings, correlations_csv,
        results_json, sentences, study_csv, study_markdown, study_text,
    },
};

use crate::made_up_study::{NEW_QUANTITY, measured, results, study};

/// Settings with these scores and a quantity of these values, all else as made up.
fn ten(scores: &[f64; 10], values: &[f64; 10]) -> StudyResults {
    let (mut study, mut measured) = (study(), measured());
    study.claims.clear();
    study.axes.clear();
    study.variants.retain(|it| it.replicate_of.is_none());
    study.variants.truncate(10);
    study.base.clone_from(&study.variants[0].name);
    study.control = None;
    let pairs = study.variants.iter_mut().zip(scores.iter().zip(values));
    for (variant, (score, value)) in pairs {
        variant.scores.choice.as_mut().unwrap().value = *score;
        measured.get_mut(&variant.name).unwrap().quantities = vec![MeasuredQuantity {
            id: "linear-cka".to_owned(),
            label: "linear CKA".to_owned(),
            value: Some(*value),
            interval: None,
        }];
    }
    measured.retain(|name, _| study.variants.iter().any(|it| it.name == *name));
    StudyResults::new(study, StudySettings::default(), measured)
}

/// Expected values of scipy.stats.spearmanr and kendalltau, with ties.
#[test]
fn correlations_with_the_score_are_those_of_another_program() {
    let scores = [0.31, 0.36, 0.45, 0.55, 0.64, 0.71, 0.78, 0.74, 0.50, 0.62];
    let values = [2.0, -1.0, 0.5, 0.5, 3.25, 1.0, 7.0, 4.0, -2.0, 0.5];
    let results = ten(&scores, &values);
    let rows = results.with_score(&Over::All);
    let [found] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(
        (found.id, found.label, found.rank.n),
        ("linear-cka", "linear CKA", 10)
    );
    assert!((found.rank.rho.unwrap() - 0.656_491_137_479_638_2).abs() < 1e-12);
    let kendall = found.kendall.unwrap();
    assert!((kendall.tau.unwrap() - 0.552_052_447_473_883).abs() < 1e-12);
    for certainty in [found.rank.certainty, kendall.certainty] {
        let Certainty::Bootstrap { low, high } = certainty else {
            panic!("{certainty:?}");
        };
        assert!(low < 0.5 && high > 0.6 && high <= 1.0, "{low} {high}");
    }
    // The other way round, and of no value at all.
    let falling = ten(&scores, &values.map(|value| -value));
    let rho = falling.with_score(&Over::All)[0].rank.rho.unwrap();
    assert!((rho + 0.656_491_137_479_638_2).abs() < 1e-12);
    let flat = ten(&scores, &[1.0; 10]);
    assert_eq!(flat.with_score(&Over::All)[0].rank.rho, None);
}

#[test]
fn the_strongest_comes_first_with_its_direction_and_its_count() {
    let results = results();
    let rows = results.with_score(&Over::Comparable);
    let ids: Vec<&str> = rows.iter().map(|it| it.id).collect();
    assert_eq!(ids, ["linear-cka", "mir", "brand-new"]);
    assert_eq!(rows[0].rank.rho, Some(1.0));
    assert_eq!(rows[0].rank.n, results.comparable().len());
    let directions = rows.iter().map(|it| it.direction());
    assert_eq!(
        directions.collect::<Vec<_>>(),
        [
            "score rises with it",
            "score falls as it rises",
            "no order beyond chance"
        ]
    );
    let mir = results.correlation(&Over::Comparable, &Metric::Mir, &Metric::Choice);
    assert_eq!(rows[1].rank, mir.unwrap().rank);
    let told = sentences(&results).join("\n");
    let words = "Of 3 measured quantities over these settings the score goes most with linear CKA, unbiased: \
                 Spearman's rho = 1.00";
    assert!(
        told.contains(words) && told.contains("MIR comes at place 2"),
        "{told}"
    );
}

/// What a later version measures shows everywhere without being known anywhere.
#[test]
fn a_quantity_that_nobody_knows_is_in_every_form() {
    let results = results();
    let text = study_text(&results, Default::default());
    let page = study_markdown(&results, &[]);
    let plot = StudyPlot {
        results: &results,
        axis: None,
        selected: None,
    };
    let figure = score_quantities(&plot, &Look::new(Palette::DARK, [700.0, 300.0]));
    for form in [&text, &page, &svg_of(&figure), &figure.summary] {
        assert!(form.contains(NEW_QUANTITY), "{form}");
    }
    assert!(page.contains("## What the score goes with"), "{page}");
    let noise = results.noise_of(&Metric::Quantity("brand-new".to_owned()));
    assert!(noise.is_none_or(|noise| noise.deviation >= 0.0));
    let names: Vec<String> = study_figures(&results, Palette::LIGHT)
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert!(names.contains(&"quantities".to_owned()), "{names:?}");
    let csv = study_csv(&results);
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    for field in [
        "quantity_brand_new",
        "quantity_brand_new_low",
        "quantity_linear_cka",
    ] {
        assert!(header.contains(&field), "{header:?}");
    }
    assert!(!header.contains(&"quantity_linear_cka_low"), "{header:?}");
    let table = correlations_csv(&results);
    let cells = |line: &str| line.split(',').count();
    let columns = cells(table.lines().next().unwrap());
    assert!(table.lines().all(|line| cells(line) == columns), "{table}");
    let row = "comparable,quantity_linear-cka,choice,";
    assert!(table.lines().any(|line| line.starts_with(row)), "{table}");
    assert_eq!(table.lines().count(), 1 + results.correlations.len());
    let json = results_json(&results).unwrap();
    assert_eq!(StudyResults::parse(&json, "results.json").unwrap(), results);
    let line = json
        .lines()
        .find(|line| line.contains(NEW_QUANTITY))
        .unwrap();
    let line = line.trim().trim_end_matches(',');
    assert!(
        line.starts_with("{\"id\": \"brand-new\", \"label\": ") && line.ends_with("]}"),
        "{line}"
    );
    let entry: MeasuredQuantity = serde_json::from_str(line).unwrap();
    assert_eq!(entry.label, NEW_QUANTITY);
    let indented = to_json(&results).unwrap();
    assert!(
        json.len() < indented.len() * 4 / 5,
        "{} of {}",
        json.len(),
        indented.len()
    );
    let same: serde_json::Value = serde_json::from_str(&indented).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap(),
        same
    );
}

#[test]
fn what_cannot_be_is_refused_by_its_field() {
    let mut results = results();
    let quantity = &mut results.measured.get_mut("base").unwrap().quantities[0];
    quantity.interval = Some([0.9, 0.1]);
    let json = to_json(&results).unwrap();
    let error = StudyResults::parse(&json, "results.json")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("measured.base.quantities[0].interval") && error.contains("0.9 down to 0.1"),
        "{error}"
    );
    let quantity = &mut results.measured.get_mut("base").unwrap().quantities[1];
    quantity.value = Some(f64::NAN);
    let error = results.check_finite().unwrap_err().to_string();
    assert!(
        error.contains("measured.base.quantities[1].value"),
        "{error}"
    );
}

/// Results of versions that measured the rate alone.
#[test]
fn older_results_open_and_show_no_quantities() {
    let older: serde_json::Value = {
        let mut value = serde_json::to_value(results()).unwrap();
        value["settings"].as_object_mut().unwrap().remove("metrics");
        for measured in value["measured"].as_object_mut().unwrap().values_mut() {
            measured.as_object_mut().unwrap().remove("quantities");
        }
        for key in ["correlations", "noise"] {
            let list = value[key].as_array_mut().unwrap();
            list.retain(|it| !it.to_string().contains("quantity_"));
            for it in list {
                it.as_object_mut().unwrap().remove("kendall");
            }
        }
        value
    };
    let results = StudyResults::parse(&older.to_string(), "results.json").unwrap();
    assert!(results.quantities().is_empty() && results.with_score(&Over::All).is_empty());
    let page = study_markdown(&results, &[]);
    assert!(!page.contains("What the score goes with"), "{page}");
    let names = study_figures(&results, Palette::LIGHT)
        .into_iter()
        .map(|it| it.name);
    assert!(names.into_iter().all(|name| name != "quantities"));
    assert_eq!(serde_json::to_value(&results).unwrap(), older);
}
