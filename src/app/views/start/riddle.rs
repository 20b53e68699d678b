//! A picture, a question, and two models without names: which of them learned from captions that fit?

mod answers;

use eframe::egui::{
    self, Color32, Key, RichText, Role, Sense, Stroke, StrokeKind, WidgetInfo, vec2,
};

use super::{CLOUDS, STAKE};
use crate::{
    app::{
        figure,
        landmark::{Landmark, mark},
        letters, picture,
        store::Store,
        theme::{self, colors},
    },
    figures::{self, Clouds, Duelist, Limits, clouds, duel, side_color},
    study::Riddle,
};

/// What the two models are called.
const LETTERS: [&str; 2] = ["A", "B"];
/// What each is, by its side.
const LEARNED: [&str; 2] = ["captions that fit", "shuffled captions"];
/// From this width on the picture stands beside the question, and the models beside each other.
const WIDE: f32 = 640.0;
/// Side of the picture.
const SIDE: f32 = 190.0;

/// Draws the part.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store) {
    let Some((number, riddle)) = store
        .riddle()
        .map(|(number, riddle)| (number, riddle.clone()))
    else {
        ui.label("There is no riddle in this copy of mirscope.");
        return;
    };
    keys(ui, store);
    let wide = ui.available_width() >= WIDE;
    theme::card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 6.0;
        ui.add(egui::Label::new(RichText::new(STAKE).heading().strong()).wrap());
        if wide {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 18.0;
                image(ui, store, number, &riddle, letters::grown(ui, SIDE));
                ui.vertical(|ui| asked(ui, store, &riddle));
            });
        } else {
            ui.vertical_centered(|ui| image(ui, store, number, &riddle, 0.8 * SIDE));
            asked(ui, store, &riddle);
        }
        mark(ui, Landmark::Riddle, ui.min_rect());
    });
    if wide {
        ui.columns(2, |columns| {
            for (letter, column) in columns.iter_mut().enumerate() {
                model(column, store, &riddle, letter);
            }
        });
    } else {
        for letter in 0..2 {
            model(ui, store, &riddle, letter);
        }
    }
}

/// Takes the keys A and B as guesses and N for another picture, where nothing is being typed.
fn keys(ui: &egui::Ui, store: &mut Store) {
    if ui.ctx().text_edit_focused() || store.tour.is_on() {
        return;
    }
    let pressed = |key: Key| ui.input(|input| input.key_pressed(key) && input.modifiers.is_none());
    for (letter, key) in [Key::A, Key::B].into_iter().enumerate() {
        if pressed(key) {
            store.guess(letter);
        }
    }
    if pressed(Key::N) {
        store.next_riddle();
    }
}

/// The picture with its question's place in words for those who hear it.
fn image(ui: &mut egui::Ui, store: &Store, number: usize, riddle: &Riddle, side: f32) {
    let Some(shown) = store.riddles.picture(number) else {
        return;
    };
    let texture = picture::of_riddle(ui.ctx(), number, shown);
    let size = vec2(side, side * shown.height as f32 / shown.width.max(1) as f32);
    let (frame, response) = ui.allocate_exact_size(size, Sense::hover());
    let label = format!("The picture. {}", riddle.caption);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
    picture::paint(ui.painter(), &texture, frame);
    let line = Stroke::new(1.0, colors(ui).line);
    ui.painter()
        .rect_stroke(frame, 0.0, line, StrokeKind::Outside);
}

/// The question, the two numbers, and the guess or what came of it.
fn asked(ui: &mut egui::Ui, store: &mut Store, riddle: &Riddle) {
    ui.spacing_mut().item_spacing.y = 6.0;
    ui.add(
        egui::Label::new(
            RichText::new(&riddle.question)
                .size(letters::grown(ui, 19.0))
                .strong(),
        )
        .wrap(),
    );
    let guessed = store.guessed();
    let words = match guessed {
        None => {
            "Two models have answered. Their connectors were trained for the same number of steps on the same pictures: \
             one with the captions that fit, the other with shuffled captions. Which one is which? Guess, and see their \
             answers."
        }
        Some(true) => {
            "Right. Its vision tokens lie nearer to the words, and it answers more questions correctly. The two need not \
             go together: see One training, step by step."
        }
        Some(false) => {
            "It is the other one. Lower means nearer to the words: that model learned from captions that fit. Nearer \
             need not mean more right answers: see One training, step by step."
        }
    };
    ui.add(egui::Label::new(words).wrap());
    numbers(ui, store, riddle);
    match guessed {
        None => guesses(ui, store),
        Some(_) => answers::further(ui, store, riddle),
    }
}

/// Both numbers on one ruler.
fn numbers(ui: &mut egui::Ui, store: &Store, riddle: &Riddle) {
    let look = figure::look(ui, [ui.available_width(), 0.0]);
    let solved = store.guessed().is_some();
    let names = [0, 1].map(|letter| name(riddle, letter, solved));
    let models = [0, 1].map(|letter| {
        let side = riddle.side(letter);
        let model = store.riddles.model(riddle, side);
        let band = store.contrast.as_ref().filter(|_| solved);
        Duelist {
            name: &names[letter],
            mir: model.map_or(f64::NAN, |(mir, ..)| mir),
            color: color(&look, riddle, letter, solved),
            band: band.map(|contrast| contrast.band(contrast.sides()[side])),
        }
    });
    figure::show(ui, &duel(models, &look));
    let marks = match solved {
        true => "Disc: a model's MIR. Band: seed noise, where 19 of 20 further seeds are expected.",
        false => {
            "Disc: a model's Modality Integration Rate (MIR), how far its pictures lie from the words."
        }
    };
    theme::faint(ui, marks);
}

/// What a model is called: a letter, and once the riddle is solved what it learned from.
fn name(riddle: &Riddle, letter: usize, solved: bool) -> String {
    match solved {
        true => format!("{}: {}", LETTERS[letter], LEARNED[riddle.side(letter)]),
        false => LETTERS[letter].to_owned(),
    }
}

/// A model's color: that of its side only where that is told.
fn color(look: &figures::Look, riddle: &Riddle, letter: usize, solved: bool) -> figures::Color {
    match solved {
        true => side_color(look, riddle.side(letter)),
        false => look.palette.runs[2 + letter],
    }
}

/// The two buttons, and the way past them.
fn guesses(ui: &mut egui::Ui, store: &mut Store) {
    let mut guess = None;
    ui.horizontal_wrapped(|ui| {
        for (letter, name) in LETTERS.into_iter().enumerate() {
            let words = format!("{name} learned from captions that fit");
            let button = ui.add(theme::primary(ui, &words));
            if button.on_hover_text(format!("Key {name}")).clicked() {
                guess = Some(letter);
            }
        }
        if ui.button("Skip the riddle").clicked() {
            store.leave_riddle();
        }
        theme::faint(ui, "Keys: A and B guess, N takes another picture.");
    });
    if let Some(letter) = guess {
        store.guess(letter);
    }
}

/// A model's two clouds, and what it answers once that is told.
fn model(ui: &mut egui::Ui, store: &Store, riddle: &Riddle, letter: usize) {
    let side = riddle.side(letter);
    let solved = store.guessed().is_some();
    theme::left_aligned_card(ui, |ui| {
        let Some((mir, share, projection)) = store.riddles.model(riddle, side) else {
            ui.label("This model was not recorded.");
            return;
        };
        ui.horizontal_wrapped(|ui| {
            let color = color(&figure::look(ui, [0.0; 2]), riddle, letter, solved);
            theme::dot(ui, Color32::from_rgb(color.red, color.green, color.blue));
            ui.label(RichText::new(name(riddle, letter, solved)).strong());
            ui.label(format!("MIR {mir:.3}"));
        });
        if solved {
            answers::of_model(ui, store, riddle, (side, share));
        }
        let other = store.riddles.model(riddle, 1 - side);
        let both = || (other.map(|(.., other)| other).into_iter()).chain([projection]);
        let chart = Clouds {
            projection,
            limits: Limits::of(both()),
            hovered: None,
            pair: Some(riddle.pair as usize),
        };
        let width = ui.available_width();
        // What stands above and below takes about 560 points: before the guess the clouds are on the first screen.
        let tallest = letters::height_beside(ui, 560.0, 195.0);
        let look = figure::look(ui, [width, (0.8 * width).min(tallest)]);
        figure::show(ui, &clouds(&chart, &look));
        let dots =
            "Strong dots: this picture and its caption. The other dots: all pictures and captions.";
        super::about_clouds(ui, &format!("{dots} {CLOUDS}"), both());
    });
}
