//! A report as a page of its own.

use super::{
    Look, Palette, Quantity, comparison_figure, escape, quantity_words, spark, svg, svg_of,
};
use crate::report::{
    MetricReport, Named, Report, ReportError, TextStyle, comparison_text, table, to_json,
};
use crate::words::counted;

/// Columns of the text, so that its long lines wrap.
const WIDTH: usize = 112;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
                     padding:0 1rem;color:#222;background:#fff}\
                     svg{max-width:100%;height:auto}\
                     pre,.wide{overflow-x:auto}\
                     pre{font-size:13px;line-height:1.35}\
                     table{border-collapse:collapse;font-size:14px}\
                     th,td{text-align:left;vertical-align:top;padding:.5rem 1rem .5rem 0;\
                     border-bottom:1px solid #dddfe6}\
                     td:first-child{min-width:16rem}\
                     td svg{max-width:none}\
                     td small{display:block;color:#5c6270;line-height:1.35}";

/// Width and height of a quantity's curve, in points.
const CURVE: [f32; 2] = [190.0, 44.0];

/// The report as one HTML file that needs nothing else: chart, the other quantities, table with settings, and
/// the JSON report itself in a `<script type="application/json" id="report">`.
///
/// # Errors
/// Those of [`to_json`].
pub fn html(report: &Report) -> Result<String, ReportError> {
    let name = escape(&report.model.name);
    // `</script>` or `<!--` inside a string would end or change the script element.
    let json = to_json(report)?.replace('<', "\\u003c");
    let style = TextStyle {
        width: Some(WIDTH),
        color: false,
    };
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Modality Integration Rate of {name}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<h1>Modality Integration Rate of {name}</h1>\n{chart}{quantities}<pre>{text}</pre>\n\
         <p>Measured by mirscope {version}.</p>\n\
         <script type=\"application/json\" id=\"report\">{json}</script>\n</body>\n</html>\n",
        chart = svg(report),
        quantities = quantities(report),
        text = escape(&table(report, style)),
        version = escape(&report.mirscope_version),
    ))
}

/// Several reports beside each other as one HTML file that needs nothing else: chart and table.
pub fn comparison_html(runs: &[Named<'_>]) -> String {
    let style = TextStyle {
        width: Some(WIDTH),
        color: false,
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Modality Integration Rate of {count}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<h1>Modality Integration Rate of {count}</h1>\n{chart}<pre>{text}</pre>\n</body>\n</html>\n",
        count = counted(runs.len(), "run"),
        chart = svg_of(&comparison_figure(runs, Palette::LIGHT)),
        text = escape(&comparison_text(runs, style)),
    )
}

/// The quantities beside the rates: what each is, its values and its curve; nothing where there are none.
fn quantities(report: &Report) -> String {
    let metrics: Vec<&MetricReport> = report.other_metrics().collect();
    if metrics.is_empty() {
        return String::new();
    }
    let with_interval = metrics.iter().any(|metric| metric.interval.is_some());
    let interval = if with_interval {
        "<th scope=\"col\">95 % interval</th>"
    } else {
        ""
    };
    let rows: String = (metrics.into_iter())
        .map(|metric| row(report, metric, with_interval))
        .collect();
    format!(
        "<h2>Other quantities</h2>\n<div class=\"wide\"><table>\n<thead><tr>\
         <th scope=\"col\">quantity</th><th scope=\"col\">overall</th>{interval}\
         <th scope=\"col\">by decoder layer</th><th scope=\"col\">computed of</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn row(report: &Report, metric: &MetricReport, with_interval: bool) -> String {
    let interval = match metric.interval {
        Some([low, high]) => format!(
            "<td>{} to {}</td>",
            quantity_words(Some(low)),
            quantity_words(Some(high))
        ),
        None if with_interval => "<td>-</td>".to_owned(),
        None => String::new(),
    };
    let look = Look::new(Palette::LIGHT, CURVE);
    let quantity = Quantity {
        report,
        metric,
        run: None,
    };
    let curve = spark(&[quantity], None, &look);
    format!(
        "<tr><td>{}<small>{}</small></td><td>{}</td>{interval}<td>{}</td><td>{}</td></tr>\n",
        escape(&metric.label),
        escape(&metric.about),
        quantity_words(metric.value),
        svg_of(&curve),
        escape(&metric.basis)
    )
}
