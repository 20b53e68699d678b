//! Reports: as text, as files, and back.

mod cards;
mod comparison;
mod consistency;
mod contrast;
mod figures;
mod files;
mod forms;
mod performance;
mod schema;
mod shipped_study;
mod study;
mod study_quantities;
mod table;
mod topics;
mod verdicts;

use mirscope::report::{
    DataSummary, Definition, DeviceSummary, LayerReport, ModelSummary, Outliers, Report, SCHEMA,
    StageTiming, TextMask,
};

/// A layer whose three parts are given.
pub(crate) fn layer(k: usize, [location, spread, shape]: [f64; 3]) -> LayerReport {
    LayerReport {
        layer: k,
        state: format!("hidden_states[{k}]"),
        frechet: location + spread + shape,
        location,
        spread,
        shape,
        frechet_upper: None,
        frechet_norm_matched: 0.25,
        n_vision: 12_800,
        n_text: 9_321,
        mean_norm_vision: 30.0,
        mean_norm_text: 1.5,
        outliers_vision: 7,
        outliers_text: 0,
        near_limit: Some([3, 0]),
        moments: None,
    }
}

/// A report whose terms span eight orders of magnitude.
pub(crate) fn report() -> Report {
    let layers = vec![
        layer(1, [800.0, 90.0, 110.0]),
        layer(2, [8.0, 0.5, 1.5]),
        layer(3, [4e-6, 5e-6, 1e-6]),
    ];
    let sum: f64 = layers.iter().map(|layer| layer.frechet).sum();
    Report {
        schema: SCHEMA,
        mir: Some(sum.log10()),
        norm_matched_mir: Some(0.75_f64.log10()),
        definition: Definition::Exact,
        text_mask: TextMask::Official,
        outliers: Outliers::Replace,
        metrics: mirscope::report::of_layers(Definition::Exact, &layers),
        layers,
        samples: Vec::new(),
        model: ModelSummary {
            name: "tiny <llava>".to_owned(),
            architecture: "LlavaForConditionalGeneration".to_owned(),
            parts: vec!["tower".to_owned()],
            parameters: 4_812_345,
            dtype: "f16".to_owned(),
            hidden_size: 128,
            num_hidden_layers: 3,
        },
        data: DataSummary {
            source: "the demo's held-out pairs".to_owned(),
            num_pairs: 100,
            seed: 7,
            prompt: "the checkpoint's chat template".to_owned(),
            protocol: None,
            skipped: Vec::new(),
        },
        device: DeviceSummary {
            adapter: "llvmpipe".to_owned(),
            backend: "vulkan".to_owned(),
            device_type: "cpu".to_owned(),
            driver: "Mesa".to_owned(),
            kernels: "direct".to_owned(),
        },
        timings: vec![StageTiming {
            stage: "forward".to_owned(),
            seconds: 12.5,
        }],
        mirscope_version: "0.1.0".to_owned(),
        notes: vec!["2 texts were cut to fit the context of 256 tokens".to_owned()],
    }
}

/// The same measured with the closed form of the released script's fast mode, with a negative sum.
pub(crate) fn undefined() -> Report {
    let mut report = report();
    report.definition = Definition::OfficialFast;
    report.mir = None;
    for layer in &mut report.layers {
        layer.frechet_upper = Some(layer.frechet);
        layer.frechet = -layer.frechet;
    }
    report.metrics = mirscope::report::of_layers(report.definition, &report.layers);
    report
}
