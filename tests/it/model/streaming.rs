//! What loading takes of the computer's memory: little, however large the checkpoint.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
    sync::Arc,
};

use mirscope::{
    engine::random_checkpoint,
    gpu::{DType, Gpu, GpuOptions},
    model::{Checkpoint, Vlm},
    platform::Cancel,
    weights::{ByteSource, FolderSource, StorageType},
};
use serde_json::json;

/// Bytes that reading and uploading may take beside what the device holds.
const MOST: u64 = 64 << 20;

/// Names the folder of the checkpoint to the process that loads it.
const FOLDER: &str = "MIRSCOPE_STREAMING_TEST";

const WEIGHTS: &str = "model.safetensors";

/// Writes a checkpoint of half a gigabyte, two tensors of which are larger than what loading may take. Its
/// weights are zeros that take no room on disk.
fn write_checkpoint(folder: &Path) {
    let config = json!({
        "architectures": ["LlavaForConditionalGeneration"],
        "model_type": "llava",
        "image_token_index": 1,
        "vision_feature_layer": -1,
        "vision_feature_select_strategy": "full",
        "tie_word_embeddings": false,
        "vision_config": {
            "model_type": "siglip_vision_model",
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 1,
            "num_attention_heads": 1,
            "image_size": 92,
            "patch_size": 4,
        },
        "text_config": {
            "model_type": "llama",
            // No multiple of four: the device pads each row.
            "hidden_size": 804,
            "intermediate_size": 3000,
            "num_hidden_layers": 5,
            "num_attention_heads": 6,
            "vocab_size": 128_000,
            "max_position_embeddings": 4096,
            "rms_norm_eps": 1e-5,
            "tie_word_embeddings": false,
        },
    })
    .to_string();
    let random = random_checkpoint(&config, StorageType::BF16).unwrap();
    let source = random.source();
    let size = source.read_range(WEIGHTS, 0..8).unwrap();
    let size = u64::from_le_bytes(size.try_into().unwrap());
    let head = source.read_range(WEIGHTS, 0..8 + size).unwrap();
    fs::write(folder.join("config.json"), config).unwrap();
    let mut file = File::create(folder.join(WEIGHTS)).unwrap();
    file.write_all(&head).unwrap();
    let len = source.len(WEIGHTS).unwrap().unwrap();
    assert!(len > 500_000_000, "{len}");
    file.set_len(len).unwrap();
}

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.unwrap().trim_matches([':', ' ', '\t', 'k', 'B']);
    kilobytes.parse::<u64>().unwrap() << 10
}

/// In a process of its own, which nothing else takes memory of.
#[test]
fn loading_half_a_gigabyte_takes_little_memory() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return load(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    write_checkpoint(folder.path());
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "model::streaming::loading_half_a_gigabyte_takes_little_memory",
        ])
        .args(["--nocapture", "--test-threads", "1"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("1 passed"), "{stdout}");
}

/// Loads the checkpoint and compares, after each read, the most memory that the process has had since the
/// read before with what stands on the device by then: on a software adapter that is the same memory.
fn load(folder: &Path) {
    let gpu = pollster::block_on(Gpu::request(&GpuOptions::default())).unwrap();
    let source: Arc<dyn ByteSource> = Arc::new(FolderSource::open(folder).unwrap());
    let checkpoint = Checkpoint::open(source).unwrap();
    // What a driver takes once for any upload is none of the checkpoint's.
    gpu.upload_bytes(DType::F32, 1, 4, &[0; 16]).unwrap();
    pollster::block_on(gpu.flush().wait(&gpu)).unwrap();
    let before = status("VmRSS");
    let (mut most, mut reads, mut told) = (0, 0, 0);
    let vlm = pollster::block_on(Vlm::load(
        &gpu,
        &checkpoint,
        &Cancel::default(),
        &mut |done, total| {
            let on_device = if gpu.is_software() { told } else { 0 };
            most = most.max(status("VmHWM").saturating_sub(before + on_device));
            // Forgets the highest value so far.
            fs::write("/proc/self/clear_refs", "5").unwrap();
            (reads, told) = (reads + 1, done);
            assert!(done <= total);
        },
    ))
    .unwrap();
    let weights: u64 = checkpoint.used().map(|(_, info)| info.bytes()).sum();
    assert_eq!(told, weights);
    assert!(reads > weights >> 23, "{reads}");
    assert!(gpu.memory().allocated >= weights);
    drop(vlm);
    eprintln!("at most {} MiB beside the device's", most >> 20);
    assert!(most <= MOST, "loading took {} MiB", most >> 20);
}
