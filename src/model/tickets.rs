//! What the parts of a model hold of their parameters: tickets, got when they are noted
//! ([`Parameters`](super::parameters::Parameters)), and the small layers that several tickets make up.

/// Stands for a weight matrix in its storage type.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightId(pub(super) usize);

/// Stands for a tensor of f32.
#[derive(Clone, Copy, Debug)]
pub(super) struct TensorId(pub(super) usize);

/// Stands for a tensor of f32 that stays on the host.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostId(pub(super) usize);

/// `y = x W^T + b`.
#[derive(Clone, Copy)]
pub(super) struct Linear {
    /// Width of y.
    pub(super) out: usize,
    pub(super) weight: WeightId,
    pub(super) bias: Option<TensorId>,
}

/// `activation(x G^T + g) * (x U^T + u)`.
#[derive(Clone, Copy)]
pub(super) struct Gated {
    /// Width of the result.
    pub(super) out: usize,
    /// G, and U below it.
    pub(super) weight: WeightId,
    /// g and u, `[2, out]`, and each by itself.
    pub(super) bias: Option<(TensorId, [TensorId; 2])>,
}

/// Layer normalisation with its parameters.
pub(super) struct LayerNorm {
    pub(super) weight: TensorId,
    pub(super) bias: TensorId,
    pub(super) eps: f32,
}

/// Root-mean-square normalisation with its parameter.
pub(super) struct RmsNorm {
    pub(super) weight: TensorId,
    pub(super) eps: f32,
}

/// Either of them.
pub(super) enum Norm {
    /// By mean and deviation.
    Layer(LayerNorm),
    /// By the root mean square.
    Rms(RmsNorm),
}

/// Factors and shifts, channel by channel.
#[derive(Clone, Copy)]
pub(super) struct Affine {
    pub(super) factors: TensorId,
    pub(super) shifts: TensorId,
}
