//! The golden checkpoints open, in whatever layout they are written.

use mirscope::{
    families::{Activation, ConnectorKind, FeatureSelect, RopeScaling, TowerKind},
    weights::StorageType,
};

use crate::golden;

#[test]
fn every_golden_checkpoint_opens_and_reads() {
    for case in golden::cases() {
        let checkpoint = case.checkpoint();
        let mut bytes = 0;
        for (used, info) in checkpoint.used() {
            let tensor = checkpoint.tensor(&used.name, &info.shape).unwrap();
            let values = tensor.to_f32();
            assert!(
                values.iter().all(|v| v.is_finite()),
                "{} {}",
                case.name,
                used.name
            );
            bytes += info.bytes();
        }
        assert!(bytes > 10_000, "{}", case.name);
        let config = &checkpoint.spec;
        let (shape, _) = case.tensor("image_features");
        assert_eq!(
            shape,
            [
                config.vision().unwrap().num_image_tokens(),
                config.text.hidden_size
            ],
            "{}",
            case.name
        );
        let last = format!(
            "vision_hidden_states.{}",
            config.vision().unwrap().tower.num_hidden_layers
        );
        let (shape, _) = case.tensor(&last);
        let rows = config.vision().unwrap().pictures_per_image()
            * config.vision().unwrap().tower.num_positions();
        assert_eq!(shape, [rows, config.vision().unwrap().tower.hidden_size]);
    }
}

#[test]
fn configurations_say_what_the_cases_were_made_with() {
    for case in golden::cases() {
        let checkpoint = case.checkpoint();
        let c = &checkpoint.spec;
        let dtype = |name: &str| checkpoint.info(name).unwrap().storage().unwrap();
        let embedding = dtype("language_model.embed_tokens.weight");
        match case.name.as_str() {
            "clip_mlp_gqa_tied_f32" => {
                assert!(c.text.tie_word_embeddings && !checkpoint.has("lm_head.weight"));
                assert_eq!(c.text.rope_theta, 500.0);
                assert_eq!(c.text.num_key_value_heads, 2);
                assert_eq!(c.vision().unwrap().feature_layers, [-2]);
                assert_eq!(embedding, StorageType::F32);
            }
            "clip_hub_layout_bf16" => {
                assert_eq!(
                    (
                        c.vision().unwrap().tower.image_size,
                        c.vision().unwrap().tower.patch_size
                    ),
                    (42, 14)
                );
                assert_eq!(c.text.rope_theta, 10_000.0);
                assert_eq!(c.text.max_position_embeddings, 400);
                assert_eq!(c.pad_token_id, Some(3));
                assert_eq!(embedding, StorageType::BF16);
            }
            "siglip_full_f16" => {
                assert_eq!(c.vision().unwrap().tower.kind, TowerKind::Siglip);
                assert_eq!(c.vision().unwrap().feature_select, FeatureSelect::Full);
                assert_eq!(
                    c.vision().unwrap().connector.activation,
                    Activation::GeluTanh
                );
                assert_eq!(embedding, StorageType::F16);
            }
            "clip_linear_connector" => {
                assert_eq!(c.vision().unwrap().connector.kind, ConnectorKind::LINEAR);
                assert_eq!(c.text.head_dim, 6);
            }
            "siglip_sharded_biases" => {
                assert!(c.text.attention_bias && c.text.mlp_bias);
                assert_eq!(c.text.head_dim, 10);
                assert_eq!(c.text.rope_scaling, RopeScaling::Linear { factor: 2.5 });
                assert_eq!(c.text.activation, Activation::Gelu);
                let files: std::collections::BTreeSet<_> =
                    checkpoint.iter().map(|(_, info)| &info.file).collect();
                assert!(files.len() > 1);
            }
            "clip_two_layers_relu_bf16" => {
                assert_eq!(c.vision().unwrap().feature_states(), [2, 1]);
                assert!(!c.vision().unwrap().connector.bias);
                assert_eq!(c.vision().unwrap().connector.in_features, 48);
                assert!(matches!(c.text.rope_scaling, RopeScaling::Llama3 { .. }));
            }
            "clip_interpolated" => {
                let v = &c.vision().unwrap().tower;
                assert_eq!((v.image_size, v.picture_size), (28, 42));
                assert_eq!((v.table_per_side(), v.patches_per_side()), (4, 6));
                assert_eq!(c.vision().unwrap().num_image_tokens(), 36);
            }
            "siglip_interpolated" => {
                assert_eq!(
                    (
                        c.vision().unwrap().tower.image_size,
                        c.vision().unwrap().tower.picture_size
                    ),
                    (28, 21)
                );
                assert_eq!(c.vision().unwrap().num_image_tokens(), 9);
            }
            "clip_sub_images" => {
                assert_eq!(c.vision().unwrap().sub_images, Some(2));
                assert_eq!(
                    (
                        c.vision().unwrap().pictures_per_image(),
                        c.vision().unwrap().tokens_per_picture()
                    ),
                    (5, 4)
                );
                assert_eq!(c.vision().unwrap().num_image_tokens(), 20);
            }
            other => panic!("nothing is known of {other}"),
        }
    }
}
