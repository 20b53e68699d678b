//! A report as a page of its own.

use super::{escape, svg};
use crate::report::{Report, ReportError, TextStyle, table, to_json};

/// Columns of the text, so that its long lines wrap.
const WIDTH: usize = 112;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
                     padding:0 1rem;color:#222;background:#fff}\
                     svg{max-width:100%;height:auto}\
                     pre{overflow-x:auto;font-size:13px;line-height:1.35}";

/// The report as one HTML file that needs nothing else: chart, table with settings, and the JSON
/// report itself in a `<script type="application/json" id="report">`.
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
         <body>\n<h1>Modality Integration Rate of {name}</h1>\n{chart}<pre>{text}</pre>\n\
         <p>Measured by mirscope {version}.</p>\n\
         <script type=\"application/json\" id=\"report\">{json}</script>\n</body>\n</html>\n",
        chart = svg(report),
        text = escape(&table(report, style)),
        version = escape(&report.mirscope_version),
    ))
}
