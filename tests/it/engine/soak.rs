//! A thousand pairs in a row: neither the memory nor the time of a pair grows.

use std::{fs, time::Instant};

use mirscope::{
    engine::{Command, Event, PairSource, Session, Stage},
    platform::Cancel,
};

use super::{measure, pairs};

/// Pairs in all, unless `MIRSCOPE_SOAK` says how many.
const PAIRS: usize = 1000;
/// Pairs between two looks.
const STEP: usize = 50;
/// After so many the program may grow no more than by this part.
const SETTLED: usize = 100;
const GROWTH: f64 = 0.05;
/// How many times as long as in the second quarter a pair may take in the last.
const SLOWER: f64 = 1.25;

/// What was seen at a look.
struct Look {
    /// Pairs done.
    done: usize,
    /// Seconds per pair since the last look.
    seconds: f64,
    /// Bytes that the program has in memory.
    resident: u64,
}

/// Bytes that this program has in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kibibytes << 10
}

fn median(looks: &[Look]) -> f64 {
    let mut seconds: Vec<f64> = looks.iter().map(|look| look.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

#[test]
#[ignore = "a thousand pairs: a minute or more on a software adapter"]
fn neither_memory_nor_time_grows_with_the_pairs() {
    let asked = std::env::var("MIRSCOPE_SOAK").ok();
    let count = asked.map_or(PAIRS, |asked| asked.parse().expect("a number of pairs"));
    let mut request = measure(1);
    let PairSource::Pairs { name, pairs: demo } = pairs(usize::MAX) else {
        panic!("the demo's pairs are listed");
    };
    request.pairs = PairSource::Pairs {
        name,
        pairs: demo.iter().cycle().take(count).cloned().collect(),
    };
    request.keep = false;
    // Less than all states take, so that sums of them are held: what grows with the pairs is not theirs.
    request.settings.memory_budget = Some(2 << 20);
    request.settings.intervals = false;

    let (mut looks, mut since, mut last) = (Vec::<Look>::new(), None, None);
    let mut session = Session::default();
    let hear = &mut |event| {
        if let Event::Progress {
            stage: Stage::Forward,
            done,
            ..
        } = &event
        {
            let done = *done as usize;
            let before = looks.last().map_or(0, |look| look.done);
            let (begin, at) = since.get_or_insert((Instant::now(), done));
            if done >= before + STEP {
                let seconds = begin.elapsed().as_secs_f64() / (done - *at).max(1) as f64;
                looks.push(Look {
                    done,
                    seconds,
                    resident: resident(),
                });
                since = Some((Instant::now(), done));
            }
        }
        last = Some(event);
    };
    let command = Command::Measure(Box::new(request));
    pollster::block_on(session.run(command, &Cancel::default(), hear));
    let Some(Event::Report(report)) = last else {
        panic!("expected a report, found {last:?}");
    };
    assert_eq!(report.data.num_pairs, count);
    assert!(
        report.notes.iter().any(|note| note.starts_with("streamed")),
        "{:?}",
        report.notes
    );

    println!("{}: pairs, ms per pair, MiB", report.device.adapter);
    for Look {
        done,
        seconds,
        resident,
    } in &looks
    {
        let mebibytes = *resident as f64 / f64::from(1 << 20);
        println!("{done:6} {:8.2} {mebibytes:8.1}", seconds * 1e3);
    }
    let quarter = looks.len() / 4;
    assert!(quarter >= 2, "{} looks are too few", looks.len());
    let [second, fourth] = [quarter..2 * quarter, looks.len() - quarter..looks.len()];
    let [before, after] = [median(&looks[second]), median(&looks[fourth])];
    println!(
        "second quarter {:.2} ms, last {:.2} ms",
        before * 1e3,
        after * 1e3
    );
    let settled = looks
        .iter()
        .find(|look| look.done >= SETTLED)
        .unwrap()
        .resident;
    let most = looks.iter().map(|look| look.resident).max().unwrap();
    let growth = most as f64 / settled as f64 - 1.0;
    println!("grown by {:.1} % after {SETTLED} pairs", growth * 100.0);
    assert!(
        after <= SLOWER * before,
        "a pair takes {after} s, it took {before} s"
    );
    assert!(growth <= GROWTH, "from {settled} to {most} bytes");
}
