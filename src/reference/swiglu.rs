//! Twin of `shaders/swiglu.wgsl`.

use crate::kernels::Activation;

use super::activate;

/// `activation(gate) * up`, elementwise.
pub fn swiglu(gate: &[f32], up: &[f32], activation: Activation) -> Vec<f32> {
    gate.iter()
        .zip(up)
        .map(|(&g, &u)| (activate(activation, f64::from(g)) * f64::from(u)) as f32)
        .collect()
}
