//! What the distance of each layer is made of.

use super::{
    Area, Figure, Look,
    axis::Axis,
    sheet::{Key, Sheet},
};
use crate::report::{LayerReport, number::significant};

const NAMES: [&str; 3] = ["location", "spread", "shape"];

/// The shares of location, spread and shape in each layer's distance, one bar a layer.
///
/// Each column is a spot of its layer. A layer with a negative part, as the closed form of
/// `official-fast` may give, has no shares and is left blank.
pub fn parts(layers: &[LayerReport], selected: Option<usize>, look: &Look) -> Figure {
    let mut sheet = Sheet::new(look, "Location, spread and shape in each layer's distance");
    if layers.iter().all(|layer| shares(layer).is_none()) {
        sheet.instead("no layer's distance is made of three parts of which none is negative");
        return sheet.figure;
    }
    let font = look.font();
    let palette = look.palette;
    let keys = NAMES.into_iter().zip(palette.parts.map(Key::Block));
    let top = 0.8 * font + sheet.legend([2.2 * font, 0.2 * font], keys);
    let axis = Axis::linear([0.0, 100.0], [1.0, 0.0]);
    let (area, axis) = sheet.plot(top, axis, "share (%)");
    let numbers: Vec<usize> = layers.iter().map(|layer| layer.layer).collect();
    let columns = sheet.layer_axis(area, &numbers, selected);
    let half = 0.36 * columns.width();
    for (index, layer) in layers.iter().enumerate() {
        let middle = columns.middle(index);
        let mut tip = format!("Layer {}", layer.layer);
        let mut sum = 0.0;
        let parts = [layer.location, layer.spread, layer.shape];
        match shares(layer) {
            Some(shares) => {
                for (part, share) in shares.into_iter().enumerate() {
                    let [low, high] = [sum, sum + share].map(|share| axis.at(100.0 * share));
                    let bar = Area::between([middle - half, middle + half], [high, low]);
                    sheet.bar(bar, palette.parts[part]);
                    sum += share;
                    tip += &format!(
                        "\n{} {} ({:.0} %)",
                        NAMES[part],
                        significant(parts[part]),
                        100.0 * share
                    );
                }
            }
            None => tip += "\nno shares: a part is negative",
        }
        sheet.layer_spot(&columns, index, layer.layer, tip);
    }
    sheet.figure.summary = summary(layers);
    sheet.figure
}

/// The parts over their sum; none where that would mislead.
fn shares(layer: &LayerReport) -> Option<[f64; 3]> {
    let parts = [layer.location, layer.spread, layer.shape];
    let total: f64 = parts.iter().sum();
    let honest = total > 0.0 && total.is_finite() && parts.iter().all(|part| *part >= 0.0);
    honest.then(|| parts.map(|part| part / total))
}

fn summary(layers: &[LayerReport]) -> String {
    let shares: Vec<[f64; 3]> = layers.iter().filter_map(shares).collect();
    let mean = |part: usize| {
        let sum: f64 = shares.iter().map(|shares| shares[part]).sum();
        100.0 * sum / shares.len().max(1) as f64
    };
    format!(
        "Shares in the distance, mean over the layers: location {:.0} %, spread {:.0} %, shape {:.0} %.",
        mean(0),
        mean(1),
        mean(2)
    )
}
