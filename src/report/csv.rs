//! The layers of a report as comma-separated values.

use super::Report;

const HEADER: &str = "layer,state,frechet,location,spread,shape,frechet_upper,frechet_norm_matched,\
                      n_vision,n_text,mean_norm_vision,mean_norm_text,outliers_vision,outliers_text";

/// The layers, one a line under a line of field names (RFC 4180, with `\n` line ends).
///
/// Numbers are written so that reading them gives the same bits; what is absent is empty. The
/// settings are not in it: keep the JSON report beside it.
pub fn csv(report: &Report) -> String {
    let mut text = format!("{HEADER}\n");
    for layer in &report.layers {
        let upper = layer.frechet_upper.map_or(String::new(), |v| v.to_string());
        let cells = [
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
        ];
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
