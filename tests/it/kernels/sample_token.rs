use mirscope::{
    gpu::{DType, Gpu, Recording, Tensor},
    kernels::gather_rows::gather_rows,
    kernels::sample_token::{Sampling, sample_token},
    report::SplitMix64,
};

use crate::support::gpu;

fn drawn(gpu: &Gpu, logits: &Tensor, with: &Sampling) -> (Tensor, Tensor) {
    let ids = gpu.tensor(DType::U32, 1, 1).unwrap();
    let out = gpu.tensor(DType::F32, 1, 2).unwrap();
    let mut recording = Recording::new();
    recording.push(sample_token(logits, with, &ids, &out).unwrap());
    pollster::block_on(gpu.run(&recording)).unwrap();
    (ids, out)
}

#[test]
fn the_id_is_there_for_the_step_that_follows() {
    let gpu = gpu();
    let mut values = vec![0.0; 70];
    values[61] = 3.0;
    let logits = gpu.upload(1, 70, &values).unwrap();
    let (ids, _) = drawn(&gpu, &logits, &Sampling::GREEDY);
    let table: Vec<f32> = (0..70).map(|row| row as f32).collect();
    let table = gpu.upload(70, 1, &table).unwrap();
    let out = gpu.tensor(DType::F32, 1, 1).unwrap();
    let mut recording = Recording::new();
    recording.push(gather_rows(&ids, &table, 0, &out, 0).unwrap());
    pollster::block_on(gpu.run(&recording)).unwrap();
    let row = pollster::block_on(gpu.read(&[&out])).unwrap();
    assert_eq!(row[0].values, [61.0]);
}

#[test]
fn tokens_come_as_often_as_they_are_likely() {
    let gpu = gpu();
    // Probabilities 0.5, 0.3 and 0.2; of the last two one is cut off by top_p.
    let probabilities = [0.2_f32, 0.5, 0.3];
    let logits: Vec<f32> = probabilities.iter().map(|p| p.ln()).collect();
    let logits = gpu.upload(1, 3, &logits).unwrap();
    let mut random = SplitMix64::new(3);
    let mut counts = [[0; 3]; 2];
    for _ in 0..400 {
        let draw = Sampling::draw(random.next_u64());
        assert!((0.0..1.0).contains(&draw));
        for (limit, counts) in [1.0, 0.7].into_iter().zip(&mut counts) {
            let with = Sampling {
                temperature: 1.0,
                top_k: 0,
                top_p: limit,
                draw,
            };
            let (_, out) = drawn(&gpu, &logits, &with);
            let read = pollster::block_on(gpu.read(&[&out])).unwrap();
            counts[read[0].values[0] as usize] += 1;
        }
    }
    let near = |count: i32, share: f32| (count as f32 - 400.0 * share).abs() < 40.0;
    let [all, cut] = counts;
    assert!(
        near(all[0], 0.2) && near(all[1], 0.5) && near(all[2], 0.3),
        "{all:?}"
    );
    assert!(
        cut[0] == 0 && near(cut[1], 0.625) && near(cut[2], 0.375),
        "{cut:?}"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let gpu = gpu();
    let tensor = |dtype, rows, cols| gpu.tensor(dtype, rows, cols).unwrap();
    let (logits, ids) = (tensor(DType::F32, 1, 9), tensor(DType::U32, 1, 1));
    let out = tensor(DType::F32, 1, 2);
    assert!(sample_token(&logits, &Sampling::GREEDY, &ids, &out).is_ok());
    let refused = |logits: &Tensor, with: Sampling, ids: &Tensor, out: &Tensor| {
        let error = sample_token(logits, &with, ids, out).unwrap_err();
        assert!(error.to_string().contains("sample_token"), "{error}");
    };
    refused(&tensor(DType::F32, 2, 9), Sampling::GREEDY, &ids, &out);
    refused(&logits, Sampling::GREEDY, &out, &out);
    let wrong = |temperature, top_p, draw| Sampling {
        temperature,
        top_k: 0,
        top_p,
        draw,
    };
    for with in [
        wrong(-1.0, 1.0, 0.0),
        wrong(f32::NAN, 1.0, 0.0),
        wrong(1.0, 0.0, 0.0),
        wrong(1.0, 1.5, 0.0),
        wrong(1.0, 1.0, 1.0),
    ] {
        refused(&logits, with, &ids, &out);
    }
}
