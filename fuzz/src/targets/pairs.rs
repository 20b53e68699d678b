//! Lists of pairs, documents and conversations, and texts in files of their own.

use mirscope::engine::{ImageInput, Listed, PairInput, pair_lines, portable_path, text_in_file};

use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , "image" "images" "text" "texts" "caption" "file_name" "video" "frames" "conversations"
    "from" "value" "human" "gpt" "system" "messages" "role" "user" "assistant" "content" "type" <image> <video> \n
    @highlight "id" null 8 256"#;

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = (text_in_file("a.story", &text), text_in_file("a.txt", &text));
    if let Ok(listed) = Listed::new(&text) {
        listed.note("l");
        for (number, line) in listed.lines {
            let Ok(line) = line else { continue };
            let paths = line.turns.iter().flat_map(|turn| &turn.shown);
            paths.flat_map(|shown| shown.paths()).for_each(|path| drop(portable_path(path)));
            let find = |_: &str| Ok::<_, ()>(ImageInput::Frames(Vec::new()));
            let folder = |path: &str| (number % 2 == 0).then(|| vec![ImageInput::Frames(Vec::new()); path.len()]);
            let _ = PairInput::listed(line, find, folder);
        }
    }
    pair_lines(&text).for_each(drop);
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut all = seeds::files(&[".jsonl", "/text.txt"]);
    all.iter_mut().for_each(|file| file.truncate(2000));
    all.extend([
        br#"[{"id": "1", "image": "a.png", "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A cat."}]}]"#.to_vec(),
        b"{\"images\": [\"a.png\", \"b.png\"], \"texts\": [\"A.\", \"B.\"]}\n{\"video\": [\"a.png\"], \"text\": \"A.\"}".to_vec(),
        b"{\"image\": \"clip\", \"frames\": 8, \"text\": \"A.\"}\n{\"file_name\": \"a.png\", \"caption\": \"A.\"}".to_vec(),
        b"One.\r\n\r\nTwo.\n@highlight\n\nThree".to_vec(),
    ]);
    all
}
