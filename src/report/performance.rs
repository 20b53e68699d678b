//! Records of adapters as a Markdown page.

use serde::{Deserialize, Serialize};

use super::{
    bench_record::{BenchRecord, RecordEntry},
    markdown::{cell, row},
    number::{bytes, significant},
    peers::{PeersRecord, peers_section},
};

/// What PyTorch takes for the same shapes on the same device, as `kit/torch_times.py` writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TorchRecord {
    /// Version of PyTorch.
    pub torch: String,
    /// Its name of the device.
    pub device: String,
    /// How it computed.
    pub precision: String,
    /// Groups and names as in [`BenchRecord`].
    pub entries: Vec<RecordEntry>,
}

/// A record, with what PyTorch and other programs take where that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    /// The record.
    pub record: BenchRecord,
    /// PyTorch on the same machine.
    pub torch: Option<TorchRecord>,
    /// Other programs on the same adapter.
    pub peers: Option<PeersRecord>,
}

/// Groups of entries and their headings, in the order of the page.
const GROUPS: [(&str, &str); 10] = [
    ("matmul", "Matrix products, rows x inner x columns"),
    ("matvec", "Products with one row"),
    ("attention", "Attention"),
    (
        "prefill",
        "Prefill: forward passes of one prompt, without the head",
    ),
    ("tower", "Vision tower and connector, one image"),
    ("metric", "The metric, stage by stage"),
    ("share", "The metric beside the forward passes"),
    ("load", "Loading"),
    ("transfer", "Transfers"),
    ("overhead", "Overhead"),
];

/// The page: a section for each record, software adapters first.
pub fn performance_markdown(records: &[StoredRecord]) -> String {
    let mut page = String::from(
        "# Performance\n\nMade of the records in `assets/records` by `./dev records`; a record is \
         what `mirscope bench --record FILE` writes. Times are medians; the spread is slowest less \
         fastest over the median. Shares are of the peaks in the vendors' data sheets: f32 outside \
         of matrix units, and the bandwidth of the memory. PyTorch's times are its eager mode in f32 \
         with TF32 off, on the same machine. [What was tried and thrown away](tried.md) has a page of its \
         own.\n",
    );
    let mut sorted: Vec<&StoredRecord> = records.iter().collect();
    sorted.sort_by_key(|stored| {
        let device = &stored.record.device.device;
        (device.device_type != "cpu", device.adapter.clone())
    });
    for stored in sorted {
        page += &section(stored);
    }
    page
}

fn section(stored: &StoredRecord) -> String {
    let record = &stored.record;
    let (device, host) = (&record.device.device, &record.host);
    let mut text = format!("\n## {}\n\n", cell(&device.adapter));
    text += &format!(
        "{}, driver {}; {} kernels; {}; mirscope {}, {}.",
        cell(&device.backend),
        cell(&device.driver),
        cell(&device.kernels),
        host.words(),
        cell(&record.mirscope_version),
        cell(&record.date),
    );
    if let Some(gflops) = record.peak_gflops {
        text += &format!(" Peak: {} GFLOP/s", significant(gflops));
        if let Some(gbytes) = record.peak_gbytes_per_second {
            text += &format!(", {} GB/s", significant(gbytes));
        }
        text += ".";
    }
    if let Some(torch) = &stored.torch {
        text += &format!(
            " PyTorch {}: {}.",
            cell(&torch.torch),
            cell(&torch.precision)
        );
    }
    text += "\n";
    for (group, heading) in GROUPS {
        let entries = record.entries.iter().filter(|entry| entry.group == group);
        let entries: Vec<&RecordEntry> = entries.collect();
        if !entries.is_empty() {
            text += &format!(
                "\n### {heading}\n\n{}",
                table(&entries, stored.torch.as_ref())
            );
        }
    }
    if !record.left_out.is_empty() {
        text += "\nLeft out:\n\n";
        for left_out in &record.left_out {
            text += &format!("- {}: {}\n", cell(&left_out.name), cell(&left_out.reason));
        }
    }
    if let Some(peers) = &stored.peers {
        text += &peers_section(peers);
    }
    text
}

/// A column: its title, and its cell where an entry has one.
type Column<'a> = (
    &'static str,
    Box<dyn Fn(&RecordEntry) -> Option<String> + 'a>,
);

/// Columns in which no entry has anything are left out.
fn table(entries: &[&RecordEntry], torch: Option<&TorchRecord>) -> String {
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let same = move |entry: &RecordEntry| {
        let entries = torch.iter().flat_map(|torch| &torch.entries);
        let mut same =
            entries.filter(|other| other.group == entry.group && other.name == entry.name);
        same.next().map(|other| other.seconds)
    };
    let columns: [Column<'_>; 13] = [
        ("what", Box::new(|entry| Some(cell(&entry.name)))),
        ("time", Box::new(|entry| Some(short_time(entry.seconds)))),
        (
            "spread %",
            Box::new(|entry| {
                let spread = (entry.slowest - entry.fastest) / entry.seconds * 100.0;
                (entry.runs > 1).then(|| format!("{spread:.0}"))
            }),
        ),
        ("GFLOP/s", Box::new(|entry| entry.gflops.map(significant))),
        (
            "% of peak",
            Box::new(move |entry| entry.share_of_peak.map(percent)),
        ),
        (
            "GB/s",
            Box::new(|entry| entry.gbytes_per_second.map(significant)),
        ),
        (
            "% of bandwidth",
            Box::new(move |entry| entry.share_of_bandwidth.map(percent)),
        ),
        (
            "% of forwards",
            Box::new(move |entry| entry.share_of_forwards.map(percent)),
        ),
        (
            "tokens/s",
            Box::new(|entry| entry.tokens_per_second.map(significant)),
        ),
        (
            "calls",
            Box::new(|entry| entry.dispatches.map(|calls| calls.to_string())),
        ),
        (
            "peak memory",
            Box::new(|entry| entry.peak_device_bytes.map(bytes)),
        ),
        (
            "PyTorch",
            Box::new(move |entry| same(entry).map(short_time)),
        ),
        (
            "time / PyTorch's",
            Box::new(move |entry| Some(format!("{:.2}", entry.seconds / same(entry)?))),
        ),
    ];
    let kept: Vec<&Column<'_>> = columns
        .iter()
        .filter(|(_, of)| entries.iter().any(|entry| of(entry).is_some()))
        .collect();
    let mut text = row(kept.iter().map(|(title, _)| (*title).to_owned()));
    let rules = (0..kept.len()).map(|index| if index == 0 { "---" } else { "---:" });
    text += &row(rules.map(str::to_owned));
    for entry in entries {
        text += &row(kept.iter().map(|(_, of)| of(entry).unwrap_or_default()));
    }
    text
}

/// Times from microseconds on, with two digits behind the point as what is compared has them.
pub(super) fn short_time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.1} us", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}
