//! The recipes of `docs/cookbook.md`, run as they stand there, with small files in the places of the reader's.

mod pytorch;

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Command, Stdio},
};

use mirscope::report::{CheckReport, Report, parse};
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};
use serde_json::json;
use tempfile::TempDir;

use super::{measure::small, text};
use crate::{golden, weights::gguf::llava_files};

/// Most lines of a recipe: what a screen shows.
const SCREEN: usize = 40;

const TEXTS: [&str; 6] = [
    "A cat.",
    "A red triangle.",
    "A bird flies over the hill.",
    "Two dogs.",
    "The sky is blue.",
    "A house by the sea.",
];

/// A recipe of the page.
struct Recipe {
    lines: usize,
    /// Language and content of each code block.
    blocks: Vec<(String, String)>,
}

/// The recipes by their headings, in the order of the page.
fn recipes() -> Vec<(String, Recipe)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/cookbook.md")).unwrap();
    let sections = page.split("\n## ").skip(1);
    let recipe = |section: &str| {
        let (heading, body) = section.split_once('\n').unwrap();
        let blocks = body.split("```").skip(1).step_by(2);
        let blocks = blocks.map(|block| {
            let (language, content) = block.split_once('\n').unwrap();
            (language.to_owned(), content.to_owned())
        });
        let recipe = Recipe {
            lines: section.lines().count(),
            blocks: blocks.collect(),
        };
        (heading.to_owned(), recipe)
    };
    sections.map(recipe).collect()
}

/// The code blocks of a recipe in this language.
fn blocks(heading: &str, language: &str) -> Vec<String> {
    let (_, recipe) = recipes()
        .into_iter()
        .find(|(found, _)| found == heading)
        .unwrap_or_else(|| panic!("the page has no recipe `{heading}`"));
    let blocks = recipe.blocks.into_iter();
    blocks
        .filter(|(found, _)| found == language)
        .map(|(_, content)| content)
        .collect()
}

/// A folder with the files that the recipes name, and the program on its `PATH`.
struct Kitchen(TempDir);

impl Kitchen {
    fn new() -> Self {
        let kitchen = Self(tempfile::tempdir().unwrap());
        fs::create_dir(kitchen.at("bin")).unwrap();
        symlink(env!("CARGO_BIN_EXE_mirscope"), kitchen.at("bin/mirscope")).unwrap();
        fs::copy(Path::new(&small()).join("image.png"), kitchen.at("a.png")).unwrap();
        let pairs = TEXTS.map(|text| json!({ "image": "a.png", "text": text }).to_string());
        fs::write(kitchen.at("pairs.jsonl"), pairs.join("\n")).unwrap();
        kitchen
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// Puts a golden file or folder where a recipe expects the reader's.
    fn lay(&self, golden_name: &str, name: &str) {
        symlink(golden::root().join(golden_name), self.at(name)).unwrap();
    }

    /// Puts a program on the `PATH` that stands in for one that is not here.
    fn stand_in(&self, name: &str, script: &str) {
        let file = self.at("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\nset -eu\n{script}")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a block, which succeeds, and returns what it printed.
    #[track_caller]
    fn cook(&self, block: &str) -> String {
        let path = env::var("PATH").unwrap();
        let output = Command::new("sh")
            .args(["-euc", block])
            .current_dir(self.0.path())
            .env("PATH", format!("{}:{path}", self.at("bin").display()))
            .env_remove("NO_COLOR")
            .env_remove("XDG_RUNTIME_DIR")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (code, out, err) = text(&output);
        assert_eq!(code, 0, "{block}{err}{out}");
        out
    }

    /// Runs the recipe's only block of commands.
    #[track_caller]
    fn cook_all(&self, heading: &str) -> String {
        let [block] = &blocks(heading, "sh")[..] else {
            panic!("expected one block of commands in `{heading}`");
        };
        self.cook(block)
    }

    #[track_caller]
    fn report(&self, name: &str) -> Report {
        parse(&fs::read_to_string(self.at(name)).unwrap(), name).unwrap()
    }
}

#[test]
fn eight_recipes_fit_a_screen_each() {
    let recipes = recipes();
    let headings: Vec<&str> = recipes.iter().map(|(heading, _)| &heading[..]).collect();
    let expected = [
        "Compare two connectors",
        "A base LLM with a connector file",
        "A GGUF file",
        "States from PyTorch",
        "Shards on a cluster",
        "A figure for a paper",
        "The page inside a lecture",
        "A self-check of an adapter",
    ];
    assert_eq!(headings, expected, "each has a test below");
    for (heading, recipe) in &recipes {
        assert!(recipe.lines <= SCREEN, "{heading}: {} lines", recipe.lines);
        for (language, _) in &recipe.blocks {
            let known = ["sh", "tex", "html"].contains(&&language[..]);
            assert!(known, "{heading}: nothing tests a block of `{language}`");
        }
    }
}

/// Writes the connector of the small checkpoint, its weights times `factor`, into a file of its own.
fn write_connector(file: &Path, factor: f32) {
    let model = fs::read(Path::new(&small()).join("model.safetensors")).unwrap();
    let model = SafeTensors::deserialize(&model).unwrap();
    let mut tensors = Vec::new();
    for (name, view) in model.tensors() {
        if name.starts_with("multi_modal_projector.") {
            let values = view.data().as_chunks::<4>().0.iter();
            let values = values.flat_map(|b| (factor * f32::from_le_bytes(*b)).to_le_bytes());
            tensors.push((name, view.shape().to_vec(), values.collect::<Vec<u8>>()));
        }
    }
    assert_eq!(tensors.len(), 4);
    let views = tensors.iter().map(|(name, shape, data)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), data).unwrap();
        (name.clone(), view)
    });
    fs::write(file, serialize(views, None).unwrap()).unwrap();
}

#[test]
fn two_connectors_are_compared() {
    let kitchen = Kitchen::new();
    kitchen.lay("clip_mlp_gqa_tied_f32", "llava-pretrained");
    write_connector(&kitchen.at("first.safetensors"), 1.0);
    write_connector(&kitchen.at("second.safetensors"), 0.5);
    let out = kitchen.cook_all("Compare two connectors");
    assert!(
        out.contains("less the first") && out.contains("beyond 0"),
        "{out}"
    );
    let [first, second] = ["first.json", "second.json"].map(|name| kitchen.report(name));
    // The first is the checkpoint's own.
    let own =
        kitchen.cook("mirscope measure --model llava-pretrained --pairs pairs.jsonl --json\n");
    let own = parse(&own, "stdout").unwrap();
    assert_eq!((first.mir, &first.layers), (own.mir, &own.layers));
    assert_ne!(first.mir, second.mir);
    let less = format!("{:.4}", second.mir.unwrap() - first.mir.unwrap());
    assert!(out.contains(&less), "{less} in {out}");
}

#[test]
fn a_base_llm_sees_with_a_connector_file() {
    let kitchen = Kitchen::new();
    let parts = "families/llava_original/connector";
    kitchen.lay(&format!("{parts}/llm"), "vicuna-7b");
    kitchen.lay(&format!("{parts}/tower"), "clip-vit-l-336");
    kitchen.lay(parts, "pretrain");
    let out = kitchen.cook_all("A base LLM with a connector file");
    let can = "measure       yes, this checkpoint can be measured here";
    assert!(out.contains(can), "{out}");
    let report = kitchen.report("report.json");
    assert_eq!(report.model.name, "mm_projector.bin");
    assert_eq!(report.model.architecture, "LlavaLlamaForCausalLM");
    assert!(report.mir.unwrap().is_finite());
}

#[test]
fn a_gguf_file_is_inspected_asked_and_measured() {
    let kitchen = Kitchen::new();
    let [model, vision] = llava_files();
    fs::create_dir(kitchen.at("gguf")).unwrap();
    fs::write(kitchen.at("gguf/model-Q4_K_M.gguf"), model).unwrap();
    fs::write(kitchen.at("gguf/mmproj-model-f16.gguf"), vision).unwrap();
    kitchen.lay("images/jpeg_420.jpg", "photo.jpg");
    // A square: with others the two files' processors differ, and rightly so.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let square = root.join("assets/demo/images/scene-001.png");
    fs::copy(square, kitchen.at("a.png")).unwrap();
    let out = kitchen.cook_all("A GGUF file");
    assert!(out.contains("photo.jpg"), "{out}");
    let report = kitchen.report("quantized.json");
    assert_eq!(report.data.num_pairs, TEXTS.len());
    // The same weights as Hugging Face's file has them, in the same words.
    kitchen.lay("clip_hub_layout_bf16", "original");
    let own = "mirscope measure --model original --pairs pairs.jsonl --prompt vicuna_v1 --json\n";
    let own = parse(&kitchen.cook(own), "stdout").unwrap();
    let again = "mirscope measure --model gguf/model-Q4_K_M.gguf --pairs pairs.jsonl \
                 --prompt vicuna_v1 --json\n";
    let again = parse(&kitchen.cook(again), "stdout").unwrap();
    assert_eq!(again.layers, own.layers);
}

#[test]
fn shards_of_a_cluster_make_one_report() {
    let kitchen = Kitchen::new();
    kitchen.lay("clip_mlp_gqa_tied_f32", "llava-pretrained");
    let [script, commands] = &blocks("Shards on a cluster", "sh")[..] else {
        panic!("expected the script of a job and the commands around it");
    };
    fs::write(kitchen.at("shards.sh"), script).unwrap();
    // Runs the array's jobs one after the other.
    let scheduler = "test \"$1\" = --wait\n\
        array=$(sed -n 's/^#SBATCH .*--array=\\([0-9]*\\)-\\([0-9]*\\).*/\\1 \\2/p' \"$2\")\n\
        for SLURM_ARRAY_TASK_ID in $(seq $array); do\n\
        export SLURM_ARRAY_TASK_ID\nsh -eu \"$2\"\ndone\n";
    kitchen.stand_in("sbatch", scheduler);
    let out = kitchen.cook(commands);
    assert!(out.contains("shard 3 of 3: 2 of 6 pairs"), "{out}");
    let merged = kitchen.report("report.json");
    let one =
        kitchen.cook("mirscope measure --model llava-pretrained --pairs pairs.jsonl --json\n");
    let one = parse(&one, "stdout").unwrap();
    assert_eq!((merged.mir, &merged.layers), (one.mir, &one.layers));
}

#[test]
fn a_figure_and_a_table_go_into_a_paper() {
    let kitchen = Kitchen::new();
    kitchen.lay("clip_mlp_gqa_tied_f32", "llava-pretrained");
    kitchen.lay("clip_two_layers_relu_bf16", "llava-instruct");
    let heading = "A figure for a paper";
    kitchen.cook_all(heading);
    let read = |name: &str| fs::read_to_string(kitchen.at(name)).unwrap();
    assert!(read("layers.svg").starts_with("<svg"));
    assert_ne!(read("layers.svg"), read("both.svg"));
    assert!(read("table.tex").starts_with("\\begin{tabular}"));
    let layers = kitchen.report("ours.json").layers.len();
    assert!(read("layers.csv").lines().count() > layers);
    // What the document takes was written.
    let tex = blocks(heading, "tex").concat();
    let taken = tex
        .split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'));
    let taken: Vec<&str> = taken.map(|(name, _)| name).collect();
    assert_eq!(taken.len(), 2, "{tex}");
    for name in taken {
        assert!(kitchen.at(name).is_file(), "{name}");
    }
}

/// Each link's fragment says what the app understands, whole: a view alone, and nothing that it would ignore.
#[cfg(feature = "app")]
#[test]
fn links_of_a_lecture_show_a_view_alone() {
    use mirscope::app::store::View;
    let html = blocks("The page inside a lecture", "html").concat();
    let links: Vec<&str> = html
        .split("src=\"")
        .skip(1)
        .filter_map(|part| Some(part.split_once('"')?.0))
        .collect();
    assert_eq!(links.len(), html.lines().count());
    let mut shown = Vec::new();
    for link in links {
        let view = View::from_link(link);
        let (_, fragment) = link.split_once('#').unwrap();
        let parts = |text: &str| {
            let mut parts: Vec<String> = text.split('&').map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert_eq!(parts(&view.to_link()[1..]), parts(fragment), "{link}");
        shown.push(view.embed.unwrap_or_else(|| panic!("{link} shows all")));
    }
    shown.dedup();
    assert_eq!(shown.len(), 5, "every view once: {shown:?}");
}

/// A kitchen whose golden folder, in the recipe the clone's, has two of its cases.
fn with_golden() -> Kitchen {
    let kitchen = Kitchen::new();
    fs::create_dir_all(kitchen.at("tests/golden")).unwrap();
    for case in ["clip_mlp_gqa_tied_f32", "clip_hub_layout_bf16"] {
        kitchen.lay(case, &format!("tests/golden/{case}"));
    }
    kitchen
}

#[test]
fn an_adapter_is_listed_and_runs_whole_models() {
    let kitchen = with_golden();
    let [first, models] = &blocks("A self-check of an adapter", "sh")[..] else {
        panic!("expected the check, and that of a clone");
    };
    let adapters = kitchen.cook(first.lines().next().unwrap());
    assert!(adapters.starts_with("0  "), "{adapters}");
    let out = kitchen.cook(models);
    assert!(out.contains("all 2 comparisons are right"), "{out}");
}

#[test]
#[ignore = "every kernel once more, by the program: two minutes"]
fn an_adapter_is_checked_kernel_by_kernel() {
    let kitchen = Kitchen::new();
    kitchen.cook(&blocks("A self-check of an adapter", "sh")[0]);
    let json = fs::read_to_string(kitchen.at("check.json")).unwrap();
    let report: CheckReport = serde_json::from_str(&json).unwrap();
    assert!(report.ok && report.demo.is_some());
    assert!(report.left_out.len() <= 1, "{:?}", report.left_out);
}
