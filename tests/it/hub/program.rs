//! The program with a repository's id in the place of a folder.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use mirscope::engine::SplitMix64;

use super::{
    COMMIT, check_cache, files,
    server::{Hub, Lie, SIGNATURE},
};
use crate::cli::{program, text};

const TOKEN: &str = "hf_tokenOfSomebody";

/// The program with its cache below `folder`, which asks `endpoint`.
pub(super) fn with(folder: &Path, endpoint: &str, args: &[&str]) -> Command {
    let mut command = program(folder, args);
    for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    for other in [
        "HF_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "HF_TOKEN_PATH",
        "SSL_CERT_FILE",
    ] {
        command.env_remove(other);
    }
    command
        .env("HF_ENDPOINT", endpoint)
        .env("HF_HOME", folder.join("home"))
        .env("HF_TOKEN", TOKEN)
        .env("HF_HUB_ETAG_TIMEOUT", "2")
        .env("HF_HUB_DOWNLOAD_TIMEOUT", "2");
    command
}

pub(super) fn run(folder: &Path, endpoint: &str, args: &[&str]) -> (i32, String, String) {
    let output: Output = with(folder, endpoint, args).output().unwrap();
    text(&output)
}

#[test]
fn a_repository_stands_for_a_folder() {
    let hub = Hub::new(files());
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| run(folder.path(), &hub.address, args);
    let (code, out, err) = run(&["inspect", "tiny/model", "--dry-run"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for part in [
        "tiny/model",
        COMMIT,
        "apache-2.0",
        "model.safetensors",
        "236.7 KiB",
        "to fetch",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(
        !out.contains("README.md") && !folder.path().join("home").exists(),
        "{out}"
    );
    let (code, out, _) = run(&["inspect", "tiny/model", "--dry-run", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &plan["files"][0]["here"]), (0, &0.into()), "{out}");

    // To look at it reads what describes it, and keeps nothing.
    hub.asked();
    let (code, out, err) = run(&["inspect", "tiny/model"]);
    assert_eq!(code, 0, "{err}");
    for part in [
        "tiny/model@0123456789ab",
        "only what describes the weights was read",
        "nothing of it is kept",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let image = crate::golden::root().join("clip_mlp_gqa_tied_f32/image.png");
    let (code, out, err) = run(&["inspect", "tiny/model", "--image", image.to_str().unwrap()]);
    assert!(code == 0 && out.contains("<image> x "), "{out}{err}");
    assert!(!folder.path().join("home").exists(), "{out}");
    let report = folder.path().join("r.json");
    let measure = |model: &str, more: &[&str]| {
        let images = crate::golden::root().join("clip_mlp_gqa_tied_f32");
        let pairs = folder.path().join("p.jsonl");
        let line = serde_json::json!({"image": images.join("image.png"), "text": "A small cat."});
        let other = serde_json::json!({"image": images.join("image.png"), "text": "One dog here."});
        fs::write(&pairs, format!("{line}\n{other}\n")).unwrap();
        let pairs = pairs.to_str().unwrap().to_owned();
        let out = report.to_str().unwrap().to_owned();
        let args = [
            "measure", "--model", model, "--pairs", &pairs, "--out", &out,
        ];
        run(&[&args[..], more].concat())
    };
    let (code, out, err) = measure("tiny/model@v1", &[]);
    assert_eq!(code, 0, "{err}");
    let kept = fs::read_to_string(&report).unwrap();
    assert!(kept.contains("tiny/model@0123456789ab"), "{kept}");
    for text in [&out, &err, &kept] {
        assert!(!text.contains(TOKEN) && !text.contains(SIGNATURE), "{text}");
    }
    assert!(check_cache(&hub, &folder.path().join("home")));
    let tokens = hub.asked().into_iter().filter_map(|asked| asked.token);
    assert!(tokens.count() > 3, "it was sent all the same");

    // Without a network the same comes from the cache, and nobody is asked.
    let (code, _, err) = measure("tiny/model@v1", &["--offline"]);
    assert_eq!(code, 0, "{err}");
    let (code, out, _) = run(&["inspect", "tiny/model@v1", "--offline", "--dry-run"]);
    assert!(code == 0 && out.contains("0 B to fetch"), "{out}");
    for (id, part) in [
        ("tiny/other", "no such repository or revision"),
        ("tiny/model@v9", "no such repository or revision"),
    ] {
        let (code, _, err) = run(&["inspect", id, "--offline"]);
        assert_eq!(code, 1, "{err}");
        assert!(
            err.contains(&format!("error: {id}: expected all of its files in")),
            "{err}"
        );
        assert!(err.contains(part), "{err}");
    }
    assert!(hub.asked().is_empty(), "--offline opens no connection");
}

#[test]
fn a_folder_wins_and_paths_are_no_ids() {
    let hub = Hub::new(files());
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("tiny/model")).unwrap();
    let run = |args: &[&str]| run(folder.path(), &hub.address, args);
    for (model, part) in [
        (
            "tiny/model",
            "tiny/model: expected a Hugging Face checkpoint",
        ),
        ("./tiny/other", "./tiny/other: expected a folder"),
        ("/tiny/other", "/tiny/other: expected a folder"),
        ("tiny/other/", "tiny/other/: expected a folder"),
        (
            "tiny/m..l",
            "tiny/m..l: expected a repository as owner/name",
        ),
        ("tiny/other@", "found an empty revision, and no folder"),
    ] {
        let (code, _, err) = run(&["inspect", model]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(part), "{err}");
    }
    let (code, _, err) = run(&["inspect", "tiny/model", "--dry-run"]);
    assert!(
        code == 2 && err.contains("found the folder tiny/model"),
        "{err}"
    );
    assert!(hub.asked().is_empty());
}

#[test]
fn who_cannot_be_reached_is_named_within_half_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there; and somebody takes connections and never says a word, with the usual patience.
    let silent = Hub::new(files());
    silent.lie(Lie::Silent);
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for endpoint in [
        &nobody,
        &silent.address,
        &"http://nowhere.invalid".to_owned(),
    ] {
        let start = Instant::now();
        let mut command = with(folder.path(), endpoint, &["inspect", "tiny/model"]);
        command
            .env_remove("HF_HUB_ETAG_TIMEOUT")
            .env_remove("HF_HUB_DOWNLOAD_TIMEOUT");
        let (code, out, err) = text(&command.output().unwrap());
        let took = start.elapsed();
        assert_eq!(
            (code, out.as_str(), err.lines().count()),
            (1, "", 1),
            "{err}"
        );
        assert!(err.starts_with("error: tiny/model: "), "{err}");
        assert!(took < Duration::from_secs(30), "{endpoint}: {took:?}");
        assert!(!err.contains(TOKEN), "{err}");
    }
}

#[test]
fn tokens_stand_in_no_message() {
    let hub = Hub::new(files());
    let folder = tempfile::tempdir().unwrap();
    for lie in [
        Lie::Status(401),
        Lie::Status(403),
        Lie::Status(500),
        Lie::FileStatus(401),
        Lie::PageForFile,
        Lie::Truncated,
        Lie::RedirectLoop,
    ] {
        hub.lie(lie);
        let (code, out, err) = run(folder.path(), &hub.address, &["inspect", "tiny/model"]);
        assert_eq!(code, 1, "{lie:?}: {out}");
        assert!(err.starts_with("error: tiny/model: "), "{lie:?}: {err}");
        for secret in [TOKEN, SIGNATURE, "Bearer", "hf_secret"] {
            assert!(
                !out.contains(secret) && !err.contains(secret),
                "{lie:?}: {err}"
            );
        }
    }
    let mut command = with(folder.path(), &hub.address, &["inspect", "tiny/model"]);
    command.env("HF_TOKEN", "hf_wrong\u{7}token");
    let (code, _, err) = text(&command.output().unwrap());
    assert!(
        code == 1 && err.contains("HF_TOKEN: expected") && !err.contains("hf_wrong"),
        "{err}"
    );
}

#[cfg(unix)]
#[test]
fn a_killed_program_leaves_nothing_that_is_used_by_half() {
    let mut files = files();
    // Long enough to be killed in its midst: bytes that no tensor claims are not read.
    for name in ["tokenizer.json", "config.json"] {
        let mut text = String::from_utf8(files[name].clone()).unwrap();
        text.push_str(&" ".repeat(100_000));
        files.insert(name.to_owned(), text.into_bytes());
    }
    let hub = Hub::new(files);
    hub.slow_down(150_000);
    let args = [
        "ask",
        "--model",
        "tiny/model",
        "--raw",
        "--max-tokens",
        "1",
        "A",
    ];
    let start_one = |folder: &Path| {
        with(folder, &hub.address, &args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let undisturbed = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    assert!(start_one(undisturbed.path()).wait().unwrap().success());
    // The device is looked for afterwards, which takes about as long.
    let whole = begin.elapsed().min(Duration::from_secs(3));
    let mut random = SplitMix64::new(7);
    let (mut begun, mut done) = (0, 0);
    for round in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let mut child = start_one(folder.path());
        let share = (random.next_u64() % 1000) as f64 / 1000.0;
        sleep(whole.mul_f64(share));
        child.kill().unwrap();
        child.wait().unwrap();
        let is_checkpoint = check_cache(&hub, &home);
        let incomplete = fs::read_dir(super::shelf(&home).join("blobs"));
        let names = incomplete.into_iter().flatten().flatten();
        let some = names.count() > 0;
        begun += u32::from(some && !is_checkpoint);
        done += u32::from(is_checkpoint);
        let offline = run(
            folder.path(),
            &hub.address,
            &["inspect", "tiny/model", "--offline"],
        );
        assert_eq!(
            offline.0 == 0,
            is_checkpoint,
            "round {round}: {}",
            offline.2
        );
        assert!(
            start_one(folder.path()).wait().unwrap().success(),
            "round {round}"
        );
        assert!(check_cache(&hub, &home), "round {round}");
    }
    println!("{begun} of 20 were killed in the midst of a download, {done} after it");
    assert!(begun >= 3, "{begun}, {done}: the moments say little");
}

#[test]
fn two_programs_at_once_fetch_one_copy() {
    let hub = Hub::new(files());
    hub.slow_down(200_000);
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let args = [
        "ask",
        "--model",
        "tiny/model",
        "--raw",
        "--max-tokens",
        "2",
        "A",
    ];
    let start = || {
        let mut command = with(folder.path(), &hub.address, &args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    // The second comes while the first is in the midst of the weights.
    let first = start();
    let since = Instant::now();
    while !hub.seen(|asked| asked.of_network) {
        assert!(since.elapsed() < Duration::from_secs(60), "nobody asks");
        sleep(Duration::from_millis(5));
    }
    let both = [first, start()].map(|child| text(&child.wait_with_output().unwrap()));
    let [one, other] = &both;
    assert_eq!(one.0, 0, "{}", one.2);
    assert_eq!((other.0, &other.1), (0, &one.1), "{}", other.2);
    assert!(check_cache(&hub, &home));
    // Each file came once, and nothing lies beside the copies.
    let asked = hub.asked();
    let mut paths: Vec<&str> = (asked.iter())
        .filter(|asked| asked.path.contains(COMMIT) || asked.of_network)
        .map(|asked| asked.path.as_str())
        .collect();
    let count = paths.len();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), count, "{asked:?}");
    let shelf = super::shelf(&home);
    assert_eq!(names(&shelf.join("blobs")).len(), super::WANTED.len());
    assert_eq!(names(&shelf.join("snapshots").join(COMMIT)), super::WANTED);
    assert_eq!(names(&shelf.join("refs")), ["main"]);
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
