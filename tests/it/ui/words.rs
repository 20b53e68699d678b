//! Words of the field are explained where they stand.

use eframe::egui::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use mirscope::{
    app::{App, glossary::Term, store::View},
    study::{Protocol, Topic},
};

use super::support::opened;

/// A view, what to unfold in it, and words that stand there.
const PLACES: [(&str, Option<&str>, &[&str]); 5] = [
    (
        "#tab=study",
        None,
        &[
            "Q-Former",
            "LoRA",
            "C-Abstractor",
            "learning rate",
            "few-shot",
            "frozen",
        ],
    ),
    (
        "#tab=study",
        Some("How a verdict is reached"),
        &["rank correlation", "Student's t"],
    ),
    (
        "#tab=study&study_shows=settings",
        Some("The correlations as numbers"),
        &[
            "Spearman",
            "Kendall",
            "bootstrap",
            "resampled",
            "p-value",
            "Spearman's rho",
        ],
    ),
    (
        "#tab=study&study_shows=real-parts",
        None,
        &["Spearman's rho"],
    ),
    ("#tab=alignment", None, &["PC 1, PC 2"]),
];

fn at(link: &str, unfold: Option<&str>) -> Harness<'static, App> {
    let (mut harness, _link) = opened([1280.0, 12_000.0]);
    harness.state_mut().store.restore(View::from_link(link));
    harness.run_steps(6);
    if let Some(title) = unfold {
        harness.get_by_label(title).click();
        harness.run_steps(6);
    }
    harness
}

#[test]
fn words_of_the_field_are_explained_where_they_stand() {
    let mut without = Vec::new();
    for (link, unfold, words) in PLACES {
        let harness = at(link, unfold);
        for word in words {
            let mut nodes = harness.query_all_by_label(word);
            let told = nodes.any(|node| {
                let node = node.accesskit_node();
                let description = node.data().description().unwrap_or_default();
                node.role() == Role::Term && description.len() > 20
            });
            if !told {
                without.push(format!("{word} in {link}"));
            }
        }
    }
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn what_is_marked_in_the_cards_is_a_term() {
    let topics = Topic::ALL
        .iter()
        .flat_map(|topic| [topic.says, topic.tried]);
    let all = topics.chain(Protocol::ALL.map(Protocol::words));
    for part in all.flat_map(|text| text.split('{').skip(1)) {
        let name = part.split('}').next().unwrap_or_default();
        assert!(Term::find(name).is_some(), "{name}");
    }
}
