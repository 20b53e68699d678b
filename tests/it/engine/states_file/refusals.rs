//! Files of states from elsewhere: with less in them, in 16 bits, or not to be measured.

use std::{collections::BTreeMap, fs, path::Path};

use half::{bf16, f16};
use mirscope::{
    engine::{MeasureSettings, Session},
    report::{Definition, TextMask},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{
    super::{measure, refusal, report},
    command, exported, of_file, settings,
};

/// A file of states taken apart.
#[derive(Clone)]
struct Parts {
    tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
    texts: BTreeMap<String, String>,
}

impl Parts {
    fn of(file: &Path) -> Self {
        let bytes = fs::read(file).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
        let part = |(name, view): (String, TensorView<'_>)| {
            (
                name,
                view.dtype(),
                view.shape().to_vec(),
                view.data().to_vec(),
            )
        };
        Self {
            tensors: tensors.into_iter().map(part).collect(),
            texts: header.metadata().clone().unwrap().into_iter().collect(),
        }
    }

    fn tensor(&mut self, name: &str) -> &mut (String, Dtype, Vec<usize>, Vec<u8>) {
        self.tensors
            .iter_mut()
            .find(|tensor| tensor.0 == name)
            .unwrap()
    }

    fn write(&self, file: &Path) {
        let view = |(name, dtype, shape, data): &'_ (String, Dtype, Vec<usize>, Vec<u8>)| {
            (name.clone(), *dtype, shape.clone(), data.clone())
        };
        let parts: Vec<_> = self.tensors.iter().map(view).collect();
        let views = parts.iter().map(|(name, dtype, shape, data)| {
            (
                name.clone(),
                TensorView::new(*dtype, shape.clone(), data).unwrap(),
            )
        });
        let bytes =
            safetensors::serialize(views, Some(self.texts.clone().into_iter().collect())).unwrap();
        fs::write(file, bytes).unwrap();
    }

    /// Stores the states in 16 bits.
    fn halved(mut self, dtype: Dtype, half: impl Fn(f32) -> [u8; 2]) -> Self {
        for (name, stored, _, data) in &mut self.tensors {
            if name.starts_with("hidden_states.") {
                *stored = dtype;
                let values = data
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|value| f32::from_le_bytes(*value));
                *data = values.flat_map(&half).collect();
            }
        }
        self
    }
}

#[test]
fn states_in_16_bits_and_without_what_is_not_needed_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states.safetensors");
    let mut session = Session::default();
    let first = exported(&mut session, &file, 3, settings());
    let mir = first.mir.unwrap();
    let parts = Parts::of(&file);
    for half in [
        parts
            .clone()
            .halved(Dtype::F16, |value| f16::from_f32(value).to_le_bytes()),
        parts
            .clone()
            .halved(Dtype::BF16, |value| bf16::from_f32(value).to_le_bytes()),
    ] {
        half.write(&file);
        let found = of_file(&mut session, &file, settings()).mir.unwrap();
        assert!(found != mir && (found - mir).abs() < 0.01, "{found}, {mir}");
    }

    // As somebody writes it who knows of the format only what a definition takes.
    let last = format!("hidden_states.{}.before_norm", first.layers.len());
    let mut bare = parts.clone();
    bare.texts.clear();
    bare.tensors.retain(|(name, ..)| {
        !["hidden_states.0", "input_ids", "is_content", &last].contains(&name.as_str())
    });
    bare.write(&file);
    let official = MeasureSettings {
        definition: Definition::OfficialAccurate,
        ..settings()
    };
    let read = of_file(&mut session, &file, official.clone());
    let mut request = measure(3);
    request.settings = official;
    let modelled = report(&mut session, request);
    assert_eq!((read.mir, &read.layers), (modelled.mir, &modelled.layers));
    assert!(read.contradiction().is_none());
    let said = |text: &str| read.notes.iter().any(|note| note.contains(text));
    assert!(
        said("does not say of the model: its name, architecture"),
        "{:?}",
        read.notes
    );
    assert!(said("not computed: chamfer"), "{:?}", read.notes);
    assert!(said(&last), "{:?}", read.notes);
    assert!(read.data.prompt.contains("unknown"));
    assert_eq!(read.model.name, file.display().to_string());

    let reason = refusal(&mut session, command(&file, settings()));
    assert!(
        reason.contains(&last) && reason.contains("before the final norm"),
        "{reason}"
    );
    assert!(reason.contains("use an official definition"), "{reason}");
    let content = MeasureSettings {
        text_mask: TextMask::Content,
        ..settings()
    };
    let reason = refusal(&mut session, command(&file, content));
    assert!(
        reason.contains("`is_content`") && reason.contains("found none"),
        "{reason}"
    );
}

#[test]
fn files_that_cannot_be_measured_are_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states.safetensors");
    let mut session = Session::default();
    let measured = exported(&mut session, &file, 2, settings());
    let width = measured.model.hidden_size;
    let whole = Parts::of(&file);
    let tokens = whole.clone().tensor("pair").2[0];
    type Change = Box<dyn Fn(&mut Parts)>;
    let change = |change: fn(&mut Parts)| -> Change { Box::new(change) };
    let cases: Vec<(Change, &[&str])> = vec![
        (
            change(|parts| parts.tensor("pair").3[0] = 7),
            &["tensor `pair`", "numbers that ascend", "found 0 at token 1"],
        ),
        (
            change(|parts| parts.tensor("is_vision").3[3] = 2),
            &["tensor `is_vision`: expected 0 or 1, found 2 at token 3"],
        ),
        (
            change(|parts| parts.tensor("is_text").3.fill(0)),
            &[
                "tensor `is_text`",
                "pair 1",
                "found none; leave the pair out",
            ],
        ),
        (
            change(|parts| parts.tensor("is_text").3.fill(1)),
            &["tensor `is_text`: expected 0 where `is_vision` is 1, found 1"],
        ),
        (
            change(|parts| {
                let last = parts.tensor("is_vision");
                last.2[0] -= 1;
                last.3.pop();
            }),
            &["tensor `is_vision`: expected one number for each of"],
        ),
        (
            change(|parts| parts.tensor("is_vision").1 = Dtype::I8),
            &["tensor `is_vision`", "whole numbers", "I8"],
        ),
        (
            change(|parts| parts.tensor("hidden_states.1").1 = Dtype::I32),
            &["tensor `hidden_states.1`: expected F32, F16 or BF16, found I32"],
        ),
        (
            Box::new(move |parts| parts.tensor("hidden_states.1").2 = vec![tokens * width]),
            &[
                "tensor `hidden_states.1`: expected shape [",
                "export the states again",
            ],
        ),
        (
            change(|parts| parts.tensors.retain(|tensor| tensor.0 != "hidden_states.1")),
            &["expected a tensor `hidden_states.1`, which is hidden_states[1], found none"],
        ),
        (
            change(|parts| {
                let huge = format!("hidden_states.{}", usize::MAX);
                parts.tensors.push((huge, Dtype::F32, vec![0], Vec::new()));
            }),
            &[
                "found no tensor `hidden_states.",
                "beside `hidden_states.18446744073709551615`",
            ],
        ),
        (
            change(|parts| parts.tensors.retain(|tensor| tensor.0 != "pair")),
            &["expected a tensor `pair`", "found none"],
        ),
        (
            change(|parts| {
                parts.tensor("hidden_states.1").3[..4].copy_from_slice(&f32::NAN.to_le_bytes());
                parts.tensor("is_vision").3[0] = 1;
            }),
            &[
                "tensor `hidden_states.1`: expected finite numbers, found NaN or infinity in 1 vision token;",
            ],
        ),
        (
            change(|parts| {
                for (_, _, shape, data) in &mut parts.tensors {
                    shape[0] = 0;
                    data.clear();
                }
            }),
            &["expected at least one image-text pair, found none in"],
        ),
        (
            change(|parts| drop(parts.texts.insert("states_format".into(), "2".into()))),
            &["`states_format` in the header: expected 1, found 2"],
        ),
        (
            change(|parts| drop(parts.texts.insert("model".into(), "[1]".into()))),
            &["`model` in the header: expected a JSON object"],
        ),
        (
            change(|parts| {
                drop(
                    parts
                        .texts
                        .insert("model".into(), r#"{"hidden_size": 3}"#.into()),
                )
            }),
            &["`hidden_size` in the header's `model` is 3, but the states have"],
        ),
    ];
    for (change, expected) in cases {
        let mut parts = whole.clone();
        change(&mut parts);
        parts.write(&file);
        let reason = refusal(&mut session, command(&file, settings()));
        for words in expected {
            assert!(reason.contains(words), "{words}: {reason}");
        }
        assert!(
            reason.contains("states.safetensors") && !reason.contains('\n'),
            "{reason}"
        );
    }
    // Damaged on the way: cut at any of many places, it is refused by the file's name.
    whole.write(&file);
    let bytes = fs::read(&file).unwrap();
    for length in [0, 4, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&file, &bytes[..length]).unwrap();
        let reason = refusal(&mut session, command(&file, settings()));
        assert!(reason.contains("states.safetensors"), "{length}: {reason}");
    }
    for (path, words) in [
        (
            folder.path().join("none.safetensors"),
            "found nothing there",
        ),
        (folder.path().to_owned(), "found a folder"),
    ] {
        let reason = refusal(&mut session, command(&path, settings()));
        assert!(reason.contains(words), "{reason}");
    }
    let small = MeasureSettings {
        memory_budget: Some(1000),
        ..settings()
    };
    fs::write(&file, &bytes).unwrap();
    let reason = refusal(&mut session, command(&file, small));
    assert!(reason.contains("memory budget"), "{reason}");
}
