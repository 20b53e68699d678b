//! Where in a JSON text something is.

/// ` in ` and the path of the field where reading stopped, for example `` in `layers[2].frechet` ``;
/// empty where it is no field's.
pub(crate) fn in_field(json: &str, error: &serde_json::Error) -> String {
    let lines = json.split_inclusive('\n').take(error.line());
    let before: usize = lines
        .clone()
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let last = lines.last().map_or(0, str::len);
    let end = before + error.column().min(last);
    let path = path_at(json.as_bytes().get(..end).unwrap_or_default());
    // What begins with a list has no fields of ours.
    if path.is_empty() || path.starts_with('[') {
        return String::new();
    }
    format!(" in `{path}`")
}

/// What an open bracket holds so far.
enum Open {
    /// An object, with the key that was last read.
    Object(String),
    /// A list, with the number of elements that are complete.
    List(usize),
}

/// The path of the value at the end of the beginning of a JSON text.
fn path_at(json: &[u8]) -> String {
    let mut open: Vec<Open> = Vec::new();
    let mut expects_key = false;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'{' => {
                open.push(Open::Object(String::new()));
                expects_key = true;
            }
            b'[' => open.push(Open::List(0)),
            b'}' | b']' => {
                open.pop();
            }
            b':' => expects_key = false,
            b',' => match open.last_mut() {
                Some(Open::List(count)) => *count += 1,
                Some(Open::Object(_)) => expects_key = true,
                None => {}
            },
            b'"' => {
                let begin = at;
                while json.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if json[at] == b'\\' { 2 } else { 1 };
                }
                if expects_key && let Some(Open::Object(key)) = open.last_mut() {
                    *key = String::from_utf8_lossy(json.get(begin..at).unwrap_or_default()).into();
                }
                at += 1;
            }
            _ => {}
        }
    }
    let mut path = String::new();
    for bracket in open {
        match bracket {
            Open::Object(key) if key.is_empty() => {}
            Open::Object(key) if path.is_empty() => path = key,
            Open::Object(key) => path += &format!(".{key}"),
            Open::List(count) => path += &format!("[{count}]"),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Layer {
        #[serde(rename = "frechet")]
        _frechet: f64,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Whole {
        #[serde(rename = "layers")]
        _layers: Vec<Layer>,
    }

    #[test]
    fn the_field_is_named() {
        for (json, place) in [
            (
                "{\"layers\": [{\"frechet\": 1},\n {\"frechet\": null}]}",
                " in `layers[1].frechet`",
            ),
            (
                "{\"layers\":\n[{\"frechet\": NaN}]}",
                " in `layers[0].frechet`",
            ),
            (
                "{\"layers\": [{\"frechet\": 1e999}]}",
                " in `layers[0].frechet`",
            ),
            (
                "{\"layers\": [{\"a\\\"]\": 1, \"frechet\": \"x\"}]}",
                " in `layers[0].frechet`",
            ),
            ("{\"layers\": [{}]}", " in `layers[0]`"),
            ("{\"a\": [1, {}], \"layers\": 3}", " in `layers`"),
            ("[", ""),
            ("", ""),
            ("{\"layers\": [\"", " in `layers[0]`"),
            ("{\"\\", ""),
        ] {
            let error = serde_json::from_str::<Whole>(json).unwrap_err();
            assert_eq!(in_field(json, &error), place, "{json}: {error}");
        }
    }
}
