//! Rotary frequencies: `rope_theta` and `rope_scaling` of transformers 4, `rope_parameters` of 5.

use super::fields::Fields;
use crate::weights::error::WeightsError;

/// Change of the rotary frequencies for contexts longer than those of pre-training.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// None.
    Default,
    /// All frequencies divided by a factor.
    Linear {
        /// The divisor.
        factor: f32,
    },
    /// The scheme of Llama 3.1: low frequencies divided, high ones kept, a ramp between.
    Llama3 {
        /// The divisor of low frequencies.
        factor: f32,
        /// Wavelengths above `original_max_position_embeddings / low_freq_factor` are low.
        low_freq_factor: f32,
        /// Wavelengths below `original_max_position_embeddings / high_freq_factor` are high.
        high_freq_factor: f32,
        /// Context of pre-training, in tokens.
        original_max_position_embeddings: usize,
    },
}

/// Base and scaling from the decoder's section.
pub(super) fn parse(
    text: &Fields<'_>,
    max_position_embeddings: usize,
) -> Result<(f32, RopeScaling), WeightsError> {
    let outer_theta = text.float("rope_theta", 0.0)?.unwrap_or(10_000.0);
    refuse_partial(text)?;
    // transformers prefers the old key where both are there.
    let section = match text.section("rope_scaling")? {
        Some(section) => section,
        None => match text.section("rope_parameters")? {
            Some(section) => section,
            None => return Ok((outer_theta, RopeScaling::Default)),
        },
    };
    refuse_partial(&section)?;
    let theta = section.float("rope_theta", 0.0)?.unwrap_or(outer_theta);
    let key = if section.has("rope_type") {
        "rope_type"
    } else {
        "type"
    };
    let needed = |key: &str| {
        section
            .float(key, 0.0)?
            .ok_or_else(|| section.invalid(key, "a number", "absent"))
    };
    let scaling = match section.string(key)?.unwrap_or("default") {
        "default" => RopeScaling::Default,
        "linear" => RopeScaling::Linear {
            factor: needed("factor")?,
        },
        "llama3" => {
            let low_freq_factor = needed("low_freq_factor")?;
            let high_freq_factor = needed("high_freq_factor")?;
            if high_freq_factor <= low_freq_factor {
                return Err(section.invalid(
                    "high_freq_factor",
                    format!("greater than low_freq_factor = {low_freq_factor}"),
                    high_freq_factor,
                ));
            }
            RopeScaling::Llama3 {
                factor: needed("factor")?,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: section
                    .count("original_max_position_embeddings", 1..=1 << 24)?
                    .unwrap_or(max_position_embeddings),
            }
        }
        other => return Err(section.unsupported(key, other, "default, linear, llama3")),
    };
    Ok((theta, scaling))
}

/// Rotation of only a part of each head has no kernel.
fn refuse_partial(fields: &Fields<'_>) -> Result<(), WeightsError> {
    const KEY: &str = "partial_rotary_factor";
    match fields.float(KEY, 0.0)? {
        Some(factor) if factor != 1.0 => Err(fields.unsupported(KEY, &factor.to_string(), "1.0")),
        _ => Ok(()),
    }
}

/// Frequencies in radians per position, `head_dim / 2` of them, each step rounded to f32 where the
/// reference implementation rounds, so that angles at high positions agree.
pub(super) fn inv_freq(theta: f32, head_dim: usize, scaling: &RopeScaling) -> Vec<f32> {
    let base = |i: usize| {
        let exponent = (2 * i) as f32 / head_dim as f32;
        1.0 / f64::from(theta).powf(f64::from(exponent)) as f32
    };
    (0..head_dim / 2).map(|i| scale(base(i), scaling)).collect()
}

fn scale(frequency: f32, scaling: &RopeScaling) -> f32 {
    match *scaling {
        RopeScaling::Default => frequency,
        RopeScaling::Linear { factor } => frequency / factor,
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => {
            let context = original_max_position_embeddings as f32;
            let wavelength = std::f32::consts::TAU / frequency;
            if wavelength > context / low_freq_factor {
                frequency / factor
            } else if wavelength < context / high_freq_factor {
                frequency
            } else {
                let ramp =
                    (context / wavelength - low_freq_factor) / (high_freq_factor - low_freq_factor);
                (1.0 - ramp) * frequency / factor + ramp * frequency
            }
        }
    }
}
