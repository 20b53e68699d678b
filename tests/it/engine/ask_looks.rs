//! Looking at the tokens of an answer: while it is written, and afterwards.

use mirscope::{
    engine::{
        AskRequest, Command, DeviceSettings, Event, Exchange, Explore, ImageInput, ModelSource,
        SamplingSettings, Session, TalkQuestion,
    },
    report::{Answer, AttentionRow, LogitLens, PairView, Said, TokenKind},
};

use super::{events, last, refusal};

const LAYER: usize = 3;

fn question(earlier: &[(&str, &str)], text: &str, watch: Option<usize>) -> Command {
    let exchange = |(question, answer): &(&str, &str)| Exchange {
        question: (*question).to_owned(),
        answer: (*answer).to_owned(),
    };
    Command::Ask(Box::new(AskRequest {
        model: ModelSource::Demo { connector: None },
        device: DeviceSettings::default(),
        images: vec![ImageInput::Path("assets/demo/images/scene-000.png".into())],
        earlier: earlier.iter().map(exchange).collect(),
        question: text.to_owned(),
        raw: false,
        max_tokens: 12,
        sampling: SamplingSettings::default(),
        watch,
    }))
}

/// The prompt, the tokens and the answer.
fn asked(session: &mut Session, command: Command) -> (Option<PairView>, Vec<Said>, Answer) {
    let (mut view, mut said, mut answer) = (None, Vec::new(), None);
    for event in events(session, command) {
        match event {
            Event::Asked(asked) => view = Some(*asked),
            Event::Said(token) => said.push(token),
            Event::Answer(whole) => answer = Some(*whole),
            Event::Failed(reason) => panic!("{reason}"),
            _ => {}
        }
    }
    (view, said, answer.unwrap())
}

fn talk(question: TalkQuestion) -> Command {
    Command::Explore(Explore::Talk(question))
}

fn attention(session: &mut Session, position: usize, layer: usize) -> AttentionRow {
    match last(session, talk(TalkQuestion::Attention { position, layer })) {
        Event::Attention(row) => *row,
        other => panic!("{other:?}"),
    }
}

fn lens(session: &mut Session, position: usize) -> LogitLens {
    match last(session, talk(TalkQuestion::LogitLens { position })) {
        Event::LogitLens(lens) => *lens,
        other => panic!("{other:?}"),
    }
}

fn close(a: &AttentionRow, b: &AttentionRow) {
    assert_eq!(
        (a.position, a.layer, a.heads.len()),
        (b.position, b.layer, b.heads.len())
    );
    for (a, b) in a.heads.iter().flatten().zip(b.heads.iter().flatten()) {
        assert!((a - b).abs() < 1e-4, "{a} against {b}");
    }
}

#[test]
fn what_is_told_while_an_answer_comes_is_what_is_seen_afterwards() {
    let mut session = Session::default();
    let first = question(&[], "What is at the top right?", Some(LAYER));
    let (view, said, answer) = asked(&mut session, first);
    let view = view.unwrap();
    assert_eq!(view.tokens.len(), answer.prompt_tokens);
    assert_eq!(view.pictures.len(), 1);
    let text = |token: &&mirscope::report::TokenView| token.kind == TokenKind::Text;
    let read: String = (view.tokens.iter().filter(text))
        .map(|token| token.text.as_str())
        .collect();
    assert!(read.contains("top right"), "{read}");
    assert!(!said.is_empty());
    for (index, token) in said.iter().enumerate() {
        let watched = token.watched.as_ref().unwrap();
        let row = &watched.attention;
        assert_eq!(row.position, answer.prompt_tokens + index - 1);
        for head in &row.heads {
            assert_eq!(head.len(), row.position + 1);
            assert!((head.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
        close(row, &attention(&mut session, row.position, LAYER));
    }
    let told = said[0].watched.as_ref().unwrap().lens.as_ref().unwrap();
    assert_eq!(view.tokens[told.position].kind, TokenKind::Vision);
    let again = lens(&mut session, told.position);
    assert_eq!(again.states.len(), told.states.len());
    for (a, b) in again.states.iter().zip(&told.states) {
        assert_eq!(a.tokens[0].id, b.tokens[0].id);
        assert!((a.tokens[0].probability - b.tokens[0].probability).abs() < 1e-4);
    }

    // The image is not read again, and what its tokens say is still known.
    let earlier = [("What is at the top right?", answer.text.as_str())];
    let second = question(&earlier, "What is the background?", Some(LAYER));
    let (_, said, answer) = asked(&mut session, second);
    assert!(answer.cached_tokens > 0);
    let told = said[0].watched.as_ref().unwrap();
    let lens_told = told.lens.as_ref().unwrap();
    assert_eq!(
        lens_told.states[2].tokens[0].id,
        lens(&mut session, lens_told.position).states[2].tokens[0].id
    );
    close(
        &told.attention,
        &attention(&mut session, told.attention.position, LAYER),
    );
    match last(&mut session, talk(TalkQuestion::Tokens)) {
        Event::Pair(view) => assert!(view.tokens.len() >= answer.prompt_tokens),
        other => panic!("{other:?}"),
    }
}

#[test]
fn watching_changes_no_answer_and_what_cannot_be_looked_at_is_refused() {
    let mut session = Session::default();
    let reason = refusal(&mut session, talk(TalkQuestion::Tokens));
    assert!(reason.contains("no longer holds this conversation"));
    let text = "How many objects are there?";
    let (view, plain, _) = asked(&mut session, question(&[], text, None));
    assert!(view.is_none() && plain.iter().all(|said| said.watched.is_none()));
    let mut other = Session::default();
    let (_, watched, _) = asked(&mut other, question(&[], text, Some(1)));
    let ids = |said: &[Said]| said.iter().map(|said| said.id).collect::<Vec<_>>();
    assert_eq!(ids(&plain), ids(&watched));
    let reason = refusal(&mut session, question(&[], text, Some(99)));
    assert!(reason.contains("decoder layer"), "{reason}");
    let beyond = TalkQuestion::LogitLens { position: 9999 };
    let reason = refusal(&mut other, talk(beyond));
    assert!(reason.contains("position"), "{reason}");
}
