//! A made-up study: correlations, sentences, forms and figures.

use mirscope::{
    figures::{
        Look, Palette, Scale, StudyPlot, Target, axis_curves, mir_score, settings_plot,
        study_figures, svg_of,
    },
    report::to_json,
    study::{
        Metric, Outcome, Over, StudyResults, StudySettings, VERDICT_RULE, sentences, study_csv,
        study_markdown, study_text,
    },
};

use crate::made_up_study::{measured, results, study};

#[test]
fn a_second_run_of_pretraining_is_told_beside_the_first() {
    let (mut study, mut measured) = (study(), measured());
    let axis = study.pretraining().unwrap().name.clone();
    let firsts: Vec<_> = study
        .settings(study.axis(&axis).unwrap())
        .cloned()
        .collect();
    for (index, first) in firsts.iter().enumerate() {
        let mut again = first.clone();
        again.name += "-seed2";
        again.seed = 2;
        again.replicate_of = Some(first.name.clone());
        let mut found = measured[&first.name].clone();
        // The other way round: MIR rises with the score.
        found.mir = Some(index as f64);
        measured.insert(again.name.clone(), found);
        let axis = study.axes.iter_mut().find(|it| it.name == axis).unwrap();
        axis.variants.push(again.name.clone());
        study.variants.push(again);
    }
    let results = StudyResults::new(study, StudySettings::default(), measured);
    let told = sentences(&results).join("\n");
    let words = "Along pre-training a lower MIR nearly always comes with a higher score: Spearman's \
                 rho = \u{2212}1.00 (n = 7, p = 4e-4 over all orders); from seed 2: rho = 1.00 (n = 7, p = 4e-4 over \
                 all orders).";
    assert!(told.contains(words), "{told}");
    let words = "Along one training MIR goes from 1.710 (untrained) to 0.800 (32000 pairs)";
    assert!(told.contains(words), "{told}");
    let words = "From seed 2 it goes from 0.000 (untrained) to 6.000 (32000 pairs).";
    assert!(told.contains(words), "{told}");
}

#[test]
fn correlations_are_over_settings_not_over_runs() {
    let results = results();
    let over = |axis: Option<&str>| {
        let axis = axis.and_then(|name| results.study.axis(name));
        let found = results
            .correlation(&Over::axis(axis), &Metric::Mir, &Metric::Choice)
            .unwrap();
        (found.rank.n, found.rank.rho.unwrap())
    };
    assert_eq!(over(Some("samples")), (7, -1.0));
    let (all, rho) = over(None);
    assert_eq!(all, results.study.first_seeds().count());
    assert!((-1.0..0.0).contains(&rho));
    let texts = results
        .correlation(
            &Over::axis(results.study.axis("texts")),
            &Metric::Mir,
            &Metric::Choice,
        )
        .unwrap();
    assert_eq!(texts.rank.n, 5, "the second seed is no setting");
}

#[test]
fn settings_are_compared_at_equal_numbers_of_tokens_and_a_run_counts_once() {
    let mut measured = measured();
    measured.get_mut("linear").unwrap().n_vision = 17;
    let results = StudyResults::new(study(), StudySettings::default(), measured);
    let comparable = results.comparable();
    let has = |name: &str| comparable.iter().any(|it| it.name == name);
    assert!(has("base") && has("samples-32000") && has("moca"));
    assert!(!has("linear") && !has("samples-8000") && !has("base-seed2"));
    let found = results.correlation(&Over::Comparable, &Metric::Mir, &Metric::Choice);
    assert_eq!(found.unwrap().rank.n, comparable.len());
    let told = sentences(&results).join("\n");
    assert!(
        told.contains("MIR is biased upward where there are few tokens"),
        "{told}"
    );
}

#[test]
fn sentences_say_what_the_numbers_do() {
    let told = sentences(&results()).join("\n");
    for words in [
        "The base answers 74.0 % of the held-out questions, 43.0 points above chance (31.0 %)",
        "it looks at the image",
        "Along one training MIR goes from 1.710 (untrained) to 0.800 (32000 pairs)",
        "MIR is no measure of progress within one training",
        "shows in MIR and in the score",
        "\u{201c}whole decoder\u{201d} has both the lowest MIR",
        "With 2 examples before the question 6 of 6 results are above chance (31.0 %); the best, \u{201c}base\u{201d} with 2, answers 44.0 %",
        "Of 8 claims of the papers: 4 held here, 2 did not hold here, 1 within noise, 1 not measured.",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
}

#[test]
fn json_comes_back_and_other_layouts_do_not() {
    let results = results();
    let json = to_json(&results).unwrap();
    assert_eq!(StudyResults::parse(&json, "results.json").unwrap(), results);
    let newer = json.replacen("\"schema\": 1", "\"schema\": 2", 1);
    let error = StudyResults::parse(&newer, "results.json")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("results.json: expected results of a study with `schema` 1, found 2"),
        "{error}"
    );
    let mut infinite = results;
    infinite.measured.get_mut("base").unwrap().layers[2].spread = f64::INFINITY;
    let error = infinite.check_finite().unwrap_err().to_string();
    assert!(error.contains("measured.base.layers[2].spread"), "{error}");
}

#[test]
fn the_csv_has_a_cell_for_every_field() {
    let results = results();
    let csv = study_csv(&results);
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert!(header.contains(&"choice_low") && header.contains(&"few_shot_2"));
    assert!(header.contains(&"frechet_6") && !header.contains(&"frechet_7"));
    let rows: Vec<&str> = lines.collect();
    assert_eq!(rows.len(), results.study.variants.len());
    // No made-up cell of this variant needs quotes.
    let row: Vec<&str> = rows[3].split(',').collect();
    assert_eq!(row.len(), header.len());
    let at = |name: &str| row[header.iter().position(|field| *field == name).unwrap()];
    assert_eq!(
        (at("name"), at("mir"), at("choice")),
        ("samples-0", "1.71", "0.31")
    );
}

#[test]
fn the_page_has_every_setting_claim_and_figure() {
    let results = results();
    let page = study_markdown(
        &results,
        &[("figures/mir-score.svg".to_owned(), "All".to_owned())],
    );
    assert!(page.contains(VERDICT_RULE) && page.contains("![All](figures/mir-score.svg)"));
    for axis in &results.study.axes {
        assert!(
            page.contains(&format!("## {}\n", axis.title)),
            "{}",
            axis.title
        );
    }
    for words in [
        "**held here**",
        "**did not hold here**",
        "**within noise**",
        "**not measured**",
    ] {
        assert!(page.contains(words), "{words}");
    }
    for line in page.lines().filter(|line| line.starts_with('|')) {
        assert!(
            line.ends_with('|') && line.matches(" | ").count() >= 3,
            "{line}"
        );
    }
    let text = study_text(&results, Default::default());
    assert!(text.contains("unfrozen-all") && text.contains("Mismatched texts raise MIR"));
}

#[test]
fn figures_are_there_for_every_axis_and_can_be_pointed_at() {
    let results = results();
    let figures = study_figures(&results, Palette::LIGHT);
    assert_eq!(figures.len(), 2 + 3 * results.study.axes.len());
    if let Ok(folder) = std::env::var("LOOK") {
        for made in study_figures(&results, Palette::DARK)
            .iter()
            .chain(&figures)
        {
            let dark = if made.figure.background == Palette::DARK.card {
                "-dark"
            } else {
                ""
            };
            let path = format!("{folder}/{}{dark}.svg", made.name);
            std::fs::write(path, svg_of(&made.figure)).unwrap();
        }
    }
    for made in &figures {
        let svg = svg_of(&made.figure);
        assert!(
            svg.contains("made-up adapter") && !svg.contains("NaN"),
            "{}",
            made.name
        );
    }
    let axis = results.study.axis("learning_rate");
    let plot = StudyPlot {
        results: &results,
        axis,
        selected: results.study.position("lr-6e-4"),
    };
    let look = Look::new(Palette::DARK, [640.0, 420.0]);
    let scatter = mir_score(&plot, &look);
    assert_eq!(scatter.spots.len(), results.study.variants.len());
    let selected = scatter.selected.unwrap();
    let spot = scatter
        .spots
        .iter()
        .find(|spot| spot.target == selected)
        .unwrap();
    assert!(spot.tip.starts_with("6e-4\nMIR 0.800"), "{}", spot.tip);
    let settings = settings_plot(&plot, &look);
    let first = results.study.position("lr-2e-4").map(Target::Variant);
    assert_eq!(settings.spots.first().map(|spot| spot.target), first);
    assert!(
        (settings.size[1] - look.size[1]).abs() < 1.0,
        "{:?}",
        settings.size
    );
    let curves = axis_curves(&plot, Scale::Log, Some(2), &look);
    assert_eq!(curves.spots.len(), 6);
    assert_eq!(curves.selected, Some(Target::Layer(2)));
}

#[test]
fn nothing_measured_is_said_in_the_figures() {
    let empty = StudyResults::new(study(), StudySettings::default(), Default::default());
    for made in study_figures(&empty, Palette::LIGHT) {
        let says = made.figure.summary.contains("no setting")
            || made.figure.summary.contains("was measured");
        assert!(
            says || made.name.starts_with("settings"),
            "{}: {}",
            made.name,
            made.figure.summary
        );
    }
    let verdict = empty.verdict("samples-mir").unwrap();
    assert_eq!(verdict.outcome, Outcome::NotMeasured);
}
