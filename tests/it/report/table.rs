//! The table for a terminal.

use mirscope::report::{Skipped, TextStyle, table};

use super::{report, undefined};

const PLAIN: TextStyle = TextStyle {
    width: None,
    color: false,
};

#[test]
fn layers_are_aligned_over_many_magnitudes() {
    let text = table(&report(), PLAIN);
    let lines: Vec<&str> = text.lines().take(4).collect();
    assert_eq!(
        lines,
        [
            "layer      Fréchet    location     spread       shape  share %              norm v/t  n vision  n text",
            "    1  1000         800.0       90.00      110.0          99.0  █████████▉     20.00    12,800   9,321",
            "    2    10.00        8.000      0.5000      1.500         1.0  ▏              20.00    12,800   9,321",
            "    3     1.000e-5    4.000e-6   5.000e-6    1.000e-6      0.0                 20.00    12,800   9,321",
        ],
        "\n{text}"
    );
}

#[test]
fn footer_says_what_the_numbers_are_and_where_they_come_from() {
    let text = table(&report(), PLAIN);
    for expected in [
        "MIR           3.004 = log10 of 1010, the sum over 3 layers",
        "norm-matched  MIR -0.125",
        "definition    exact: the paper's equation",
        "states        hidden_states[1] to hidden_states[3]",
        "text tokens   official: everything after the last image token",
        "n = 12,800 vision and 9,321 text, d = 128, n/d = 100.0 and 72.8",
        "100 from the demo's held-out pairs, seed 7, prompt: the checkpoint's chat template",
        "tiny <llava> (LlavaForConditionalGeneration), 4,812,345 parameters in f16",
        "adapter       llvmpipe (vulkan, cpu, Mesa, direct kernels)",
        "time          forward 12.5 s",
        "note          2 texts were cut",
    ] {
        assert!(text.contains(expected), "no `{expected}` in\n{text}");
    }
    assert!(!text.contains("biased"), "{text}");
    assert!(text.ends_with('\n'));
}

#[test]
fn few_tokens_per_dimension_are_pointed_out() {
    let mut few = report();
    few.model.hidden_size = 4096;
    let text = table(&few, PLAIN);
    assert!(
        text.contains("n/d = 3.1 and 2.3; with so few tokens"),
        "{text}"
    );
}

#[test]
fn undefined_mir_is_said_with_its_reason() {
    let text = table(&undefined(), PLAIN);
    assert!(
        text.contains("MIR           undefined: the sum over the layers is -1.0100e3"),
        "{text}"
    );
    assert!(text.contains("subtracts 2 Tr(S_v S_t)"), "{text}");
    assert!(
        text.contains("between this (undefined) and subtracting nothing (3.004)"),
        "{text}"
    );
    assert!(text.lines().next().unwrap().contains("upper end"), "{text}");
    // Shares of a sum with negative terms would mislead.
    assert!(text.lines().nth(1).unwrap().contains("  -  "), "{text}");
}

#[test]
fn narrow_terminals_are_respected() {
    for width in [60, 80, 100, 120] {
        let style = TextStyle {
            width: Some(width),
            color: false,
        };
        let text = table(&report(), style);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest.unwrap() <= width, "{width} columns:\n{text}");
        assert!(text.contains("Fréchet"));
        let complete = text.lines().next().unwrap().contains("n vision");
        assert_ne!(
            complete,
            text.contains("left out for lack of width"),
            "{width} columns:\n{text}"
        );
    }
}

#[test]
fn colors_only_add_escape_codes() {
    let style = TextStyle {
        width: None,
        color: true,
    };
    let colored = table(&report(), style);
    assert!(colored.contains("\u{1b}[1m3.004\u{1b}[0m"));
    let mut plain = colored;
    for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, table(&report(), PLAIN));
}

#[test]
fn what_was_left_out_is_counted_and_named() {
    let mut report = report();
    report.data.skipped = (0..12)
        .map(|index| Skipped {
            name: format!("{index}.png"),
            reason: "expected an image, found an empty file".to_owned(),
        })
        .collect();
    let text = table(&report, PLAIN);
    let line = "skipped       12 inputs that could not be read: 0.png (expected an image, found an \
                empty file); 1.png";
    assert!(text.contains(line), "{text}");
    assert!(
        text.contains("; 2 more are named in the JSON report"),
        "{text}"
    );
    report.data.skipped.truncate(1);
    let text = table(&report, PLAIN);
    assert!(
        text.contains("1 input that could not be read: 0.png"),
        "{text}"
    );
}

#[test]
fn numbers_have_their_nouns() {
    let mut one = report();
    one.layers.truncate(1);
    one.model.parameters = 1;
    let text = table(&one, PLAIN);
    assert!(text.contains("the sum over 1 layer;"), "{text}");
    assert!(text.contains(", 1 parameter in f16"), "{text}");
}

/// Nothing that a terminal would obey, wherever it stands in a report; colors or none.
#[test]
fn names_do_not_command_the_terminal() {
    let evil = "a\u{1b}[2J\u{9b}31m\u{202e}b\nerror: c\r\u{7}";
    let mut report = report();
    for text in [
        &mut report.model.name,
        &mut report.model.architecture,
        &mut report.model.dtype,
        &mut report.data.source,
        &mut report.data.prompt,
        &mut report.device.adapter,
        &mut report.device.driver,
        &mut report.timings[0].stage,
        &mut report.layers[0].state,
        &mut report.notes[0],
    ] {
        *text = evil.to_owned();
    }
    report.data.skipped = vec![Skipped {
        name: evil.to_owned(),
        reason: evil.to_owned(),
    }];
    let lines = table(&super::report(), PLAIN).lines().count();
    for color in [false, true] {
        let text = table(&report, TextStyle { width: None, color });
        let mut rest = text.clone();
        for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m"] {
            rest = rest.replace(code, "");
        }
        let hidden = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
        assert!(!rest.contains(hidden), "{text:?}");
        assert!(
            rest.contains("a\\u{1b}[2J\\u{9b}31m\\u{202e}b\\nerror: c"),
            "{text}"
        );
        // One line more: what was skipped.
        assert_eq!(text.lines().count(), lines + 1);
    }
}
