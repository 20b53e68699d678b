//! A disk that fills while weights come.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use super::{
    check_cache, files, hash,
    program::with,
    server::{Hub, Lie},
    shelf,
};
use crate::{cli::text, disk::SmallDisk};

#[test]
fn what_has_come_is_kept_and_gone_on_with_once_there_is_room() {
    let Some(disk) = SmallDisk::new(1 << 20) else {
        return;
    };
    let hub = Hub::new(files());
    let args = [
        "ask",
        "--model",
        "tiny/model",
        "--raw",
        "--max-tokens",
        "1",
        "A",
    ];
    let command = || with(disk.path(), &hub.address, &args);
    let home = disk.path().join("home");

    // Known to be too much.
    disk.fill(64 << 10);
    let (code, out, err) = text(&command().output().unwrap());
    assert_eq!(
        (code, out.as_str(), err.lines().count()),
        (1, "", 1),
        "{err}"
    );
    assert!(
        err.contains(" are needed in ") && err.ends_with("are free; make room\n"),
        "{err}"
    );
    assert!(hub.asked().iter().all(|asked| !asked.of_network));
    disk.clear();

    // Somebody else takes the room on the way.
    hub.slow_down(100_000);
    let child = command()
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let weights = &hub.files()["model.safetensors"];
    let digits = hash("model.safetensors", weights).digits().to_owned();
    let blob = shelf(&home).join("blobs").join(&digits);
    let incomplete = shelf(&home)
        .join("blobs")
        .join(format!("{digits}.incomplete"));
    let come = || fs::metadata(&incomplete).map_or(0, |known| known.len());
    let since = Instant::now();
    while come() < 30_000 {
        assert!(since.elapsed() < Duration::from_secs(60), "nothing comes");
        sleep(Duration::from_millis(5));
    }
    disk.fill(0);
    let (code, out, err) = text(&child.wait_with_output().unwrap());
    assert_eq!(
        (code, out.as_str(), err.lines().count()),
        (1, "", 1),
        "{err}"
    );
    assert!(
        err.starts_with("error: tiny/model: model.safetensors: no room is left in ")
            && err.ends_with("make room and start again: what has come is kept\n"),
        "{err}"
    );
    assert!(!check_cache(&hub, &home) && !blob.exists());
    let left = come();
    assert!((30_000..weights.len() as u64).contains(&left), "{left}");

    disk.clear();
    hub.lie(Lie::None);
    hub.asked();
    let output = command().output().unwrap();
    assert!(output.status.success(), "{}", text(&output).2);
    assert!(check_cache(&hub, &home) && !incomplete.exists());
    let ranges: Vec<String> = hub
        .asked()
        .into_iter()
        .filter_map(|asked| asked.range)
        .collect();
    assert!(
        ranges.contains(&format!("bytes={left}-")),
        "{left}: {ranges:?}"
    );
}
