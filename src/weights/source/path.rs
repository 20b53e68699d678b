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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_without_a_file_system() {
        assert_eq!(resolve("", "a.json"), "a.json");
        assert_eq!(resolve("family/lr", "a.json"), "family/lr/a.json");
        assert_eq!(resolve("family/lr", "../base/t.st"), "family/base/t.st");
        assert_eq!(resolve("lr", "../base/t.st"), "base/t.st");
        assert_eq!(resolve("", "../base/t.st"), "../base/t.st");
        assert_eq!(resolve("lr", "../../t.st"), "../t.st");
        assert_eq!(folder_of("family/base/t.st"), "family/base");
        assert_eq!(folder_of("t.st"), "");
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
