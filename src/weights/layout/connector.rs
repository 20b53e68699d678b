//! Tensors of the connector, under `multi_modal_projector.`.

use super::{List, RuledOut, Size};
use crate::weights::config::{ConnectorKind, VlmConfig, reduced};

const PREFIX: &str = "multi_modal_projector";

pub(super) fn expected(config: &VlmConfig, list: &mut List) {
    let c = &config.connector;
    let features = (
        c.in_features,
        "vision_config.hidden_size times the number of vision_feature_layer",
    );
    let out = (c.out_features, "text_config.hidden_size");
    let input = match c.kind {
        ConnectorKind::PixelShuffle { scale } => (
            c.in_features * scale * scale,
            "vision_config.hidden_size times the square of mm_projector_scale",
        ),
        _ => features,
    };
    for i in 1..=c.kind.linear_layers() {
        let input = if i == 1 { input } else { out };
        list.linear(&format!("{PREFIX}.linear_{i}"), out, input, c.bias);
    }
    match c.kind {
        ConnectorKind::AttentionPool { tokens, .. } => {
            let tokens = (tokens, "mm_projector_tokens");
            attention_pool(list, tokens, features, out);
        }
        ConnectorKind::CAbstractor {
            hidden_size, depth, ..
        } => {
            let positions = (
                config.vision.num_patches(),
                "the size of pictures and vision_config.patch_size",
            );
            let hidden = (hidden_size, "mm_projector_hidden_size");
            list.add(format!("{PREFIX}.pos_emb"), &[ONE, positions, features]);
            for stage in [0, 2] {
                for i in 1..=depth {
                    let first = stage == 0 && i == 1;
                    let input = if first { features } else { hidden };
                    block(list, &format!("{PREFIX}.net.{stage}.b{i}"), hidden, input);
                }
            }
            list.linear(&format!("{PREFIX}.readout.0"), out, hidden, true);
            list.linear(&format!("{PREFIX}.readout.2"), out, out, true);
        }
        _ => {}
    }
}

/// A size that is always 1.
const ONE: Size = (1, "the layout");
/// Side of a depthwise kernel.
const KERNEL: Size = (3, "the layout");

fn attention_pool(list: &mut List, tokens: Size, width: Size, out: Size) {
    list.add(format!("{PREFIX}.query"), &[tokens, width]);
    list.layer_norm(&format!("{PREFIX}.norm"), width);
    for part in ["q_proj", "k_proj", "v_proj"] {
        list.linear(&format!("{PREFIX}.{part}"), width, width, true);
    }
    list.linear(&format!("{PREFIX}.out_proj"), out, width, true);
}

/// A block of the C-Abstractor, as timm's RegStage names it.
fn block(list: &mut List, name: &str, hidden: Size, input: Size) {
    let pointwise = [hidden, input, ONE, ONE];
    let conv = |list: &mut List, part: &str, sizes: &[Size]| {
        list.add(format!("{name}.{part}.conv.weight"), sizes);
        list.layer_norm(&format!("{name}.{part}.bn"), hidden);
    };
    conv(list, "conv1", &pointwise);
    conv(list, "conv2", &[hidden, ONE, KERNEL, KERNEL]);
    let quarter = (reduced(input.0), input.1);
    list.add(
        format!("{name}.se.fc1.weight"),
        &[quarter, hidden, ONE, ONE],
    );
    list.add(format!("{name}.se.fc1.bias"), &[quarter]);
    list.add(
        format!("{name}.se.fc2.weight"),
        &[hidden, quarter, ONE, ONE],
    );
    list.add(format!("{name}.se.fc2.bias"), &[hidden]);
    conv(list, "conv3", &[hidden, hidden, ONE, ONE]);
    if input.0 != hidden.0 {
        conv(list, "downsample", &pointwise);
    }
}

/// What another connector than the configuration's would have.
pub(super) fn ruled_out(config: &VlmConfig) -> Vec<RuledOut> {
    let c = &config.connector;
    let layers = c.kind.linear_layers();
    let biases = (1..=layers).filter(|_| !c.bias).map(|i| RuledOut {
        name: format!("{PREFIX}.linear_{i}.bias"),
        field: "multimodal_projector_bias",
        value: "false".into(),
    });
    let more = RuledOut {
        name: format!("{PREFIX}.linear_{}.", layers + 1),
        field: "mm_projector_type",
        value: c.kind.name(),
    };
    biases.chain([more]).collect()
}
