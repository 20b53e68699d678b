//! The report of one measurement.

use serde::{Deserialize, Serialize};

/// Version of the report's layout; raised when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// How the distance between the two modalities is computed (see `domain` notes in ARCHITECTURE.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Definition {
    /// The paper's equation: Fréchet distance with the exact matrix square root, on the outputs of
    /// the decoder layers (the last one before the final norm).
    #[default]
    Exact,
    /// The closed form of what the released script's `--mode fast` computes in exact arithmetic:
    /// it subtracts `2 Tr(S_v S_t)`, on `hidden_states[1..=L]` (the last one after the final norm).
    OfficialFast,
    /// The exact formula on the released script's layers and masks (`--mode accurate`).
    OfficialAccurate,
}

/// Which tokens count as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextMask {
    /// Everything after the last image token, as in the released script.
    #[default]
    Official,
    /// Only the tokens of the pair's own text.
    Content,
}

/// One measurement: settings, origin and result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`] of the program that wrote the report.
    pub schema: u32,
    /// Modality Integration Rate, `log10` of the sum of the layers' `frechet`; absent where the sum
    /// is not positive (possible with [`Definition::OfficialFast`]) and the MIR is undefined.
    pub mir: Option<f64>,
    /// MIR with each modality scaled to mean token norm 1, so that the norm ratio drops out.
    pub norm_matched_mir: Option<f64>,
    /// Definition of the distance.
    pub definition: Definition,
    /// Tokens that count as text.
    pub text_mask: TextMask,
    /// One entry per decoder layer, first to last.
    pub layers: Vec<LayerReport>,
    /// The checkpoint.
    pub model: ModelSummary,
    /// The image-text pairs.
    pub data: DataSummary,
    /// The device that computed.
    pub device: DeviceSummary,
    /// Wall-clock time of each stage, in seconds, in the order of execution.
    pub timings: Vec<StageTiming>,
    /// Version of mirscope.
    pub mirscope_version: String,
    /// What a reader should know: texts cut, images converted, values clamped.
    pub notes: Vec<String>,
}

/// The distance between the modalities at one decoder layer.
///
/// `frechet = location + spread + shape` for the exact distance, each part >= 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerReport {
    /// `layer_idx + 1`, that is the `k` of the paper: 1 to L.
    pub layer: usize,
    /// The captured state, for example `hidden_states[3]` or `hidden_states[12] after the final norm`.
    pub state: String,
    /// The layer's term of the MIR sum.
    pub frechet: f64,
    /// `||mu_v - mu_t||^2`.
    pub location: f64,
    /// `(sqrt(Tr S_v) - sqrt(Tr S_t))^2`.
    pub spread: f64,
    /// `2 (sqrt(Tr S_v Tr S_t) - Tr (S_v S_t)^(1/2))`.
    pub shape: f64,
    /// The term when nothing is subtracted for the cross-covariance: the upper end of the bracket
    /// in which the released script's fast mode drifts. Only with [`Definition::OfficialFast`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frechet_upper: Option<f64>,
    /// The distance with each modality scaled to mean token norm 1.
    pub frechet_norm_matched: f64,
    /// Number of vision tokens over all pairs.
    pub n_vision: usize,
    /// Number of text tokens over all pairs.
    pub n_text: usize,
    /// Mean l2 norm of the vision tokens, before any scaling.
    pub mean_norm_vision: f64,
    /// Mean l2 norm of the text tokens, before any scaling.
    pub mean_norm_text: f64,
    /// Vision tokens replaced by the outlier rule.
    pub outliers_vision: usize,
    /// Text tokens replaced by the outlier rule.
    pub outliers_text: usize,
}

/// The checkpoint of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Folder name or the demo's name.
    pub name: String,
    /// `architectures[0]` of config.json.
    pub architecture: String,
    /// Vision tower, connector and decoder in one line each.
    pub parts: Vec<String>,
    /// Number of parameters.
    pub parameters: u64,
    /// Storage type of most weights: `f32`, `f16` or `bf16`.
    pub dtype: String,
    /// Decoder width d.
    pub hidden_size: usize,
    /// Decoder layers L.
    pub num_hidden_layers: usize,
}

/// The data of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// Where the pairs came from.
    pub source: String,
    /// Number of pairs measured.
    pub num_pairs: usize,
    /// Seed of the selection and of the pairing of images with texts.
    pub seed: u64,
    /// Where the prompt's form came from: the checkpoint's chat template or vicuna_v1.
    pub prompt: String,
}

/// The device of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceSummary {
    /// Adapter name.
    pub adapter: String,
    /// `vulkan`, `metal`, `dx12` or `webgpu`.
    pub backend: String,
    /// `discrete-gpu`, `integrated-gpu`, `virtual-gpu`, `cpu` or `other`.
    pub device_type: String,
    /// Driver name and version, where the backend tells.
    pub driver: String,
    /// Kernel variants in use, for example `tiled` or `direct`.
    pub kernels: String,
}

/// Time spent in one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageTiming {
    /// `load`, `prepare`, `forward`, `metric`.
    pub stage: String,
    /// Seconds.
    pub seconds: f64,
}

/// What a checkpoint is and what it needs, without running it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The checkpoint.
    pub model: ModelSummary,
    /// Number of tensors, parameters and bytes by storage type.
    pub dtypes: Vec<DtypeShare>,
    /// Image tokens per image, as the configuration gives them.
    pub image_tokens: usize,
    /// Longest prompt the configuration allows.
    pub context: usize,
    /// Bytes of device memory: weights.
    pub weight_bytes: u64,
    /// Bytes of device memory: largest single buffer.
    pub largest_buffer_bytes: u64,
    /// Bytes of device memory of the captured states, per thousand tokens.
    pub state_bytes_per_1000_tokens: u64,
    /// The adapter at hand and what it grants; absent where there is none.
    pub device: Option<DeviceGrant>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Share of one storage type in a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DtypeShare {
    /// `f32`, `f16`, `bf16`.
    pub dtype: String,
    /// Number of tensors.
    pub tensors: usize,
    /// Number of parameters.
    pub parameters: u64,
}

/// What an adapter grants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceGrant {
    /// The device.
    pub device: DeviceSummary,
    /// Largest buffer, in bytes.
    pub max_buffer_size: u64,
    /// Largest storage binding, in bytes.
    pub max_storage_buffer_binding_size: u64,
    /// Bytes of workgroup memory.
    pub max_compute_workgroup_storage_size: u32,
    /// Invocations in a workgroup.
    pub max_compute_invocations_per_workgroup: u32,
    /// 16-bit floats in shaders.
    pub shader_f16: bool,
    /// Subgroup operations in shaders.
    pub subgroups: bool,
    /// Timestamps at pass boundaries.
    pub timestamps: bool,
}
