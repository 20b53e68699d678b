//! How a decoder's rotary frequencies are scaled.

use serde_json::{Value, json};

use super::{
    super::{
        error::WeightsError,
        source::ByteSource,
        tensor::{HostTensor, StorageType},
    },
    architecture::Architecture,
    header::Header,
    value::{Metadata, shortest},
};

/// Factors by which frequencies are divided, one for each pair of channels.
const FACTORS: &str = "rope_freqs.weight";

/// `rope_scaling` of the configuration; none where frequencies are not scaled and positions have one
/// component. `theta` is the frequencies' base.
///
/// # Errors
/// A kind of scaling that is not known, or sections that cannot be.
pub(super) fn described(
    architecture: &Architecture,
    header: &Header,
    source: &dyn ByteSource,
    theta: f64,
) -> Result<Option<Value>, WeightsError> {
    let scaling = scaling(architecture, header, source, theta)?;
    let Some(sections) = sections(architecture, &header.metadata)? else {
        return Ok(scaling);
    };
    let mut described = scaling.unwrap_or_else(|| json!({"rope_type": "default"}));
    described["mrope_section"] = json!(sections);
    Ok(Some(described))
}

/// How many pairs of channels turn by each component of a position, where it has three.
fn sections(
    architecture: &Architecture,
    metadata: &Metadata,
) -> Result<Option<Vec<i64>>, WeightsError> {
    if !architecture.sections {
        return Ok(None);
    }
    let key = architecture.key("rope.dimension_sections");
    let list = metadata.integers(&key)?;
    let pairs = architecture.head_dim as i64 / 2;
    let fits = |list: &&[i64]| {
        let components = list.len() == 3 || list.len() == 4 && list[3] == 0;
        let within = list.iter().all(|pairs| (0..=4096).contains(pairs));
        components && within && list.iter().sum::<i64>() == pairs
    };
    match list.filter(fits) {
        Some(list) => Ok(Some(list[..3].to_vec())),
        None => {
            let expected = format!("3 numbers of pairs of channels, {pairs} in all, and a 0");
            Err(metadata.wrong(&key, expected))
        }
    }
}

fn scaling(
    architecture: &Architecture,
    header: &Header,
    source: &dyn ByteSource,
    theta: f64,
) -> Result<Option<Value>, WeightsError> {
    let metadata = &header.metadata;
    if let Some(factors) = small(header, source, FACTORS)? {
        return of_factors(&factors, theta).map(Some).ok_or_else(|| {
            let metadata = &header.metadata;
            WeightsError::Unsupported {
                file: metadata.file.clone(),
                field: FACTORS.into(),
                found: "a table of factors that no known rule gives".into(),
                supported: "the factors of Llama 3.1 and later".into(),
            }
        });
    }
    let key = |key: &str| architecture.key(&format!("rope.scaling.{key}"));
    let kind = metadata.text(&key("type"))?.unwrap_or("none");
    let number = |name: &str| {
        let key = key(name);
        Ok::<_, WeightsError>(metadata.float(&key)?.filter(|number| *number != 0.0))
    };
    let factor = || -> Result<f64, WeightsError> {
        number("factor")?.ok_or_else(|| metadata.wrong(&key("factor"), "a number"))
    };
    Ok(match kind {
        "none" => None,
        "linear" => Some(json!({"rope_type": "linear", "factor": shortest(factor()?)})),
        "yarn" => {
            let mut described = json!({"rope_type": "yarn", "factor": shortest(factor()?)});
            let original = metadata.count(&key("original_context_length"))?;
            if let Some(original) = original {
                described["original_max_position_embeddings"] = json!(original);
            }
            for (own, theirs) in [
                ("attention_factor", "attn_factor"),
                ("beta_fast", "yarn_beta_fast"),
                ("beta_slow", "yarn_beta_slow"),
            ] {
                if let Some(given) = number(theirs)? {
                    described[own] = shortest(given);
                }
            }
            Some(described)
        }
        other => {
            return Err(WeightsError::Unsupported {
                file: metadata.file.clone(),
                field: key("type"),
                found: other.chars().take(40).collect(),
                supported: "none, linear, yarn".into(),
            });
        }
    })
}

/// A small tensor of f32, where it is there.
fn small(
    header: &Header,
    source: &dyn ByteSource,
    name: &str,
) -> Result<Option<Vec<f32>>, WeightsError> {
    const MOST: u64 = 1 << 20;
    let Some(tensor) = header.tensor(name) else {
        return Ok(None);
    };
    let storage = StorageType::from_file(tensor.dtype);
    let Some(dtype) = storage.filter(|_| tensor.end - tensor.begin <= MOST) else {
        return Err(WeightsError::Dtype {
            file: header.metadata.file.clone(),
            tensor: name.into(),
            found: format!("{:?} {:?}", tensor.dtype, tensor.shape),
        });
    };
    let read = HostTensor {
        name: name.into(),
        dtype,
        shape: tensor.shape.clone(),
        bytes: source.read_range(&header.metadata.file, tensor.begin..tensor.end)?,
    };
    Ok(Some(read.to_f32()))
}

/// The rule of Llama 3.1 that gives these factors; none where it does not.
fn of_factors(factors: &[f32], theta: f64) -> Option<Value> {
    // The checkpoints of that family differ in the factor alone.
    const LOW: f64 = 1.0;
    const HIGH: f64 = 4.0;
    const CONTEXT: f64 = 8192.0;
    let factor = f64::from(factors.iter().copied().fold(1.0, f32::max)).round();
    let fits = factors.iter().enumerate().all(|(pair, &found)| {
        let exponent = pair as f64 / factors.len() as f64;
        let wavelength = std::f64::consts::TAU * theta.powf(exponent);
        let expected = if wavelength < CONTEXT / HIGH {
            1.0
        } else if wavelength > CONTEXT / LOW {
            factor
        } else {
            let kept = (CONTEXT / wavelength - LOW) / (HIGH - LOW);
            1.0 / ((1.0 - kept) / factor + kept)
        };
        (f64::from(found) / expected - 1.0).abs() < 1e-3
    });
    fits.then(|| {
        json!({
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": LOW,
            "high_freq_factor": HIGH,
            "original_max_position_embeddings": CONTEXT as u64,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_of_llama_3_are_told_from_others() {
        // Of the first, the middle and the last of 64 pairs, by transformers' rule with a factor of 8.
        let of = |pair: usize| {
            let wavelength = std::f64::consts::TAU * 500_000_f64.powf(pair as f64 / 64.0);
            let kept = ((8192.0 / wavelength - 1.0) / 3.0).clamp(0.0, 1.0);
            (1.0 / ((1.0 - kept) / 8.0 + kept)) as f32
        };
        let mut factors: Vec<f32> = (0..64).map(of).collect();
        assert_eq!((factors[0], factors[63]), (1.0, 8.0));
        let found = of_factors(&factors, 500_000.0).unwrap();
        assert_eq!(found["factor"], 8.0);
        factors[31] *= 1.01;
        assert_eq!(of_factors(&factors, 500_000.0), None);
    }
}
