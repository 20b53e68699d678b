//! Rotary frequencies: `rope_theta` and `rope_scaling` of transformers 4, `rope_parameters` of 5.

use serde_json::Value;

use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
};

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
    /// A larger base for prompts longer than the context: dynamic NTK scaling.
    Dynamic {
        /// How much the base grows.
        factor: f32,
        /// The context, in tokens.
        context: usize,
    },
    /// YaRN (arXiv 2309.00071): frequencies divided, kept, or between, by the number of turns within
    /// the context of pre-training; scores sharpened.
    Yarn {
        /// The divisor of low frequencies.
        factor: f32,
        /// Pairs of channels up to this one keep their frequency; may lie between two.
        low: f32,
        /// Pairs of channels from this one on are divided.
        high: f32,
        /// Factor on cosines and sines.
        attention_factor: f32,
    },
}

impl RopeScaling {
    /// Whether the frequencies depend on the length of a prompt of `tokens` tokens.
    pub fn by_length(&self, tokens: usize) -> bool {
        matches!(*self, Self::Dynamic { context, .. } if tokens > context)
    }
}

/// How the pairs of channels share the three components of a position (M-RoPE, arXiv 2409.12191).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RopeSections {
    /// Pairs that turn by the temporal, the height and the width component.
    pub sizes: [usize; 3],
    /// Whether the components take turns, as far as height and width go, and do not follow each other.
    pub interleaved: bool,
}

impl RopeSections {
    /// `mrope_section` where the decoder's section of a configuration describes its rotary embedding;
    /// `default` where it is absent.
    ///
    /// # Errors
    /// No such sections, or some that do not share all of a head's pairs of channels where they follow
    /// each other.
    pub(in crate::families) fn parse(
        text: &Fields<'_>,
        default: [usize; 3],
        interleaved: bool,
        head_dim: usize,
    ) -> Result<Self, WeightsError> {
        const KEY: &str = "mrope_section";
        let described = match text.section("rope_scaling")? {
            Some(described) => Some(described),
            None => text.section("rope_parameters")?,
        };
        let described = described.unwrap_or_else(|| text.section_itself());
        let pairs = head_dim / 2;
        let expected = || match interleaved {
            true => "3 numbers of pairs of channels".to_owned(),
            false => format!("3 numbers of pairs of channels, {pairs} in all"),
        };
        let sizes = match described.value(KEY) {
            None => default,
            Some(value) => {
                let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let count = |value: &Value| value.as_u64().filter(|size| *size <= 4096);
                match list.iter().map(count).collect::<Option<Vec<u64>>>() {
                    Some(list) if list.len() == 3 => [0, 1, 2].map(|i| list[i] as usize),
                    _ => return Err(described.invalid(KEY, expected(), describe(value))),
                }
            }
        };
        if !interleaved && sizes.iter().sum::<usize>() != pairs {
            return Err(described.invalid(KEY, expected(), format!("{sizes:?}")));
        }
        Ok(Self { sizes, interleaved })
    }

    /// The component that pair `i` of channels turns by.
    pub fn component(&self, i: usize) -> usize {
        let [temporal, height, width] = self.sizes;
        match self.interleaved {
            false if i < temporal => 0,
            false if i < temporal + height => 1,
            false => 2,
            true if i % 3 == 1 && i < 3 * height => 1,
            true if i % 3 == 2 && i < 3 * width => 2,
            true => 0,
        }
    }
}

/// The rotary embedding of a decoder's section.
pub(super) struct Rope {
    pub(super) theta: f32,
    pub(super) scaling: RopeScaling,
    /// Base of layers with a window, where it is another.
    pub(super) local_theta: Option<f32>,
}

/// Base and scaling from the decoder's section; `theta` is the base where none is given.
pub(super) fn parse(
    text: &Fields<'_>,
    theta: f32,
    max_position_embeddings: usize,
    head_dim: usize,
) -> Result<Rope, WeightsError> {
    let theta = text.float("rope_theta", 0.0)?.unwrap_or(theta);
    refuse_partial(text)?;
    // transformers prefers the old key where both are there.
    let section = match text.section("rope_scaling")? {
        Some(section) => Some(section),
        None => text.section("rope_parameters")?,
    };
    let (theta, scaling) = match section {
        Some(section) => of_section(&section, theta, max_position_embeddings, head_dim)?,
        None => (theta, RopeScaling::Default),
    };
    Ok(Rope {
        theta,
        scaling,
        local_theta: None,
    })
}

/// The same of a decoder whose layers with a window have a base of their own.
pub(super) fn parse_two(
    text: &Fields<'_>,
    max_position_embeddings: usize,
    head_dim: usize,
) -> Result<Rope, WeightsError> {
    let theta = text.float("rope_theta", 0.0)?.unwrap_or(1_000_000.0);
    let local = text.float("rope_local_base_freq", 0.0)?.unwrap_or(10_000.0);
    let both = text.section("rope_parameters")?;
    let full = match &both {
        Some(both) => both.section("full_attention")?,
        None => None,
    };
    let local = match &both {
        Some(both) => match both.section("sliding_attention")? {
            Some(section) => section.float("rope_theta", 0.0)?.unwrap_or(local),
            None => local,
        },
        None => local,
    };
    let section = match text.section("rope_scaling")? {
        Some(section) => Some(section),
        None => full,
    };
    let (theta, scaling) = match section {
        Some(section) => of_section(&section, theta, max_position_embeddings, head_dim)?,
        None => (theta, RopeScaling::Default),
    };
    Ok(Rope {
        theta,
        scaling,
        local_theta: Some(local),
    })
}

/// Base and scaling from the object that describes them.
fn of_section(
    section: &Fields<'_>,
    outer_theta: f32,
    max_position_embeddings: usize,
    head_dim: usize,
) -> Result<(f32, RopeScaling), WeightsError> {
    refuse_partial(section)?;
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
    let original = || {
        let own = section.count("original_max_position_embeddings", 1..=1 << 24)?;
        Ok::<_, WeightsError>(own.unwrap_or(max_position_embeddings))
    };
    let scaling = match section.string(key)?.unwrap_or("default") {
        // M-RoPE is a matter of positions; its frequencies are the usual ones.
        "default" | "mrope" => RopeScaling::Default,
        "linear" => RopeScaling::Linear {
            factor: needed("factor")?,
        },
        "dynamic" => RopeScaling::Dynamic {
            factor: needed("factor")?,
            context: max_position_embeddings,
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
                original_max_position_embeddings: original()?,
            }
        }
        "yarn" => yarn(
            section,
            theta,
            max_position_embeddings,
            original()?,
            head_dim,
        )?,
        other => {
            let supported = "default, linear, dynamic, llama3, yarn";
            return Err(section.unsupported(key, other, supported));
        }
    };
    Ok((theta, scaling))
}

/// `rope_type` yarn, by the keys and defaults of transformers.
fn yarn(
    section: &Fields<'_>,
    theta: f32,
    max_position_embeddings: usize,
    original: usize,
    head_dim: usize,
) -> Result<RopeScaling, WeightsError> {
    let dim = head_dim as f64;
    let factor = match section.float("factor", 0.0)? {
        Some(factor) => factor,
        None => (max_position_embeddings as f64 / original as f64) as f32,
    };
    // 0 stands for the default, too.
    let number = |key: &str| Ok::<_, WeightsError>(section.float(key, -1.0)?.filter(|x| *x != 0.0));
    let fast = f64::from(number("beta_fast")?.unwrap_or(32.0));
    let slow = f64::from(number("beta_slow")?.unwrap_or(1.0));
    // The pair of channels that turns so often within the context.
    let pair = |turns: f64| {
        dim * (original as f64 / (turns * std::f64::consts::TAU)).ln()
            / (2.0 * f64::from(theta).ln())
    };
    let (mut low, mut high) = (pair(fast), pair(slow));
    if section.flag("truncate")?.unwrap_or(true) {
        (low, high) = (low.floor(), high.ceil());
    }
    (low, high) = (low.max(0.0), high.min(dim - 1.0));
    if low == high {
        high += 0.001;
    }
    let sharper = |by: f64| match factor <= 1.0 {
        true => 1.0,
        false => 0.1 * by * f64::from(factor).ln() + 1.0,
    };
    let attention_factor = match number("attention_factor")? {
        Some(given) => given,
        None => match (number("mscale")?, number("mscale_all_dim")?) {
            (Some(one), Some(all)) => (sharper(f64::from(one)) / sharper(f64::from(all))) as f32,
            _ => sharper(1.0) as f32,
        },
    };
    Ok(RopeScaling::Yarn {
        factor,
        low: low as f32,
        high: high as f32,
        attention_factor,
    })
}

/// Rotation of only a part of each head has no kernel.
fn refuse_partial(fields: &Fields<'_>) -> Result<(), WeightsError> {
    const KEY: &str = "partial_rotary_factor";
    match fields.float(KEY, 0.0)? {
        Some(factor) if factor != 1.0 => Err(fields.unsupported(KEY, &factor.to_string(), "1.0")),
        _ => Ok(()),
    }
}

/// Frequencies in radians per position for a prompt of `tokens` tokens, `head_dim / 2` of them, each
/// step rounded to f32 where the reference implementation rounds, so that angles at high positions
/// agree.
pub(super) fn inv_freq(
    theta: f32,
    head_dim: usize,
    scaling: &RopeScaling,
    tokens: usize,
) -> Vec<f32> {
    let dim = head_dim as f64;
    let theta = match *scaling {
        RopeScaling::Dynamic { factor, context } if tokens > context => {
            let stretch =
                f64::from(factor) * tokens as f64 / context as f64 - (f64::from(factor) - 1.0);
            f64::from(theta) * stretch.powf(dim / (dim - 2.0))
        }
        _ => f64::from(theta),
    };
    let base = |i: usize| {
        let exponent = (2 * i) as f32 / head_dim as f32;
        1.0 / theta.powf(f64::from(exponent)) as f32
    };
    (0..head_dim / 2)
        .map(|i| scale(base(i), i, scaling))
        .collect()
}

/// The factor on cosines and sines.
pub(super) fn attention_factor(scaling: &RopeScaling) -> f32 {
    match *scaling {
        RopeScaling::Yarn {
            attention_factor, ..
        } => attention_factor,
        _ => 1.0,
    }
}

/// The frequency of pair `i` of channels.
fn scale(frequency: f32, i: usize, scaling: &RopeScaling) -> f32 {
    match *scaling {
        RopeScaling::Default | RopeScaling::Dynamic { .. } => frequency,
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
        RopeScaling::Yarn {
            factor, low, high, ..
        } => {
            let kept = 1.0 - ((i as f32 - low) / (high - low)).clamp(0.0, 1.0);
            frequency / factor * (1.0 - kept) + frequency * kept
        }
    }
}
