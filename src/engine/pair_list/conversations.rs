//! Conversations as LLaVA's training data have them.

use serde_json::Value;

use super::{Shown, TurnLine, kind};

/// Most messages of a conversation; bounds what one entry may ask for.
const MOST_MESSAGES: usize = 1024;

/// What stands for an image, or for a video, in a human message.
const PLACEHOLDERS: [&str; 2] = ["<image>", "<video>"];

/// The turns of `conversations`, in which `shown` is shown: each human message with the answer after it.
///
/// As in LLaVA's training a first message that is not human is left out, and images stand before the words of
/// the message that names them. Where none does, they stand before the first.
///
/// # Errors
/// It is no list of messages by turns, or does not name the images as often as there are.
pub(super) fn turns(conversations: &Value, shown: Vec<Shown>) -> Result<Vec<TurnLine>, String> {
    let messages = messages(conversations)?;
    let mut messages = messages.as_slice();
    if let Some(((false, _), rest)) = messages.split_first() {
        messages = rest;
    }
    let count = |text: &str| -> usize {
        let found = PLACEHOLDERS.iter().map(|token| text.matches(token).count());
        found.sum()
    };
    let human = messages.iter().filter(|(human, _)| *human);
    let named: usize = human.map(|(_, text)| count(text)).sum();
    if named > 0 && named != shown.len() {
        return Err(format!(
            "expected `<image>` in the human messages as often as there are images ({}), found it {named} times",
            shown.len()
        ));
    }
    let images = shown.len();
    let mut shown = shown.into_iter();
    let mut turns = Vec::new();
    for (index, turn) in messages.chunks(2).enumerate() {
        let [(true, question), (false, text)] = turn else {
            return Err(match turn {
                [(true, _)] => {
                    "expected an answer to the last human message, found none".to_owned()
                }
                _ => format!("expected human and gpt by turns, found two of one in turn {index}"),
            });
        };
        if text.trim().is_empty() {
            return Err(format!(
                "expected a text in turn {index}, found an empty one"
            ));
        }
        let own = match (named, index) {
            (0, 0) => images,
            _ => count(question),
        };
        let mut words = (*question).to_owned();
        for token in PLACEHOLDERS {
            words = words.replace(token, "");
        }
        turns.push(TurnLine {
            shown: shown.by_ref().take(own).collect(),
            question: words.trim().to_owned(),
            text: (*text).to_owned(),
        });
    }
    match turns.is_empty() {
        true => Err("expected a human message and its answer, found neither".to_owned()),
        false => Ok(turns),
    }
}

/// Each message, with whether it is human.
fn messages(conversations: &Value) -> Result<Vec<(bool, &str)>, String> {
    const EXPECTED: &str =
        "expected `conversations` as a list of {\"from\": \"human\" or \"gpt\", \"value\": string}";
    let list = conversations
        .as_array()
        .ok_or_else(|| format!("{EXPECTED}, found {}", kind(conversations)))?;
    if list.len() > MOST_MESSAGES {
        let found = list.len();
        return Err(format!(
            "expected at most {MOST_MESSAGES} messages, found {found}"
        ));
    }
    let found: Option<Vec<(bool, &str)>> = (list.iter().enumerate())
        .map(|(index, message)| {
            let text = |key: &str| message.get(key).and_then(Value::as_str);
            let human = match text("from") {
                Some("human" | "user") => true,
                Some("gpt" | "assistant") => false,
                Some("system") if index == 0 => false,
                _ => return None,
            };
            Some((human, text("value")?))
        })
        .collect();
    found.ok_or_else(|| format!("{EXPECTED}, found another message"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn images(count: usize) -> Vec<Shown> {
        let name = |index: usize| Shown::Image(format!("{index}.png"));
        (0..count).map(name).collect()
    }

    #[test]
    fn images_stand_in_the_turns_that_name_them() {
        let messages = json!([
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "What is it?\n<image>"},
            {"from": "gpt", "value": "A cat."},
            {"from": "human", "value": "Sure?"},
            {"from": "gpt", "value": "Yes."},
            {"from": "user", "value": "<image>\n<image>And these?"},
            {"from": "assistant", "value": "Dogs."},
        ]);
        let turns = turns(&messages, images(3)).unwrap();
        let found: Vec<_> = (turns.iter())
            .map(|turn| (turn.shown.len(), turn.question.as_str(), turn.text.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (1, "What is it?", "A cat."),
                (0, "Sure?", "Yes."),
                (2, "And these?", "Dogs.")
            ]
        );
        assert_eq!(turns[2].shown, images(3)[1..]);
    }

    #[test]
    fn images_that_nothing_names_stand_first() {
        let messages = json!([
            {"from": "human", "value": "What?"}, {"from": "gpt", "value": "A cat."},
        ]);
        assert_eq!(turns(&messages, images(2)).unwrap()[0].shown.len(), 2);
    }

    #[test]
    fn what_is_no_conversation_is_refused() {
        let human = |text: &str| json!({"from": "human", "value": text});
        let gpt = |text: &str| json!({"from": "gpt", "value": text});
        for (messages, reason) in [
            (json!("a"), "found a string"),
            (json!([]), "found neither"),
            (json!([3]), "found another message"),
            (
                json!([{"from": "human", "value": 3}]),
                "found another message",
            ),
            (json!([human("<image>a")]), "found none"),
            (json!([human("a"), human("b")]), "two of one in turn 0"),
            (json!([human("a"), gpt(" ")]), "found an empty one"),
            (
                json!([human("<image><image>"), gpt("b")]),
                "found it 2 times",
            ),
            (
                json!(vec![human("a"); MOST_MESSAGES + 1]),
                "at most 1024 messages",
            ),
        ] {
            let error = turns(&messages, images(1)).unwrap_err();
            assert!(error.contains(reason), "{messages}: {error}");
        }
    }
}
