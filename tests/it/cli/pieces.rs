//! `measure --stats` and `merge`.

use std::{
    fs,
    path::Path,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use mirscope::report::{Report, parse};

use super::{measure::small, outcome, program, run, text};

/// Runs the program in `folder`, which succeeds, and returns what it printed.
#[track_caller]
fn printed(folder: &Path, line: &str) -> String {
    let args: Vec<&str> = line.split(' ').collect();
    let (code, out, err) = text(&run(folder, &args));
    assert_eq!((code, err.as_str()), (0, ""), "{line}");
    out
}

fn report(folder: &Path, name: &str) -> Report {
    parse(&fs::read_to_string(folder.join(name)).unwrap(), name).unwrap()
}

#[test]
fn three_shards_of_the_demo_make_one_report() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let what = "measure --num-pairs 7 --seed 2 --also logit-lens,without-image";
    printed(folder, &format!("{what} --out one.json"));
    for number in 1..=3 {
        let file = format!("{number}.safetensors");
        let out = printed(folder, &format!("{what} --shard {number}/3 --stats {file}"));
        let pairs = if number == 1 { 3 } else { 2 };
        let told = format!("shard {number} of 3: {pairs} of 7 pairs\nwrote {file}\n");
        assert_eq!(out, told);
    }
    let files = ["1", "2", "3"].map(|number| format!("{number}.safetensors"));
    let [a, b, c] = &files;
    let table = printed(folder, &format!("merge {a} {b} {c} --out two.json"));
    assert!(table.ends_with("\n\nwrote two.json\n"), "{table}");
    let json = printed(folder, &format!("merge {c} {a} {b} --json"));
    let one = report(folder, "one.json");
    for two in [report(folder, "two.json"), parse(&json, "stdout").unwrap()] {
        assert_eq!(
            (two.mir, two.norm_matched_mir),
            (one.mir, one.norm_matched_mir)
        );
        assert_eq!((&two.layers, &two.metrics), (&one.layers, &one.metrics));
        assert_eq!((&two.model, &two.data), (&one.model, &one.data));
    }
    let shown = printed(folder, "show two.json");
    assert!(table.starts_with(shown.trim_end()), "{shown}");

    // A report of a shard alone, where one is asked for.
    let line = format!("{what} --shard 2/3 --stats {b} --out shard.json");
    let out = printed(folder, &line);
    assert!(out.contains("of shard 2 of 3 alone: 2 of 7 pairs"), "{out}");
    assert_eq!(report(folder, "shard.json").data.num_pairs, 2);

    let (code, _, err) = text(&run(folder, &["merge", a, c]));
    assert_eq!(code, 1);
    assert!(err.contains("found none of shard 2"), "{err}");
}

#[test]
fn shards_without_room_for_states_save_sums() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = "--num-pairs 56 --outliers keep";
    printed(folder, &format!("measure {settings} --out one.json"));
    let one = report(folder, "one.json");
    let files = (1..=8).map(|number| format!("{number}.safetensors"));
    let files: Vec<String> = files.collect();
    for (number, file) in (1..).zip(&files) {
        let shard = format!("--shard {number}/8 --stats {file} --memory-budget 1KiB");
        let out = printed(folder, &format!("measure {settings} {shard}"));
        assert!(
            out.contains(&format!(
                "shard {number} of 8: 7 of 56 pairs, as sums of their states"
            )),
            "{out}"
        );
    }
    printed(folder, &format!("merge {} --out all.json", files.join(" ")));
    let all = report(folder, "all.json");
    assert!((all.mir.unwrap() / one.mir.unwrap() - 1.0).abs() < 1e-5);
    // The same pairs in eight groups have another interval, of about the same width.
    let of = |report: &Report| {
        let mir = report.metrics.iter().find(|metric| metric.id == "mir");
        mir.and_then(|mir| mir.interval).expect("an interval")
    };
    let [[low, high], [own_low, own_high]] = [of(&all), of(&one)];
    let ratio = (high - low) / (own_high - own_low);
    assert!((0.4..2.5).contains(&ratio), "{ratio}");
    assert!(low < own_high && own_low < high);
    assert!(
        all.notes.iter().any(|note| note.contains("over 8 shards")),
        "{:?}",
        all.notes
    );
    let refused = program(folder, &["measure", "--states", "1.safetensors"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("mirscope merge"),
        "{said}"
    );
}

#[test]
fn what_makes_no_sense_is_said() {
    for (args, reason) in [
        (&["measure", "--shard", "1/2"][..], "--stats"),
        (
            &["measure", "--shard", "3/2", "--stats", "a.safetensors"],
            "expected I/N",
        ),
        (&["measure", "--stats", "a.json"], "ending in .safetensors"),
        (
            &[
                "measure",
                "--stats",
                "a.safetensors",
                "--states",
                "b.safetensors",
            ],
            "cannot be used with",
        ),
        (&["merge"], "FILE.safetensors"),
    ] {
        let (code, _, err) = outcome(args);
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains(reason), "{args:?}: {err}");
    }
}

/// How many pairs a file under way has whole, as its sums say.
#[cfg(unix)]
fn whole(partial: &Path, pairs: usize) -> usize {
    let bytes = fs::read(partial).unwrap_or_default();
    let size = bytes
        .first_chunk::<8>()
        .map_or(0, |size| u64::from_le_bytes(*size));
    let sums = bytes.get(8 + size as usize..).unwrap_or_default();
    let sums = sums.chunks_exact(8).take(pairs);
    sums.take_while(|sum| sum.iter().any(|byte| *byte != 0))
        .count()
}

#[cfg(unix)]
#[test]
fn a_killed_shard_goes_on_where_it_stopped() {
    const PAIRS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line = format!("measure --num-pairs {PAIRS} --stats a.safetensors");
    let args: Vec<&str> = line.split(' ').collect();
    let partial = folder.join("a.safetensors.partial");
    let mut child = program(folder, &args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while whole(&partial, PAIRS) < 3 {
        assert!(
            since.elapsed() < Duration::from_secs(300),
            "it takes too long"
        );
        sleep(Duration::from_millis(5));
    }
    // SIGKILL: it cannot tidy up.
    child.kill().unwrap();
    child.wait().unwrap();
    let left = whole(&partial, PAIRS);
    assert!((3..PAIRS).contains(&left), "{left}");
    let out = printed(folder, &line);
    assert!(
        out.contains(&format!(", {left} of them from an earlier run")),
        "{out}"
    );
    printed(
        folder,
        &format!("measure --num-pairs {PAIRS} --stats b.safetensors"),
    );
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    assert!(read("a.safetensors") == read("b.safetensors"));
    assert!(!partial.exists());
}

#[test]
fn a_small_model_is_saved_whole_and_reported_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let what = format!("measure --model {} --num-pairs 4 --json", small());
    let one = parse(&printed(folder, &what), "one").unwrap();
    let two = printed(folder, &format!("{what} --stats all.safetensors"));
    let two = parse(&two, "two").unwrap();
    assert_eq!((&two.layers, &two.metrics), (&one.layers, &one.metrics));
    let merged = parse(&printed(folder, "merge all.safetensors --json"), "three").unwrap();
    assert_eq!(merged.layers, one.layers);
}
