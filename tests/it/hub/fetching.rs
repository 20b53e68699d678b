//! What is fetched, where it goes, and what is asked for again.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{
    COMMIT, WANTED, check_cache, client, fetch, files, hash, id, plan,
    server::{Hub, Lie},
    shelf,
};
use mirscope::{
    hub::{Refusal, RepoId, native::Client},
    platform::Cancel,
};

#[test]
fn only_what_is_needed_is_fetched_and_only_once() {
    let hub = Hub::new(files());
    let folder = tempfile::tempdir().unwrap();
    let before = plan(&hub, folder.path()).unwrap();
    assert_eq!((before.commit.as_str(), before.here()), (COMMIT, 0));
    assert_eq!(before.licence.as_deref(), Some("apache-2.0"));
    let mut names: Vec<&str> = before
        .files
        .iter()
        .map(|file| file.file.path.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, WANTED);
    assert!(!folder.path().join("hub").exists(), "a plan writes nothing");
    hub.asked();

    let mut told = Vec::new();
    let files = client(&hub, folder.path())
        .fetch(&before, &Cancel::default(), &mut |done, file| {
            told.push((done, file.to_owned()));
        })
        .unwrap();
    let snapshot = super::snapshot(&files);
    assert!(check_cache(&hub, folder.path()));
    assert!(told.is_sorted_by_key(|(done, _)| *done), "{told:?}");
    assert_eq!(
        told.last().unwrap(),
        &(before.total(), "model.safetensors".to_owned())
    );
    assert_eq!(hub.asked().len(), WANTED.len() + 1, "one redirect");
    let root = shelf(folder.path());
    assert_eq!(snapshot, root.join("snapshots").join(COMMIT));
    assert_eq!(fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    let blob = hash("config.json", &hub.files()["config.json"]);
    let link = fs::read_link(snapshot.join("config.json"));
    if cfg!(unix) {
        let target = std::path::Path::new("../../blobs").join(blob.digits());
        assert_eq!(link.unwrap(), target);
    }

    let after = plan(&hub, folder.path()).unwrap();
    assert_eq!((after.here(), after.missing()), (before.total(), 0));
    hub.asked();
    assert_eq!(fetch(&hub, folder.path()).unwrap(), snapshot);
    let asked = hub.asked();
    assert_eq!(asked.len(), 1, "the list alone: {asked:?}");
}

#[test]
fn a_download_goes_on_where_it_was_cancelled() {
    let hub = Hub::new(files());
    hub.slow_down(400_000);
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&hub, folder.path()).unwrap();
    let cancel = Cancel::default();
    let mut since = None;
    let refused = client(&hub, folder.path()).fetch(&plan, &cancel, &mut |done, file| {
        if file == "model.safetensors" && done > 100_000 && since.is_none() {
            cancel.cancel();
            since = Some(Instant::now());
        }
    });
    assert_eq!(refused.unwrap_err().refusal, Refusal::Cancelled);
    assert!(since.unwrap().elapsed() < Duration::from_secs(1));
    assert!(!check_cache(&hub, folder.path()));
    let again = super::plan(&hub, folder.path()).unwrap();
    let weights = again.files.last().unwrap();
    assert!(
        weights.here > 50_000 && weights.here < weights.file.size,
        "{weights:?}"
    );
    hub.asked();
    fetch(&hub, folder.path()).unwrap();
    assert!(check_cache(&hub, folder.path()));
    let ranges = hub.asked().into_iter().filter_map(|asked| asked.range);
    assert!(ranges.count() > 0, "the rest alone was asked for");
}

#[test]
fn silence_does_not_keep_a_wish_to_stop_waiting() {
    let hub = Hub::new(files());
    hub.lie(Lie::Silent);
    let folder = tempfile::tempdir().unwrap();
    let cancel = Cancel::default();
    let start = Instant::now();
    let refused = std::thread::scope(|scope| {
        let asking = scope.spawn(|| client(&hub, folder.path()).plan(&id(), &cancel));
        std::thread::sleep(Duration::from_millis(200));
        cancel.cancel();
        asking.join().unwrap()
    });
    assert_eq!(refused.unwrap_err().refusal, Refusal::Cancelled);
    assert!(
        start.elapsed() < Duration::from_millis(900),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn what_others_left_is_compared_before_it_counts() {
    let hub = Hub::new(files());
    let folder = tempfile::tempdir().unwrap();
    let weights = &hub.files()["model.safetensors"];
    let blobs = shelf(folder.path()).join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    let digits = hash("model.safetensors", weights).digits().to_owned();
    let incomplete = blobs.join(format!("{digits}.incomplete"));
    // Good bytes, zeros as a lost power leaves them, others, too many, a page.
    let other: Vec<u8> = weights.iter().map(|byte| byte ^ 3).collect();
    for left in [
        weights[..5000].to_vec(),
        weights.clone(),
        vec![0; 5000],
        [&weights[..3000], &[0; 2000]].concat(),
        other[..5000].to_vec(),
        vec![1; weights.len() + 1],
        b"<!DOCTYPE html><html>".to_vec(),
    ] {
        fs::write(&incomplete, &left).unwrap();
        fetch(&hub, folder.path()).unwrap();
        assert!(check_cache(&hub, folder.path()));
        assert!(!incomplete.exists());
        fs::remove_dir_all(shelf(folder.path()).join("snapshots")).unwrap();
        fs::remove_file(blobs.join(&digits)).unwrap();
    }
    // A blob of another length is no blob.
    fs::write(blobs.join(&digits), "short").unwrap();
    fetch(&hub, folder.path()).unwrap();
    assert!(check_cache(&hub, folder.path()));
}

#[test]
fn two_at_once_do_not_disturb_each_other() {
    let hub = Hub::new(files());
    hub.slow_down(400_000);
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| fetch(&hub, folder.path())));
        for one in both {
            one.join().unwrap().unwrap();
        }
    });
    assert!(check_cache(&hub, folder.path()));
    let asked = hub.asked();
    let weights = asked.iter().filter(|asked| asked.of_network);
    assert_eq!(weights.count(), 1, "{asked:?}");
}

#[test]
fn revisions_are_asked_for_and_kept() {
    let hub = Hub::new(files());
    let folder = tempfile::tempdir().unwrap();
    let client = client(&hub, folder.path());
    let cancel = Cancel::default();
    for revision in ["v1", COMMIT] {
        let id: RepoId = format!("tiny/model@{revision}").parse().unwrap();
        let plan = client.plan(&id, &cancel).unwrap();
        client.fetch(&plan, &cancel, &mut |_, _| {}).unwrap();
    }
    assert!(shelf(folder.path()).join("refs/v1").is_file());
    assert!(!shelf(folder.path()).join("refs").join(COMMIT).exists());
    let id: RepoId = "tiny/model@v2".parse().unwrap();
    let error = client.plan(&id, &cancel).unwrap_err().to_string();
    assert!(
        error.starts_with("tiny/model@v2: the hub has no such revision"),
        "{error}"
    );
    let id: RepoId = "tiny/other".parse().unwrap();
    let error = client.plan(&id, &cancel).unwrap_err().to_string();
    assert!(
        error.starts_with("tiny/other: the hub has no such repository"),
        "{error}"
    );
}

#[test]
fn a_token_is_for_the_hub_alone() {
    let hub = Hub::new(files());
    let folder = tempfile::tempdir().unwrap();
    let client = Client::with_variables(&id(), |name| match name {
        "HF_ENDPOINT" => Some(hub.address.clone()),
        "HF_HUB_CACHE" => Some(folder.path().to_str().unwrap().to_owned()),
        "HF_TOKEN" => Some("hf_mine".to_owned()),
        _ => None,
    });
    let client = client.unwrap();
    assert!(!format!("{client:?}").contains("hf_mine"));
    let plan = client.plan(&id(), &Cancel::default()).unwrap();
    client
        .fetch(&plan, &Cancel::default(), &mut |_, _| {})
        .unwrap();
    let asked = hub.asked();
    assert!(asked.iter().any(|asked| asked.of_network));
    for asked in asked {
        let expected = (!asked.of_network).then_some("Bearer hf_mine");
        assert_eq!(asked.token.as_deref(), expected, "{}", asked.path);
    }
}
