//! Whom the page may ask.

use std::{collections::BTreeMap, fs};

use mirscope::platform::HUB_SOURCES;

use super::source::root;

#[test]
fn the_page_may_ask_its_own_host_and_the_hub_and_nobody_else() {
    let html = fs::read_to_string(root().join("index.html")).unwrap();
    let policies: Vec<&str> = (html
        .split("http-equiv=\"Content-Security-Policy\" content=\"")
        .skip(1))
    .map(|rest| rest.split('"').next().unwrap())
    .collect();
    let [policy] = policies[..] else {
        panic!("expected one policy, found {policies:?}");
    };
    let directives = policy.split(';').map(|directive| {
        let mut words = directive.split_whitespace();
        (words.next().unwrap(), words.collect::<Vec<_>>())
    });
    let mut directives: BTreeMap<&str, Vec<&str>> = directives.collect();
    let asks = directives.remove("connect-src").unwrap();
    assert_eq!(asks, [&["'self'"][..], &HUB_SOURCES].concat());
    // Whatever else is loaded comes from the page's own host, and nothing is sent as a form.
    assert_eq!(directives["default-src"], ["'none'"]);
    assert_eq!(directives["form-action"], ["'none'"]);
    for (directive, sources) in directives {
        for source in sources {
            let is_own = ["'none'", "'self'", "'wasm-unsafe-eval'", "data:"].contains(&source);
            assert!(is_own, "{directive} allows {source}");
        }
    }
}
