//! The arguments of most commands, with the help that clap prints. It is long because every flag has its sentence here.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, builder::TypedValueParser};

use crate::{
    engine::{BenchRequest, Command, Extra, MetricChoice, RecordRequest, Shard},
    report::{Definition, Outliers, PromptStyle, Protocol, TextMask},
};

use super::{
    ask::Ask,
    check_args::Check,
    choice::named,
    color::ColorChoice,
    device_args::Device,
    model_args::{Network, Parts},
    number::{parse_number_of_pairs, parse_seed},
    passes::Passes,
    pieces::Merge,
    records::Records,
    size::parse_size,
};

/// Measures how well a vision-language model's modalities are aligned.
///
/// Runs the model in WGSL compute shaders on the GPU (or a software adapter), keeps its hidden
/// states there and prints the Modality Integration Rate (MIR) with what it is made of, layer by
/// layer. Lower is nearer to the words.
#[derive(Debug, Parser)]
#[command(
    name = "mirscope",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = TOP_EXAMPLES
)]
pub(crate) struct Args {
    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Show no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) task: Option<Task>,
}

const TOP_EXAMPLES: &str = "\
Examples:
  mirscope measure                        the demo: per-layer table, MIR, report.json
  mirscope measure --model DIR --pairs FILE.jsonl
  mirscope inspect llava-hf/llava-1.5-7b-hf --dry-run
                                          what would be fetched of a repository of the hub
  mirscope ask --image FILE \"What is in the picture?\"
  mirscope adapters                       what can compute here";

const MEASURE_EXAMPLES: &str = "\
Examples:
  mirscope measure
      the demo checkpoint on the demo's pairs; writes report.json
  mirscope measure --connector untrained --num-pairs 20 --json
      the same model with its connector before training, 20 pairs, JSON on stdout
  mirscope measure --model llava-hf/llava-1.5-7b-hf --images photos --texts stories --num-pairs 100 --seed 7
      a repository of the hub (or a folder) on images and texts that need not match, as in the paper
  mirscope measure --model DIR --protocol mir-paper --images textvqa/val --texts cnn/stories
      the paper's own protocol
  mirscope measure --model DIR --pairs pairs.jsonl --definition official-accurate --out run.html
      each image with its own text; one line of the file: {\"image\": \"a.png\", \"text\": \"A cat.\"}

  mirscope measure --model DIR --pairs pairs.jsonl --export-states states.safetensors
  mirscope measure --states states.safetensors --definition official-fast
      the same states again, without the model

  mirscope measure --model DIR --pairs pairs.jsonl --shard 1/2 --stats one.safetensors
      the first of two shards, for `mirscope merge`; after an interruption it goes on where it stopped

  mirscope measure --base-llm vicuna-7b --vision-tower clip-vit-l-336 --connector mm_projector.bin --pairs FILE.jsonl
      what a pre-training of the connector leaves, put together of its parts

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 cancelled.";

const BENCH_EXAMPLES: &str = "\
Examples:
  mirscope bench --quick
  mirscope bench --record record.json --budget 120";

const STUDY_EXAMPLES: &str = "\
Examples:
  mirscope study assets/study
      the study that the recipe in training/ made; writes results.json, results.csv, results.md
      and figures/ into the folder
  mirscope study assets/study --all --num-pairs 20
      everything again, on fewer pairs

A checkpoint is measured again only where its files, the pairs or the settings changed. After Ctrl-C
the same command goes on where it stopped.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Measure the alignment of a checkpoint on image-text pairs
    Measure(Box<Measure>),
    /// Report what the shards of a measurement saved, as one run over all their pairs would
    Merge(Merge),
    /// Ask a model about images, or let it go on with a text
    Ask(Box<Ask>),
    /// Open the app: the alignment layer by layer, the two clouds, words and attention of patches
    #[cfg(feature = "app")]
    App(App),
    /// Describe a checkpoint: architecture, sizes, dtypes, what it needs and what the adapter grants
    Inspect(Inspect),
    /// List the adapters at hand and what they grant
    Adapters(Adapters),
    /// Check whether the adapter at hand computes rightly: every kernel, whole models, the demo
    Check(Check),
    /// Time matrix multiplications, forwards and the metric on this machine
    Bench(Bench),
    /// Measure a study of checkpoints and test the papers' claims against it: tables, figures, results.json
    #[command(alias = "family")]
    Study(Study),
    /// Print a report again, or turn it into CSV, HTML or SVG
    Show(Show),
    /// Print shell completions
    #[command(
        after_help = "Example:\n  mirscope completions bash > ~/.local/share/bash-completion/completions/mirscope"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the page about performance from stored records
    #[command(hide = true)]
    Records(Records),
    /// Time forward passes over given input, for a comparison with other programs
    #[command(hide = true)]
    Passes(Passes),
    /// Record what the app shows of the demo before anything was measured
    #[cfg(feature = "app")]
    #[command(hide = true)]
    RecordDemo(RecordDemo),
}

/// Arguments of `record-demo`.
#[cfg(feature = "app")]
#[derive(Debug, ClapArgs)]
pub(crate) struct RecordDemo {
    /// Where the recording goes
    #[arg(long, value_name = "FILE", default_value = "assets/demo/recorded.cbor")]
    pub(crate) out: PathBuf,
    /// The training's figures
    #[arg(long, value_name = "FILE", default_value = "assets/demo/metrics.json")]
    pub(crate) metrics: PathBuf,
    /// What was found of the study
    #[arg(long, value_name = "FILE", default_value = "assets/study/results.json")]
    pub(crate) results: PathBuf,
}

/// Arguments of `measure`.
#[derive(Debug, ClapArgs)]
#[command(after_help = MEASURE_EXAMPLES)]
pub(crate) struct Measure {
    /// Hugging Face folder of the checkpoint, or a repository of the hub (owner/name, owner/name@revision or
    /// owner/name/FILE.gguf), which is fetched into its cache [default: the demo]
    #[arg(long, value_name = "DIR|ID")]
    pub(crate) model: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) parts: Parts,
    #[command(flatten)]
    pub(crate) network: Network,
    /// Images, or folders of them (png, jpg, jpeg, webp, gif, bmp); need not match the texts. Without
    /// --texts: a folder whose metadata.jsonl has a text for each image. With --pairs: the folder in which its image
    /// paths are looked up first
    #[arg(long, value_name = "DIR|FILE", num_args = 1..)]
    pub(crate) images: Vec<PathBuf>,
    /// Texts, one a file, or folders of .txt files and of CNN/DailyMail's .story files, whose text ends before
    /// the first @highlight
    #[arg(long, value_name = "DIR|FILE", num_args = 1.., requires = "images", conflicts_with = "pairs")]
    pub(crate) texts: Vec<PathBuf>,
    /// Image-text pairs, one JSON object a line: {"image": path, "text": string}, or a document of
    /// images with their texts: {"images": [path, ...], "texts": [string, ...]}, or a video's frames:
    /// {"video": [path, ...], "text": string}; "frames": N beside an image takes N frames of an animated GIF or WebP, or N images of a folder,
    /// evenly, as images. Also LLaVA's conversations, {"image": path, "conversations": [{"from": "human", "value":
    /// string}, {"from": "gpt", ...}]}, one a line or all in one JSON list: the human turns are the prompt, the gpt turns
    /// the text. Paths are relative to the file. Also the metadata.jsonl of an image folder ({"file_name": path, "text": string}), or
    /// the folder itself; - is standard input [default: the demo's pairs]
    #[arg(long, value_name = "FILE.jsonl|FILE.json")]
    pub(crate) pairs: Option<PathBuf>,
    /// mir-paper: the protocol of the paper on the Modality Integration Rate, on --images and --texts that need not
    /// match (its own are TextVQA's images and CNN/DailyMail's stories): --num-pairs 100, --prompt vicuna_v1,
    /// --definition official-accurate (the paper's equation on the released script's layers), --text-mask official;
    /// an option that is named wins, and the report says so
    #[arg(long, value_name = "NAME", value_parser = protocol_parser())]
    pub(crate) protocol: Option<Protocol>,
    /// Measure at most N pairs, chosen by the seed [default: all]
    #[arg(long, value_name = "N", value_parser = parse_number_of_pairs, allow_negative_numbers = true)]
    pub(crate) num_pairs: Option<u64>,
    /// Seed of the choice of pairs and of joining images with texts
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = parse_seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// checkpoint: its chat template, or vicuna_v1 where it has none; vicuna_v1: LLaVA-1.5's conversation, with
    /// the image and a newline as the user's turn and the text as the assistant's [default: checkpoint]
    #[arg(long, value_name = "NAME", value_parser = prompt_parser())]
    pub(crate) prompt: Option<PromptStyle>,
    /// exact: the paper's equation; official-fast and official-accurate: the released script's modes
    /// [default: exact]
    #[arg(long, value_name = "NAME", value_parser = definition_parser())]
    pub(crate) definition: Option<Definition>,
    /// official: everything after the last image token; content: only the pair's own text [default: official]
    #[arg(long, value_name = "NAME", value_parser = text_mask_parser())]
    pub(crate) text_mask: Option<TextMask>,
    /// What becomes of tokens whose norm lies more than three standard deviations from the median. replace: the
    /// median of each dimension takes their place, as in the released script; drop: left out, as the paper
    /// says; keep: nothing [default: replace]
    #[arg(long, value_name = "RULE", value_parser = outliers_parser())]
    pub(crate) outliers: Option<Outliers>,
    /// all: every quantity of the captured states; mir: only the Modality Integration Rate and what follows
    /// from its layers
    #[arg(long, value_name = "NAME", default_value = "all", value_parser = metrics_parser())]
    pub(crate) metrics: MetricChoice,
    /// Quantities that take time of their own, beside those of --metrics, separated by commas. effective-rank: how
    /// many directions the tokens of each modality fill (with --metrics all only where hidden states have more than
    /// 1024 dimensions); definitions: the rate by all three definitions, and with the embeddings counted as a layer;
    /// bias: the rate of ever fewer of the pairs, and extrapolated to infinitely many; logit-lens:
    /// the words that vision tokens are nearest to; without-image: what the image does to the text, which takes a
    /// second forward pass of each pair. The last two need the model: a file of --stats keeps them, one of states
    /// cannot give them
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = extra_parser())]
    pub(crate) also: Vec<Extra>,
    /// Leave out the 95 % intervals over pairs, which take about as long as the distances themselves
    #[arg(long)]
    pub(crate) no_intervals: bool,
    /// Device memory that the captured states and the metric may take, for example 512MiB or 2G. States that do
    /// not fit are streamed: sums of them are held instead; with --stats what the states in the file may take before their
    /// sums are saved instead [default: 1 GiB of states; of everything together half
    /// of the memory that is available (4 GiB where the system does not tell), or what the driver of a card with
    /// memory of its own grants]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory_budget: Option<u64>,
    /// Leave out pairs that cannot be read (a damaged or missing image, an empty text) instead of
    /// stopping at the first; the report counts and names them
    #[arg(long)]
    pub(crate) skip_unreadable: bool,
    /// Measure a file of hidden states in a model's place: what --export-states or tools/export_states.py wrote
    #[arg(long, value_name = "FILE.safetensors", conflicts_with_all = [
        "model", "base_llm", "vision_tower", "connector", "images", "texts", "pairs", "offline", "skip_unreadable",
        "export_states", "protocol", "prompt",
    ])]
    pub(crate) states: Option<PathBuf>,
    /// Also write the hidden states of all tokens of the pairs, before and after every layer, for --states and
    /// other programs: 4 bytes a number
    #[arg(long, value_name = "FILE.safetensors")]
    pub(crate) export_states: Option<PathBuf>,
    /// Only run the model over the pairs and save their states, or sums of them, for `mirscope merge`, which reports. The same command
    /// goes on where an interrupted one stopped
    #[arg(long, value_name = "FILE.safetensors", conflicts_with_all = ["states", "export_states"])]
    pub(crate) stats: Option<PathBuf>,
    /// With --stats: of the measurement's pairs only those of shard I of N, for several machines or cards [default: 1/1]
    #[arg(long, value_name = "I/N", requires = "stats")]
    pub(crate) shard: Option<Shard>,
    /// File of the report: .json, .csv, .html or .svg; - is standard output [default: report.json, none
    /// with --json or --stats]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace report.json even where it is no report of mirscope; with --stats: begin anew where an interrupted run
    /// of other settings has left something
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the report as JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) device: Device,
}

/// Arguments of `app`.
#[cfg(feature = "app")]
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  mirscope app\n  mirscope app --run --num-pairs 20\n  mirscope app before.json after.json"
)]
pub(crate) struct App {
    /// Reports to open beside the demo's
    #[arg(value_name = "FILE.json")]
    pub(crate) reports: Vec<PathBuf>,
    /// Measure the demo at once
    #[arg(long)]
    pub(crate) run: bool,
    /// With --run: measure at most N pairs [default: all]
    #[arg(long, value_name = "N", requires = "run", value_parser = parse_number_of_pairs, allow_negative_numbers = true)]
    pub(crate) num_pairs: Option<u64>,
    /// With --run: close the window after the measurement; fails if the measurement did
    #[arg(long, requires = "run")]
    pub(crate) exit: bool,
    /// Start with the view of a link that the app copied, for example '#tab=compare&layer=3'
    #[arg(long, value_name = "LINK")]
    pub(crate) view: Option<String>,
}

/// Arguments of `inspect`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Inspect {
    /// Hugging Face folder of the checkpoint, or a repository of the hub (owner/name, owner/name@revision or
    /// owner/name/FILE.gguf), of which only what describes the weights is read [default: the demo]
    #[arg(value_name = "DIR|ID")]
    pub(crate) model: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) parts: Parts,
    #[command(flatten)]
    pub(crate) network: Network,
    /// Only tell which files of the repository would be fetched, with sizes and licence
    #[arg(long, requires = "model", conflicts_with_all = ["image", "vision_tower", "connector"])]
    pub(crate) dry_run: bool,
    /// Also what becomes of this image: the pictures cut from it, its tokens, what stands for it in a
    /// prompt
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) device: Device,
}

/// Arguments of `adapters`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Adapters {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `bench`.
#[derive(Debug, ClapArgs)]
#[command(after_help = BENCH_EXAMPLES)]
pub(crate) struct Bench {
    /// Leave out the large decoder
    #[arg(long, conflicts_with = "record")]
    quick: bool,
    /// Time everything in detail, and write it into a file that can be compared with others
    #[arg(long, value_name = "FILE.json")]
    pub(crate) record: Option<PathBuf>,
    /// With --record: leave out, by name, what would take longer than this in all
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        requires = "record"
    )]
    budget: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    device: Device,
}

impl Bench {
    /// The engine's command.
    pub(crate) fn command(&self) -> Command {
        if self.record.is_some() {
            return Command::Record(Box::new(RecordRequest {
                device: self.device.settings(),
                budget: self.budget as f64,
            }));
        }
        Command::Bench(Box::new(BenchRequest {
            device: self.device.settings(),
            quick: self.quick,
        }))
    }
}

/// Arguments of `study`.
#[derive(Debug, ClapArgs)]
#[command(after_help = STUDY_EXAMPLES)]
pub(crate) struct Study {
    /// Folder with variants.json and the checkpoints that it names; the results go there, too
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Measure each checkpoint on at most N pairs, chosen by the seed
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = parse_number_of_pairs, allow_negative_numbers = true)]
    pub(crate) num_pairs: u64,
    /// Seed of the choice of pairs
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = parse_seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// What is measured of each: `mir` is the rate alone, `all` every quantity, with the definitions, the logit lens
    /// and the effect of the image, and intervals over pairs
    #[arg(long, value_name = "NAME", default_value = "all", value_parser = metrics_parser())]
    pub(crate) metrics: MetricChoice,
    /// Measure again what has not changed since results.json; after Ctrl-C only what was not yet
    #[arg(long)]
    pub(crate) all: bool,
    /// Print the results as JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) device: Device,
}

/// Arguments of `show`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  mirscope show report.json --out report.svg\n  mirscope show before.json after.json --out table.tex\n  mirscope measure --json | mirscope show -"
)]
pub(crate) struct Show {
    /// Reports that `measure` wrote; - is standard input. Several are shown beside each other: how far each lies from
    /// the first, and whether that is beyond what other pairs would have done
    #[arg(value_name = "FILE.json", required = true, num_args = 1..)]
    pub(crate) reports: Vec<PathBuf>,
    /// Write it in another form: .json, .csv, .html or .svg, of several .md and .tex as well; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

fn definition_parser() -> impl TypedValueParser<Value = Definition> {
    named(&Definition::ALL, Definition::name)
}

fn outliers_parser() -> impl TypedValueParser<Value = Outliers> {
    named(&Outliers::ALL, Outliers::name)
}

fn metrics_parser() -> impl TypedValueParser<Value = MetricChoice> {
    named(&MetricChoice::BOTH, MetricChoice::name)
}

fn extra_parser() -> impl TypedValueParser<Value = Extra> {
    named(&Extra::ALL, Extra::name)
}

fn prompt_parser() -> impl TypedValueParser<Value = PromptStyle> {
    named(&PromptStyle::ALL, PromptStyle::name)
}

fn protocol_parser() -> impl TypedValueParser<Value = Protocol> {
    named(&Protocol::ALL, Protocol::name)
}

fn text_mask_parser() -> impl TypedValueParser<Value = TextMask> {
    named(&TextMask::ALL, TextMask::name)
}
