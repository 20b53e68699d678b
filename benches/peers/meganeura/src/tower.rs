//! CLIP's tower up to the state that LLaVA takes, and the connector, of meganeura's operations.
//!
//! The class token's row goes through the connector as well and is dropped where the output is read: one row
//! of 65. CLIP's activation `x sigmoid(1.702 x)` is `silu(1.702 x) / 1.702`, with the factors in the weights
//! around it. meganeura's GELU is the approximation by a hyperbolic tangent.

use meganeura::{Graph, NodeId, data::safetensors::SafeTensorsModel};
use serde_json::Value;

use crate::{Outcome, number};

const TOWER: &str = "vision_tower";
const CONNECTOR: &str = "multi_modal_projector";
/// The factor in CLIP's activation.
const QUICK: f32 = 1.702;

/// Sizes of the tower and of its image.
pub(crate) struct Tower {
    hidden: usize,
    inner: usize,
    layers: usize,
    heads: usize,
    side: usize,
    patch: usize,
    text: usize,
    eps: f32,
}

impl Tower {
    pub(crate) fn new(config: &Value) -> Outcome<Self> {
        let vision = &config["vision_config"];
        let taken = config["vision_feature_layer"].as_i64().unwrap_or(-1);
        Ok(Self {
            hidden: number(vision, "hidden_size")?,
            inner: number(vision, "intermediate_size")?,
            layers: (number(vision, "num_hidden_layers")? as i64 + 1 + taken) as usize,
            heads: number(vision, "num_attention_heads")?,
            side: number(vision, "image_size")?,
            patch: number(vision, "patch_size")?,
            text: number(&config["text_config"], "hidden_size")?,
            eps: vision["layer_norm_eps"].as_f64().unwrap_or(1e-5) as f32,
        })
    }

    /// Rows of the states: the class token and the patches.
    pub(crate) fn rows(&self) -> usize {
        1 + (self.side / self.patch).pow(2)
    }

    /// Columns of the features.
    pub(crate) fn columns(&self) -> usize {
        self.text
    }

    /// Builds the graph; its input is `patches`, see [`Tower::patches`].
    pub(crate) fn build(&self, g: &mut Graph) -> NodeId {
        let (rows, hidden) = (self.rows(), self.hidden);
        let patches = g.input("patches", &[rows, 3 * self.patch * self.patch]);
        let weight = g.parameter("patches.weight", &[3 * self.patch * self.patch, hidden]);
        let positions = g.parameter("positions", &[rows, hidden]);
        let x = g.matmul(patches, weight);
        let x = g.add(x, positions);
        let mut x = self.norm(g, x, &format!("{TOWER}.pre_layrnorm"));
        for layer in 0..self.layers {
            let prefix = format!("{TOWER}.encoder.layers.{layer}");
            let y = self.norm(g, x, &format!("{prefix}.layer_norm1"));
            let part = |g: &mut Graph, name: &str, y, columns| {
                linear(g, y, &format!("{prefix}.{name}"), [hidden, columns])
            };
            let q = part(g, "self_attn.q_proj", y, hidden);
            let k = part(g, "self_attn.k_proj", y, hidden);
            let v = part(g, "self_attn.v_proj", y, hidden);
            let heads = self.heads as u32;
            let y = g.full_attention(q, k, v, heads, heads, (hidden / self.heads) as u32);
            let y = part(g, "self_attn.out_proj", y, hidden);
            x = g.add(x, y);
            let y = self.norm(g, x, &format!("{prefix}.layer_norm2"));
            let y = part(g, "mlp.fc1", y, self.inner);
            let y = g.silu(y);
            let y = linear(g, y, &format!("{prefix}.mlp.fc2"), [self.inner, hidden]);
            x = g.add(x, y);
        }
        let x = linear(g, x, &format!("{CONNECTOR}.linear_1"), [hidden, self.text]);
        let x = g.gelu(x);
        linear(
            g,
            x,
            &format!("{CONNECTOR}.linear_2"),
            [self.text, self.text],
        )
    }

    fn norm(&self, g: &mut Graph, x: NodeId, name: &str) -> NodeId {
        let weight = g.parameter(&format!("{name}.weight"), &[self.hidden]);
        let bias = g.parameter(&format!("{name}.bias"), &[self.hidden]);
        g.layer_norm(x, weight, bias, self.eps)
    }

    /// The values of a parameter of the graph.
    pub(crate) fn parameter(&self, model: &SafeTensorsModel, name: &str) -> Outcome<Vec<f32>> {
        let embeddings = format!("{TOWER}.embeddings");
        match name {
            "patches.weight" => {
                let values = model.tensor_f32(&format!("{embeddings}.patch_embedding.weight"))?;
                Ok(transposed(&values, self.hidden))
            }
            "positions" => {
                let mut rows =
                    model.tensor_f32(&format!("{embeddings}.position_embedding.weight"))?;
                let class = model.tensor_f32(&format!("{embeddings}.class_embedding"))?;
                rows.iter_mut()
                    .zip(class)
                    .for_each(|(row, own)| *row += own);
                Ok(rows)
            }
            _ => {
                let mut values = model.tensor_f32(name)?;
                let factor = match name {
                    _ if name.contains(".mlp.fc1.") => QUICK,
                    _ if name.ends_with(".mlp.fc2.weight") => 1.0 / QUICK,
                    _ => 1.0,
                };
                values.iter_mut().for_each(|value| *value *= factor);
                let shape = &model.tensor_info()[name].shape;
                Ok(match shape[..] {
                    [rows, _] => transposed(&values, rows),
                    _ => values,
                })
            }
        }
    }

    /// Pixels `[3, side, side]` as rows of patches, behind a row of zeros for the class token.
    pub(crate) fn patches(&self, pixels: &[f32]) -> Vec<f32> {
        let (side, patch) = (self.side, self.patch);
        let mut rows = vec![0.0; 3 * patch * patch];
        for top in (0..side).step_by(patch) {
            for left in (0..side).step_by(patch) {
                for line in (0..3).flat_map(|c| (top..top + patch).map(move |y| c * side + y)) {
                    rows.extend_from_slice(&pixels[line * side + left..][..patch]);
                }
            }
        }
        rows
    }
}

/// `x W + b`, `W` of this shape.
fn linear(g: &mut Graph, x: NodeId, name: &str, shape: [usize; 2]) -> NodeId {
    let weight = g.parameter(&format!("{name}.weight"), &shape);
    let bias = g.parameter(&format!("{name}.bias"), &[shape[1]]);
    let product = g.matmul(x, weight);
    g.bias_add(product, bias)
}

/// A matrix of so many rows, turned.
fn transposed(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len() / rows;
    let at = |column: usize| (0..rows).map(move |row| values[row * columns + column]);
    (0..columns).flat_map(at).collect()
}
