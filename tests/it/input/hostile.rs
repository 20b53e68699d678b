//! Templates that were made to do harm: a sentence, at once, whatever they hold.

use std::time::Duration;

use mirscope::{
    input::{InputError, PromptBuilder},
    weights::MemorySource,
};

use super::prompts::{OfFour, config, tokenizer};

/// Opens a checkpoint and builds a prompt on a stack as small as a page's, and does not wait forever.
pub fn tried(source: MemorySource) -> Result<usize, InputError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let work = move || {
        let tried = PromptBuilder::open(&source, &config(4096))
            .and_then(|builder| {
                builder.document_of_four("d", &["Some red words.", "More of them."])
            })
            .map(|prompt| prompt.input_ids.len());
        sender.send(tried).unwrap();
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    thread.spawn(work).unwrap();
    receiver.recv_timeout(Duration::from_secs(120)).unwrap()
}

fn with(template: &str) -> MemorySource {
    tokenizer("byte").with("chat_template.jinja", template.as_bytes().to_vec())
}

fn loops(count: usize, body: &str) -> String {
    format!(
        "{{% set ns = namespace(x='x', l=[1]) %}}{{% for i in range({count}) %}}{body}{{% endfor %}}"
    )
}

#[test]
fn templates_that_nest_work_or_grow_too_much_are_refused() {
    let many = |open: &str, middle: &str, close: &str, count: usize| {
        format!("{}{middle}{}", open.repeat(count), close.repeat(count))
    };
    let cases = [
        // Nesting.
        format!("{{{{ {} }}}}", many("not ", "true", "", 20_000)),
        format!("{{{{ {} }}}}", many("- ", "1", "", 20_000)),
        format!("{{{{ {} }}}}", many("(", "1", ")", 20_000)),
        format!("{{{{ {} }}}}", many("[", "1", "]", 20_000)),
        format!("{{{{ {} }}}}", many("{'a':", "1", "}", 10_000)),
        format!("{{{{ {} }}}}", many("f(", "1", ")", 10_000)),
        format!("{{{{ a{} }}}}", ".a".repeat(20_000)),
        format!("{{{{ a{} }}}}", "[0]".repeat(20_000)),
        format!("{{{{ a{} }}}}", "()".repeat(20_000)),
        format!("{{{{ a{} }}}}", "|upper".repeat(20_000)),
        format!("{{{{ a{} }}}}", " is defined".repeat(10_000)),
        format!("{{{{ a{} }}}}", " if a else a".repeat(10_000)),
        format!("{{{{ a{} }}}}", " + a".repeat(20_000)),
        format!("{{{{ {}", "not ".repeat(20_000)),
        format!("{{% set {}a{} = 1 %}}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(10_000)),
        many("{% if true %}", "a", "{% endif %}", 5_000),
        many("{% for a in [1] %}", "a", "{% endfor %}", 5_000),
        many("{% filter upper %}", "a", "{% endfilter %}", 5_000),
        "{{ '".to_owned() + &"x".repeat(400_000),
        // Recursion.
        "{% macro f(x) %}{{ f([x]) }}{% endmacro %}{{ f(1) }}".into(),
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}".into(),
        "{% macro f(x) %}{% call f(x) %}{{ caller() }}{% endcall %}{% endmacro %}{{ f(1) }}".into(),
        "{% block a %}{{ self.a() }}{% endblock %}".into(),
        "{% include 'chat_template' %}".into(),
        "{% import 'chat_template' as t %}".into(),
        "{% extends 'chat_template' %}".into(),
        "{% for a in [[1]] recursive %}{{ loop([a]) }}{% endfor %}".into(),
        // Values that hold themselves or each other.
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}".into(),
        "{% set ns = namespace() %}{% set ns.a = [{'b': ns}] %}{{ ns == ns }}".into(),
        loops(99_999, "{% set ns.l = [ns.l] %}") + "{{ ns.l }}",
        loops(9_999, "{% set ns.l = [ns.l, ns.l] %}"),
        loops(9_999, "{% set ns.l = ns.l[::-1] %}{% set ns.l = [ns.l | reverse] %}"),
        loops(9_999, "{% set ns.l = dict(a=ns.l) %}"),
        "{% set a = [1] %}".to_owned() + &"{% set a = [a, a] %}".repeat(60) + "{{ a == a }}",
        "{% set a = namespace() %}".to_owned() + &"{% set a = namespace(b=a, c=a) %}".repeat(70),
        "{% macro f(x, n) %}{% if n %}{{ f([x, x, x, x], n - 1) }}{% else %}{{ x == x }}{% endif %}{% endmacro %}{{ f(1, 12) }}".into(),
        // Work.
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".into(),
        loops(9_999, "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"),
        "{{ range(99999999999) | list }}".into(),
        loops(9_999, "{% if (range(9000) | list) == (range(9000) | list) %}{% endif %}"),
        loops(9_999, "{% set a = range(9000) | list | sort | reverse | list %}"),
        loops(99_999, "{% set ns.l = ns.l + [i] %}{% if i in ns.l %}{% endif %}"),
        // Growth.
        "{{ 'x' * 1000000000 }}".into(),
        "{% set n = 100000000 %}{{ 'x' * n }}".into(),
        "{% set n = 90000000 %}{% for i in range(9999) %}{% if [1] * n == [1] * n %}{% endif %}{% endfor %}".into(),
        loops(99, "{% set ns.x = ns.x ~ ns.x %}"),
        loops(99, "{% set ns.x = ns.x + ns.x %}"),
        loops(99, "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"),
        loops(99, "{% set ns.l = ns.l + ns.l %}"),
        loops(99, "{% set ns.x = ns.x.replace('x', 'xx') %}"),
        loops(99, "{% set ns.x = ns.x | replace('', ns.x) %}"),
        loops(99, "{% set ns.x = [ns.x, ns.x] | join(ns.x) %}"),
        loops(99, "{% set ns.x = ns.x.join(ns.x ~ ns.x) %}"),
        loops(99, "{% set ns.x = ns.x.join([ns.x, ns.x]) %}"),
        loops(99, "{% set ns.x = ns.x | list | map('replace', 'x', ns.x ~ ns.x) | join %}"),
        loops(99, "{% set ns.x = 'x\nx' | indent(100000000) %}"),
        loops(99, "{% set ns.x = '%1000000000d' | format(1) %}"),
        loops(99, "{% set ns.x = '%.999999999f' | format(1.5) %}"),
        loops(99, "{% set ns.x = '%*d' | format(1000000000, 1) %}"),
        loops(99, "{% set ns.x = '{:1000000000}'.format(1) %}"),
        loops(99, "{% set ns.l = [1] | batch(1000000000, 0) | list %}"),
        loops(99, "{% set ns.l = [1] | slice(1000000000) | list %}"),
        loops(99, "{% set ns.x = [[1]] | tojson(indent=1000000000) %}"),
        loops(99_999, "{% set ns.l = ns.l + ['x' * 200 * 200 ~ i] %}"),
        "{% set b = 'x' * 200 * 200 %}".to_owned()
            + &(0..5_000).map(|i| format!("{{% set a{i} = b ~ {i} %}}")).collect::<String>(),
        loops(99_999, &format!("{{% set x %}}{}{{% endset %}}", "word ".repeat(20_000))),
        loops(99_999, &"word ".repeat(40_000)),
        format!("{{% for i in range(9999) %}}{{% if {} %}}{{% endif %}}{{% endfor %}}", "'x' * 200 ~ ".repeat(60) + "'x'"),
        // Names that are kept for the program.
        "{% macro __keep(x) %}{% endmacro %}".into(),
        "{% set __most = 1000000000000 %}".into(),
    ];
    let mut wrong = Vec::new();
    for template in &cases {
        let shown: String = template.chars().take(90).collect();
        match tried(with(template)) {
            Err(error @ InputError::Template { .. }) => {
                let error = error.to_string();
                let short = error.len() < 700 && error.starts_with("chat_template.jinja: ");
                if !short || error.contains(char::is_control) {
                    wrong.push(format!("{shown}: {error}"));
                }
            }
            other => wrong.push(format!("{shown}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_harmless_template_may_be_long_and_a_text_longer() {
    // A turn for each text, and a walk back over all turns in each, as some templates do.
    let template = "{% for m in messages %}{% for n in messages[::-1] %}{% if n.role == 'user' %}{% endif %}\
        {% endfor %}{% for p in m.content %}{{ '<image>' if p.type == 'image' else p.text | trim }}{% endfor %}\
        {% endfor %}"
        .to_owned()
        + &"{# a comment of some length, as licenses have them #}\n".repeat(2_000);
    let builder = PromptBuilder::open(&with(&template), &config(1 << 20)).unwrap();
    let texts: Vec<String> = (0..60).map(|i| format!("Text {i}. ").repeat(40)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(builder.document_of_four("d", &texts).unwrap().images, 60);
    let long = "Three birds fly over the hill. ".repeat(20_000);
    assert_eq!(builder.pair_of_four("p", &long).unwrap().images, 1);
}
