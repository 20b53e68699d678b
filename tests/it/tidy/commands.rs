//! The commands in the documentation exist.

use std::fs;

use super::{report, source::root};

const PAGES: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/cookbook.md",
    "docs/files.md",
    "docs/protocols.md",
    "docs/quantities.md",
    "docs/training-loop.md",
];

/// The command lines in a page's code blocks and code spans, with the page's line.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_block = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if in_block || line.starts_with("    ") {
            found.push((index + 1, line.trim().trim_start_matches("$ ").to_owned()));
        } else {
            let spans = line.split('`').skip(1).step_by(2);
            found.extend(spans.map(|span| (index + 1, span.to_owned())));
        }
    }
    found
}

/// The words of a command line; what stands between quotes is one.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace()),
            _ => words.push(part),
        }
    }
    words
}

/// The line with a 1 in the place of each of the shell's variables.
fn without_variables(line: &str) -> String {
    let mut parts = line.split('$');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        plain = plain + "1" + part.trim_start_matches(name);
    }
    plain
}

/// What is wrong with a command line, if anything.
fn check(line: &str, dev: &str) -> Option<String> {
    let line = line.split(" #").next().unwrap_or(line);
    let line = line.split(" | ").next().unwrap_or(line);
    let line = line.split(" > ").next().unwrap_or(line);
    let line = without_variables(line);
    let words = words(&line);
    let (first, rest) = words.split_first()?;
    match *first {
        "./dev" => {
            let task = rest.first()?;
            // The task list in the script's help is what the reader is sent to.
            let listed = dev
                .lines()
                .any(|line| line.split_whitespace().next() == Some(task) && line.starts_with("  "));
            (!listed).then(|| format!("`./dev help` lists no task `{task}`"))
        }
        // Named in a sentence.
        "mirscope" if rest.len() == 1 => parse(&[rest[0], "--help"]),
        "mirscope" => parse(rest),
        "cargo" if rest.starts_with(&["run", "--release", "--"]) => parse(&rest[3..]),
        _ => None,
    }
}

/// What the program's own parser says.
fn parse(args: &[&str]) -> Option<String> {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    let args = std::iter::once("mirscope").chain(args.iter().copied());
    match mirscope::cli::command().try_get_matches_from(args) {
        Err(error) if !matches!(error.kind(), DisplayHelp | DisplayVersion) => {
            Some(error.to_string().lines().next()?.to_owned())
        }
        _ => None,
    }
}

#[test]
fn commands_in_the_documentation_exist() {
    let mut findings = Vec::new();
    let dev = fs::read_to_string(root().join("dev")).unwrap_or_default();
    for page in PAGES {
        let Ok(text) = fs::read_to_string(root().join(page)) else {
            findings.push(format!("{page} is missing"));
            continue;
        };
        for (line, command) in commands(&text) {
            if let Some(problem) = check(&command, &dev) {
                findings.push(format!("{page}:{line}: `{command}`: {problem}"));
            }
        }
    }
    report("commands in the documentation exist", &findings);
}

/// The names by which links lead to the headings of a page.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    let mut findings = Vec::new();
    for page in PAGES {
        let page_file = root().join(page);
        let text = fs::read_to_string(&page_file).unwrap_or_default();
        let folder = page_file.parent().unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            let (path, place) = link.split_once('#').unwrap_or((link, ""));
            if path.contains("://") {
                continue;
            }
            let target = match path {
                "" => page_file.clone(),
                path => folder.join(path),
            };
            if !target.exists() {
                findings.push(format!("{page}: {path} does not exist"));
            } else if !place.is_empty() {
                let text = fs::read_to_string(target).unwrap_or_default();
                if !anchors(&text).iter().any(|anchor| anchor == place) {
                    findings.push(format!("{page}: {link} leads to no heading"));
                }
            }
        }
    }
    report("links in the documentation lead somewhere", &findings);
}

#[test]
fn wrong_commands_are_noticed() {
    let dev = "  demo   x\n  test   y\n";
    let text = "Run `mirscope measure` or `mirscope mesure`.\n\n```sh\n./dev demo --num-pairs 8\n\
                ./dev fly\nmirscope measure --json | jq .mir\nmirscope measure --pears x\n\
                cargo run --release -- inspect --nope\ncargo build\n\
                mirscope measure --shard $ID/3 --stats $ID.safetensors\nmirscope measure --shard $ID\n```\n";
    let wrong: Vec<usize> = commands(text)
        .iter()
        .filter(|(_, command)| check(command, dev).is_some())
        .map(|(line, _)| *line)
        .collect();
    assert_eq!(wrong, [1, 5, 7, 8, 11]);
}
