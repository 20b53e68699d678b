//! Paths of files seen from a checkpoint's folder.
//!
//! All files of a checkpoint lie in its folder, but for shards: an index may take those from a folder
//! beside it, by a relative path such as `../base/tower.safetensors`.

/// Why `file` is no path relative to a folder, as a clause; none where it is one.
pub(crate) fn not_relative(file: &str) -> Option<&'static str> {
    let mut parts = file.split('/');
    let drive = || file.as_bytes().get(1) == Some(&b':');
    if file.is_empty() {
        Some("an empty name")
    } else if file.contains("://") {
        Some("an address")
    } else if file.starts_with('/') || drive() {
        Some("an absolute path")
    } else if file.contains(['\\', '\0']) {
        Some("a character that no path here may have")
    } else if parts.any(|part| part.is_empty() || part == ".") {
        Some("an empty part")
    } else if file.ends_with("..") {
        Some("a folder")
    } else {
        None
    }
}

/// Whether `file`, a relative path, leads out of the folder.
pub(crate) fn is_outside(file: &str) -> bool {
    file.split('/').any(|part| part == "..")
}

/// Whether `file` is named as a file of weights.
pub(crate) fn is_weights(file: &str) -> bool {
    file.ends_with(".safetensors")
}

/// The path of `file` as seen from `folder`, both with `/` between their parts. A `..` at the top
/// stays, so that files lying beside the top can be told from those in it.
pub(super) fn resolve(folder: &str, file: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(file.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The folder of a path, without a `/` at the end; empty where there is none.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folders below `folder`, relative to it, in which one of `paths` is called `name`; sorted.
pub(super) fn folders_with<'a>(
    paths: impl Iterator<Item = &'a str>,
    folder: &str,
    name: &str,
) -> Vec<String> {
    let below = |path: &'a str| match folder {
        "" => Some(path),
        folder => path.strip_prefix(folder)?.strip_prefix('/'),
    };
    let inside = paths.filter_map(below);
    let mut found: Vec<String> = inside
        .filter_map(|path| path.rsplit_once('/'))
        .filter(|(_, file)| *file == name)
        .map(|(folder, _)| folder.to_owned())
        .collect();
    found.sort();
    found
}

/// The folder that holds all of `paths`.
pub(super) fn common_folder<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let folders = paths.map(|path| folder_of(path).split('/').collect::<Vec<_>>());
    let common = folders.reduce(|a, b| {
        let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        a.into_iter().take(same).collect()
    });
    common.unwrap_or_default().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_without_a_file_system() {
        assert_eq!(resolve("", "a.json"), "a.json");
        assert_eq!(resolve("study/lr", "a.json"), "study/lr/a.json");
        assert_eq!(resolve("study/lr", "../base/t.st"), "study/base/t.st");
        assert_eq!(resolve("lr", "../base/t.st"), "base/t.st");
        assert_eq!(resolve("", "../base/t.st"), "../base/t.st");
        assert_eq!(resolve("lr", "../../t.st"), "../t.st");
        assert_eq!(folder_of("study/base/t.st"), "study/base");
        assert_eq!(folder_of("t.st"), "");
    }

    #[test]
    fn folders_are_found_among_paths() {
        let paths = ["m/refs/main", "m/snapshots/ab/config.json", "m/config.json"];
        let found = |folder: &str| folders_with(paths.into_iter(), folder, "config.json");
        assert_eq!(found("m"), ["snapshots/ab"]);
        assert_eq!(found(""), ["m", "m/snapshots/ab"]);
        assert_eq!(found("m/refs"), [""; 0]);
        assert_eq!(common_folder(paths.into_iter()), "m");
        assert_eq!(common_folder(paths[..1].iter().copied()), "m/refs");
        assert_eq!(common_folder(["a/b", "c"].into_iter()), "");
        assert_eq!(common_folder([].into_iter()), "");
    }

    #[test]
    fn only_relative_paths_are_let_through() {
        for good in [
            "a.st",
            "../base/a.st",
            "../../x/a.st",
            "parts/a.st",
            "..a.st",
        ] {
            assert_eq!(not_relative(good), None, "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "https://example.org/a.st",
            "file:///a.st",
            "C:/a.st",
            "..\\a.st",
            "a//b",
            "./a.st",
            "..",
            "a/..",
        ] {
            assert!(not_relative(bad).is_some(), "{bad}");
        }
        assert!(is_outside("../a.st") && is_outside("a/../../b.st"));
        assert!(!is_outside("a/b.st") && !is_outside("..a.st"));
    }
}
