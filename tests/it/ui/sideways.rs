//! Tables that are wider than their place.

use eframe::egui::Rect;
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::app::{App, store::View};

use super::{scale::widgets, support::opened};

const RIGHT: &str = "More on the right";
const LEFT: &str = "More on the left";

/// Where a table is: the view, what to unfold, its first and its last title, and where its place ends at most, as a
/// share of a wide window.
struct Table {
    link: &'static str,
    unfold: Option<&'static str>,
    titles: [&'static str; 2],
    ends: f32,
}

const TABLES: [Table; 6] = [
    Table {
        link: "#tab=alignment",
        unfold: None,
        titles: ["quantity", "by decoder layer"],
        ends: 0.5,
    },
    Table {
        link: "#tab=compare",
        unfold: None,
        titles: ["run", "text mask"],
        ends: 0.5,
    },
    Table {
        link: "#tab=compare",
        unfold: None,
        titles: ["quantity", "by decoder layer"],
        ends: 1.0,
    },
    Table {
        link: "#tab=study&study_shows=settings&axis=connector",
        unfold: None,
        titles: ["setting", "norm-matched MIR"],
        ends: 1.0,
    },
    Table {
        link: "#tab=study&study_shows=settings&axis=connector",
        unfold: Some("The correlations as numbers"),
        titles: ["quantity", "direction"],
        ends: 1.0,
    },
    Table {
        link: "#tab=study&study_shows=real-parts",
        unfold: Some("Every connector"),
        titles: ["training", "with another picture"],
        ends: 1.0,
    },
];

/// The view of a table, scrolled to where that begins.
fn at(table: &Table, size: [f32; 2]) -> Harness<'static, App> {
    let (mut harness, _link) = opened(size);
    harness
        .state_mut()
        .store
        .restore(View::from_link(table.link));
    harness.run_steps(6);
    if let Some(title) = table.unfold {
        harness.get_by_label(title).scroll_to_me();
        harness.run_steps(8);
        harness.get_by_label(title).click();
        harness.run_steps(8);
    }
    let first = harness.query_all_by_label(table.titles[0]).next();
    first.expect(table.titles[0]).scroll_to_me();
    harness.run_steps(8);
    harness
}

/// Where a title is.
fn title(harness: &Harness<'_, App>, words: &str) -> Rect {
    harness
        .query_all_by_label(words)
        .next()
        .expect(words)
        .rect()
}

/// Where the widest cell of a column ends, by the column's title.
fn end_of_column(harness: &Harness<'_, App>, words: &str) -> f32 {
    let title = title(harness, words);
    let all = widgets(harness).into_iter().map(|(_, rect, _)| rect);
    let column = all.filter(|it| (it.left() - title.left()).abs() < 1.0 && it.top() >= title.top());
    column.map(|it| it.right()).fold(title.right(), f32::max)
}

/// The arrow at the table's side, if there is one.
fn arrow(harness: &Harness<'_, App>, table: &Table, label: &str, ends: f32) -> Option<Rect> {
    let first = title(harness, table.titles[0]);
    let mut arrows = harness.query_all_by_label(label).map(|node| node.rect());
    arrows.find(|it| it.bottom() > first.top() && it.right() < ends && it.right() > ends - 700.0)
}

#[test]
fn a_table_that_is_cut_says_so_and_one_that_fits_does_not() {
    let mut found = [0, 0];
    for size in [[1280.0, 720.0], [390.0, 844.0]] {
        for table in &TABLES {
            let mut harness = at(table, size);
            let ends = match size[0] > 1000.0 {
                true => table.ends * size[0],
                false => size[0],
            };
            let what = format!("{} of {} in {size:?}", table.titles[0], table.link);
            let last = end_of_column(&harness, table.titles[1]);
            // The card's margin.
            let cut = last > ends - 14.0;
            found[usize::from(cut)] += 1;
            let shown = arrow(&harness, table, RIGHT, ends);
            assert_eq!(shown.is_some(), cut, "{what}: {last}, {shown:?}");
            assert!(arrow(&harness, table, LEFT, ends).is_none(), "{what}");
            if !cut {
                continue;
            }
            // The arrow leads on until all of it was seen, and back is shown then.
            for _ in 0..12 {
                let Some(place) = arrow(&harness, table, RIGHT, ends) else {
                    break;
                };
                press(&mut harness, place);
            }
            assert!(arrow(&harness, table, RIGHT, ends).is_none(), "{what}");
            let last = end_of_column(&harness, table.titles[1]);
            assert!(last < ends, "{what}: {last}");
            let mut back = harness.query_all_by_label(LEFT);
            assert!(back.next().is_some(), "{what}");
        }
    }
    assert!(found[0] > 0 && found[1] > 0, "{found:?}");
}

fn press(harness: &mut Harness<'_, App>, place: Rect) {
    harness.hover_at(place.center());
    harness.step();
    harness.drag_at(place.center());
    harness.step();
    harness.drop_at(place.center());
    harness.run_steps(8);
}
