//! Numbers of a report that cannot be true together.
//!
//! A report is read where it is compared, published and drawn: one that was edited or damaged is refused
//! with the field that gives it away. Allowed is what rounding in f64 explains, and nothing more.

use std::fmt;

use super::{Definition, LayerReport, Moments, Outliers, Report, TextMask, basis_of_tokens};

/// A field, and what about it cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// Its path, for example `layers[2].frechet`.
    pub field: String,
    /// What it says and what the others say, as the rest of a sentence.
    pub reason: String,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` {}", self.field, self.reason)
    }
}

/// Rounding steps that any of these numbers may have gone through.
const STEPS: f64 = 16.0;

/// Relative error of sums over all dimensions, which [`Moments`] are.
const MOMENTS: f64 = 1e-9;

type Checked = Result<(), Contradiction>;

fn wrong(field: impl Into<String>, reason: impl Into<String>) -> Checked {
    Err(Contradiction {
        field: field.into(),
        reason: reason.into(),
    })
}

impl Report {
    /// The first number that another one contradicts, if there is one.
    pub fn contradiction(&self) -> Option<Contradiction> {
        self.check_numbers().err()
    }

    fn check_numbers(&self) -> Checked {
        let layers = &self.layers;
        if layers.is_empty() {
            return wrong("layers", "is empty: expected one entry per decoder layer");
        }
        let expected = self.model.num_hidden_layers;
        if layers.len() != expected {
            let found = layers.len();
            let reason = format!("has length {found}, but `model.num_hidden_layers` is {expected}");
            return wrong("layers", reason);
        }
        if self.model.hidden_size == 0 {
            return wrong("model.hidden_size", "is 0: no state has that width");
        }
        if self.definition.is_official() && self.outliers != Outliers::Replace {
            let reason = format!(
                "is {}, but {} replaces outliers",
                self.outliers, self.definition
            );
            return wrong("outliers", reason);
        }
        if self.definition.is_official() && self.text_mask != TextMask::Official {
            let reason = format!(
                "is {}, but `definition` {} counts everything after the image as text",
                self.text_mask, self.definition
            );
            return wrong("text_mask", reason);
        }
        for (index, layer) in layers.iter().enumerate() {
            let named = |error: Contradiction| Contradiction {
                field: format!("layers[{index}].{}", error.field),
                ..error
            };
            self.check_layer(index, layer).map_err(named)?;
        }
        let (vision, text) = self.tokens();
        let pairs = self.data.num_pairs;
        if pairs == 0 || pairs > vision.min(text) {
            let tokens = basis_of_tokens([vision, text]);
            let reason = format!("is {pairs}, but the layers have {tokens}");
            return wrong("data.num_pairs", reason);
        }
        for (index, timing) in self.timings.iter().enumerate() {
            if timing.seconds < 0.0 {
                let reason = format!("is negative: {}", timing.seconds);
                return wrong(format!("timings[{index}].seconds"), reason);
            }
        }
        check_rate("mir", self.mir, layers.iter().map(|layer| layer.frechet))?;
        self.check_metrics()?;
        let matched = layers.iter().map(|layer| layer.frechet_norm_matched);
        check_rate("norm_matched_mir", self.norm_matched_mir, matched)
    }

    fn check_metrics(&self) -> Checked {
        for (index, metric) in self.metrics.iter().enumerate() {
            let field = |name: &str| format!("metrics[{index}].{name}");
            if self.metrics[..index].iter().any(|it| it.id == metric.id) {
                let reason = format!("is `{}` a second time", metric.id);
                return wrong(field("id"), reason);
            }
            let (derivatives, pairs) = (metric.by_pair.len(), self.data.num_pairs);
            if derivatives != 0 && derivatives != pairs {
                let reason = format!("has {derivatives} values for {pairs} pairs");
                return wrong(field("by_pair"), reason);
            }
            let states = metric.per_state.iter().enumerate();
            let of_states =
                states.map(|(at, it)| (format!("per_state[{at}].interval"), it.interval));
            let overall = ("interval".to_owned(), metric.interval);
            for (name, interval) in std::iter::once(overall).chain(of_states) {
                if let Some([low, high]) = interval
                    && low > high
                {
                    let reason = format!("goes from {low} down to {high}");
                    return wrong(field(&name), reason);
                }
            }
            let close = match (metric.value, self.mir) {
                (Some(value), Some(mir)) => (value - mir).abs() <= slack(mir.abs().max(1.0)),
                (value, mir) => value == mir,
            };
            if metric.id == "mir" && !close {
                let say =
                    |value: Option<f64>| value.map_or("absent".to_owned(), |it| it.to_string());
                let reason = format!("is {}, but `mir` is {}", say(metric.value), say(self.mir));
                return wrong(field("value"), reason);
            }
        }
        Ok(())
    }

    fn check_layer(&self, index: usize, layer: &LayerReport) -> Checked {
        if layer.layer != index + 1 {
            let reason = format!("is {}, but it stands at place {}", layer.layer, index + 1);
            return wrong("layer", reason);
        }
        let first = &self.layers[0];
        for (field, tokens, in_first, outliers) in [
            (
                "n_vision",
                layer.n_vision,
                first.n_vision,
                ("outliers_vision", layer.outliers_vision),
            ),
            (
                "n_text",
                layer.n_text,
                first.n_text,
                ("outliers_text", layer.outliers_text),
            ),
        ] {
            if tokens == 0 {
                return wrong(field, "is 0: there is no distance without tokens");
            }
            if tokens != in_first {
                return wrong(
                    field,
                    format!("is {tokens}, but {in_first} in the first layer"),
                );
            }
            let side = usize::from(field == "n_text");
            if let Some(near) = layer.near_limit.map(|near| near[side])
                && near > tokens
            {
                return wrong(
                    "near_limit",
                    format!("has {near}, but `{field}` is {tokens}"),
                );
            }
            if self.outliers == Outliers::Keep && outliers.1 > 0 {
                let reason = format!("is {}, but outliers were kept", outliers.1);
                return wrong(outliers.0, reason);
            }
            if outliers.1 > tokens {
                return wrong(
                    outliers.0,
                    format!("is {}, but `{field}` is {tokens}", outliers.1),
                );
            }
        }
        for (field, value) in [
            ("mean_norm_vision", layer.mean_norm_vision),
            ("mean_norm_text", layer.mean_norm_text),
            ("frechet_norm_matched", layer.frechet_norm_matched),
        ] {
            check_not_negative(field, value)?;
        }
        check_term(
            self.definition,
            layer.frechet,
            [layer.location, layer.spread, layer.shape],
        )?;
        let fast = self.definition == Definition::OfficialFast;
        match layer.frechet_upper {
            None if fast => {
                return wrong(
                    "frechet_upper",
                    "is absent, but `definition` is official-fast",
                );
            }
            Some(_) if !fast => {
                let reason = format!("is there, but `definition` is {}", self.definition);
                return wrong("frechet_upper", reason);
            }
            Some(upper) if upper < layer.frechet - slack(upper.abs().max(layer.frechet.abs())) => {
                let reason = format!("is {upper}, but `frechet` is {}", layer.frechet);
                return wrong("frechet_upper", reason);
            }
            _ => {}
        }
        match &layer.moments {
            Some(moments) => check_moments(moments, layer),
            None => Ok(()),
        }
    }
}

/// What rounding may change in a sum whose summands are as large as `size`.
fn slack(size: f64) -> f64 {
    STEPS * f64::EPSILON * size
}

fn check_not_negative(field: &str, value: f64) -> Checked {
    match value < 0.0 {
        true => wrong(field, format!("is negative: {value}")),
        false => Ok(()),
    }
}

/// Fails where a layer's term is not the sum of its parts: location, spread and shape.
pub(crate) fn check_term(definition: Definition, frechet: f64, parts: [f64; 3]) -> Checked {
    let exact = definition != Definition::OfficialFast;
    if exact && frechet < 0.0 {
        let reason = format!("is negative: {frechet}, which no exact distance is");
        return wrong("frechet", reason);
    }
    for (field, part) in ["location", "spread", "shape"].into_iter().zip(parts) {
        check_not_negative(field, part)?;
    }
    let sum: f64 = parts.iter().sum();
    if exact && (frechet - sum).abs() > slack(sum.max(frechet)) {
        let reason = format!("is {frechet}, but location, spread and shape add up to {sum}");
        return wrong("frechet", reason);
    }
    Ok(())
}

/// Fails where a rate is not the decadic logarithm of the sum of its layers' terms.
pub(crate) fn check_rate(
    field: &str,
    rate: Option<f64>,
    terms: impl Iterator<Item = f64> + Clone,
) -> Checked {
    let sum: f64 = terms.clone().sum();
    let size: f64 = terms.clone().map(f64::abs).sum();
    let rounding = slack(size) * (terms.count() + 1) as f64;
    match rate {
        None if sum > rounding => {
            let expected = sum.log10();
            let reason = format!("is absent, but log10 of the sum of its `layers` is {expected}");
            wrong(field, reason)
        }
        Some(rate) if sum <= -rounding || sum == 0.0 => {
            let reason =
                format!("is {rate}, but the sum of its `layers` is {sum}, which has no logarithm");
            wrong(field, reason)
        }
        Some(rate) if sum > rounding => {
            let expected = sum.log10();
            let close = rounding / sum + slack(expected.abs().max(1.0));
            match (rate - expected).abs() > close {
                true => wrong(
                    field,
                    format!("is {rate}, but log10 of the sum of its `layers` is {expected}"),
                ),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Fails where the parts of a layer are not those of the moments they were made from.
fn check_moments(moments: &Moments, layer: &LayerReport) -> Checked {
    for (field, value) in [
        ("moments.mean_vision", moments.mean_vision),
        ("moments.mean_text", moments.mean_text),
        ("moments.trace_vision", moments.trace_vision),
        ("moments.trace_text", moments.trace_text),
    ] {
        check_not_negative(field, value)?;
    }
    if layer.mean_norm_text <= 0.0 || layer.mean_norm_vision <= 0.0 {
        return Ok(());
    }
    let sizes = moments.mean_vision + moments.mean_text + moments.trace_vision + moments.trace_text;
    let of_text = 1.0 / layer.mean_norm_text;
    let parts = moments.parts(of_text, of_text);
    let close = MOMENTS * sizes * of_text * of_text;
    let found = [layer.location, layer.spread, layer.shape];
    for ((field, found), expected) in
        (["location", "spread", "shape"].into_iter().zip(found)).zip(parts)
    {
        if (found - expected).abs() > close {
            let reason = format!("is {found}, but {expected} by its `moments`");
            return wrong(field, reason);
        }
    }
    let of_vision = 1.0 / layer.mean_norm_vision;
    let matched: f64 = moments.parts(of_vision, of_text).iter().sum();
    let larger = of_vision.max(of_text);
    if (layer.frechet_norm_matched - matched).abs() > MOMENTS * sizes * larger * larger {
        let reason = format!(
            "is {}, but {matched} by its `moments`",
            layer.frechet_norm_matched
        );
        return wrong("frechet_norm_matched", reason);
    }
    Ok(())
}
