//! The layers of a report as comma-separated values.

use super::{Report, of_layers};

const HEADER: &str = "layer,state,frechet,location,spread,shape,frechet_upper,frechet_norm_matched,\
                      n_vision,n_text,mean_norm_vision,mean_norm_text,outliers_vision,outliers_text,\
                      near_limit_vision,near_limit_text";

/// The layers, one a line under a line of field names (RFC 4180, with `\n` line ends).
///
/// Numbers are written so that reading them gives the same bits; what is absent is empty. The
/// settings are not in it: keep the JSON report beside it.
pub fn csv(report: &Report) -> String {
    // Those that follow from the layers have columns already.
    let own = of_layers(report.definition, &[]);
    let others = (report.metrics.iter())
        .filter(|metric| own.iter().all(|known| known.id != metric.id))
        .collect::<Vec<_>>();
    let mut text = HEADER.to_owned();
    for metric in &others {
        text += ",";
        text += &quoted(&metric.id.replace('-', "_"));
    }
    text.push('\n');
    for layer in &report.layers {
        let near = |side: usize| {
            layer
                .near_limit
                .map_or(String::new(), |of| of[side].to_string())
        };
        let upper = layer.frechet_upper.map_or(String::new(), |v| v.to_string());
        let mut cells = vec![
            layer.layer.to_string(),
            quoted(&layer.state),
            layer.frechet.to_string(),
            layer.location.to_string(),
            layer.spread.to_string(),
            layer.shape.to_string(),
            upper,
            layer.frechet_norm_matched.to_string(),
            layer.n_vision.to_string(),
            layer.n_text.to_string(),
            layer.mean_norm_vision.to_string(),
            layer.mean_norm_text.to_string(),
            layer.outliers_vision.to_string(),
            layer.outliers_text.to_string(),
            near(0),
            near(1),
        ];
        for metric in &others {
            let value = metric.at(&layer.state);
            cells.push(value.map_or(String::new(), |value| value.to_string()));
        }
        text += &cells.join(",");
        text.push('\n');
    }
    text
}

/// `cell`, in quotes where it holds a comma, a quote or a line end.
pub(crate) fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
