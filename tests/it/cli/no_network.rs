//! Nothing leaves the machine: without a network everything works but what names a repository, and nothing tries
//! to send.

use std::{collections::BTreeMap, path::Path, process::Command};

use super::{measure::small, text};

/// What the kernel counts of a network that leads nowhere, by protocol and name, once a script has run in it.
/// None, with a line that says so, where the system gives no such network.
#[allow(clippy::print_stdout)]
fn counted(folder: &Path, script: &str) -> Option<(i32, String, BTreeMap<String, u64>)> {
    const MARK: &str = "counted by the kernel";
    let script =
        format!("{script}\ncode=$?; echo '{MARK}'; cat /proc/net/snmp /proc/net/snmp6; exit $code");
    let mut shell = Command::new("unshare");
    shell
        .args(["--user", "--map-root-user", "--net", "sh", "-c", &script])
        .env("MIRSCOPE", env!("CARGO_BIN_EXE_mirscope"))
        .env("MODEL", small())
        .env_remove("XDG_RUNTIME_DIR")
        .current_dir(folder);
    let found = shell.output().ok().map(|output| text(&output));
    let Some((code, told, err)) = found.filter(|(_, told, _)| told.contains(MARK)) else {
        println!("skipped: no network of its own can be had here, which takes Linux's unshare");
        return None;
    };
    let (out, counts) = told.split_once(MARK).unwrap();
    let mut numbers = BTreeMap::new();
    let lines: Vec<&str> = counts.lines().collect();
    for pair in lines.windows(2) {
        // `Tcp: Name Name` and `Tcp: 1 2`; or `Ip6OutRequests 3`.
        let [names, values] = [pair[0], pair[1]].map(|line| line.split_whitespace());
        let protocol = pair[0].split(':').next().unwrap_or_default();
        if pair[1].starts_with(&format!("{protocol}:")) {
            for (name, value) in names.zip(values).skip(1) {
                if let Ok(value) = value.parse() {
                    numbers.insert(format!("{protocol}{name}"), value);
                }
            }
        }
    }
    for line in &lines {
        if let Some((name, value)) = line.split_once(char::is_whitespace)
            && let Ok(value) = value.trim().parse()
        {
            numbers.insert(name.to_owned(), value);
        }
    }
    Some((code, format!("{out}{err}"), numbers))
}

/// What counts an attempt to reach somebody.
const ATTEMPTS: [&str; 8] = [
    "IpOutRequests",
    "IpOutNoRoutes",
    "TcpActiveOpens",
    "TcpAttemptFails",
    "TcpOutSegs",
    "UdpOutDatagrams",
    "Ip6OutNoRoutes",
    "Udp6OutDatagrams",
];

fn attempts(numbers: &BTreeMap<String, u64>) -> u64 {
    let count = |name: &&str| numbers.get(*name).copied().unwrap_or_default();
    ATTEMPTS.iter().map(count).sum()
}

#[test]
fn without_an_id_nobody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let script = "$MIRSCOPE measure --num-pairs 2 --out report.json && \
        $MIRSCOPE show report.json --out report.html && \
        $MIRSCOPE inspect $MODEL && \
        $MIRSCOPE ask --max-tokens 3 --image $MODEL/image.png 'What is it?'";
    let Some((code, told, numbers)) = counted(folder.path(), script) else {
        return;
    };
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("\nMIR "), "{told}");
    assert!(folder.path().join("report.html").is_file());
    assert_eq!(attempts(&numbers), 0, "{numbers:?}");

    // The kernel does count: whoever names a repository asks for it, and is told that there is no network.
    if cfg!(feature = "hub") {
        let script = "HF_HOME=. HF_HUB_ETAG_TIMEOUT=2 HF_ENDPOINT=http://192.0.2.1 $MIRSCOPE inspect tiny/model";
        let (code, told, numbers) = counted(folder.path(), script).unwrap();
        assert_eq!(code, 1, "{told}");
        assert!(told.contains("error: tiny/model: "), "{told}");
        assert!(attempts(&numbers) > 0, "{numbers:?}");
    }
}
