//! Activation functions by their Hugging Face names.

use crate::weights::{WeightsError, fields::Fields};

/// An elementwise activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x Phi(x)` with the exact error function.
    Gelu,
    /// Gelu by its tanh approximation.
    GeluTanh,
    /// `x sigmoid(1.702 x)`.
    QuickGelu,
    /// `x sigmoid(x)`.
    Silu,
    /// `max(x, 0)`.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x`.
    Identity,
}

impl Activation {
    /// Names that [`Activation::from_name`] knows.
    pub const NAMES: &str = "gelu, gelu_python, gelu_new, gelu_fast, gelu_accurate, \
         gelu_pytorch_tanh, gelu_python_tanh, quick_gelu, silu, swish, relu, tanh, sigmoid, linear";

    /// The function that a configuration calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "gelu" | "gelu_python" => Self::Gelu,
            "gelu_new" | "gelu_fast" | "gelu_accurate" | "gelu_pytorch_tanh"
            | "gelu_python_tanh" => Self::GeluTanh,
            "quick_gelu" => Self::QuickGelu,
            "silu" | "swish" => Self::Silu,
            "relu" => Self::Relu,
            "tanh" => Self::Tanh,
            "sigmoid" => Self::Sigmoid,
            "linear" | "identity" => Self::Identity,
            _ => return None,
        })
    }

    /// The usual Hugging Face name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_pytorch_tanh",
            Self::QuickGelu => "quick_gelu",
            Self::Silu => "silu",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Identity => "linear",
        }
    }

    /// The function that `key` names, `default` where it is absent.
    ///
    /// # Errors
    /// [`WeightsError::Unsupported`].
    pub(crate) fn parse(
        fields: &Fields<'_>,
        key: &str,
        default: Self,
    ) -> Result<Self, WeightsError> {
        match fields.string(key)? {
            None => Ok(default),
            Some(name) => {
                Self::from_name(name).ok_or_else(|| fields.unsupported(key, name, Self::NAMES))
            }
        }
    }
}
