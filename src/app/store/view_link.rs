//! The view as the end of a link: `#tab=eyes&layer=3`.

use serde_json::{Map, Value};

use super::View;
use crate::report::Ellipse;

/// Longest link that is read; a view with everything changed takes a few hundred bytes.
const LONGEST: usize = 4096;

impl View {
    /// What differs from the default, as a fragment that starts with `#`; `#` alone if nothing does.
    ///
    /// Names are those of the fields; a field inside another is written `what_if.outliers`.
    pub fn to_link(&self) -> String {
        let mut pairs = Vec::new();
        if let (Value::Object(this), Value::Object(default)) = (json(self), json(&Self::default()))
        {
            differences(&this, &default, "", &mut pairs);
        }
        format!("#{}", pairs.join("&"))
    }

    /// The view in a link: a whole address, its fragment, or the fragment without `#`.
    ///
    /// Whatever is unknown, misspelled or out of range is left at its default, so that links of other
    /// versions open too. The selection may still lie outside of the run that is shown.
    pub fn from_link(link: &str) -> Self {
        let fragment = link.trim();
        let fragment = fragment.split_once('#').map_or(fragment, |(_, end)| end);
        let mut view = Self::default();
        if fragment.len() > LONGEST {
            return view;
        }
        for pair in fragment.split('&') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                continue;
            };
            let mut changed = json(&view);
            if let Some(slot) = field(&mut changed, &name)
                && let Some(new) = read(slot, &value)
            {
                *slot = new;
                // Each field alone: one that does not fit leaves the others as they are.
                view = serde_json::from_value(changed).unwrap_or(view);
            }
        }
        view.clamped()
    }

    /// The view with numbers inside of what any run may have.
    pub(super) fn clamped(mut self) -> Self {
        self.layer = self.layer.clamp(1, 10_000);
        if !self.vision_scale.is_finite() {
            self.vision_scale = 1.0;
        }
        self.vision_scale = self.vision_scale.clamp(0.01, 100.0);
        self.ellipse = clamped(self.ellipse);
        if self.what_if.num_pairs == Some(0) {
            self.what_if.num_pairs = None;
        }
        self
    }
}

/// The ellipse inside of what can be shown.
fn clamped(ellipse: Ellipse) -> Ellipse {
    // No field of a link is infinite or no number: JSON has neither.
    Ellipse {
        x: ellipse.x.clamp(-2.0, 2.0),
        y: ellipse.y.clamp(-2.0, 2.0),
        length: ellipse.length.clamp(0.02, 1.5),
        width: ellipse.width.clamp(0.02, 1.5),
        turn: ellipse.turn.clamp(0.0, 360.0),
    }
}

fn json(view: &View) -> Value {
    // Plain data: serde cannot refuse it.
    serde_json::to_value(view).unwrap_or_default()
}

fn differences(
    this: &Map<String, Value>,
    default: &Map<String, Value>,
    prefix: &str,
    pairs: &mut Vec<String>,
) {
    for (name, value) in this {
        let name = format!("{prefix}{name}");
        match (value, default.get(&name[prefix.len()..])) {
            (Value::Object(this), Some(Value::Object(default))) => {
                differences(this, default, &format!("{name}."), pairs);
            }
            (value, default) if Some(value) != default => {
                let text = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                pairs.push(format!("{}={}", encoded(&name), encoded(&text)));
            }
            _ => {}
        }
    }
}

/// The field that a dotted name leads to; objects are no fields.
fn field<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let mut value = value;
    for part in name.split('.') {
        value = value.as_object_mut()?.get_mut(part)?;
    }
    (!value.is_object()).then_some(value)
}

/// `text` as a value that may take the place of `old`.
fn read(old: &Value, text: &str) -> Option<Value> {
    let parsed = serde_json::from_str::<Value>(text).ok();
    let plain = parsed.filter(|value| !value.is_object() && !value.is_array());
    match old {
        Value::String(_) => Some(Value::String(text.to_owned())),
        // Of what is absent nothing tells whether it is a number or a word.
        Value::Null => plain.or_else(|| Some(Value::String(text.to_owned()))),
        _ => plain,
    }
}

/// `text` with everything but letters, digits and `-_.` of ASCII as percent codes.
fn encoded(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            code.push(char::from(byte));
        } else {
            code += &format!("%{byte:02X}");
        }
    }
    code
}

/// The text behind percent codes; none where it is no UTF-8 or a code is broken.
fn decoded(code: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(code.len());
    let mut rest = code.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            u8::try_from(16 * digit()? + digit()?).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::store::{Embed, Scale, StartPart, Tab, WhatIfPart},
        report::{Axes, Calibration, WhatIfSettings},
    };

    fn changed() -> View {
        View {
            tab: Tab::Eyes,
            run: "Demo, halfway".to_owned(),
            part: Some(StartPart::Steps),
            riddle: 2,
            training_step: 5,
            step: "a-patch".to_owned(),
            embed: Some(Embed::Scrubber),
            layer: 3,
            scale: Scale::Linear,
            inputs: true,
            axes: Axes::Shared,
            pair: 7,
            patch: Some(12),
            query: Some(40),
            what_if: WhatIfSettings {
                outliers: false,
                num_pairs: Some(32),
                calibration: Calibration::Moca,
            },
            vision_scale: 0.25,
            what_if_shows: Some(WhatIfPart::Run),
            ellipse: Ellipse {
                x: 0.125,
                turn: 15.0,
                ..View::HELD
            },
            longer: true,
            ..View::default()
        }
    }

    #[test]
    fn links_are_short_and_can_be_read() {
        assert_eq!(View::default().to_link(), "#");
        let view = View {
            tab: Tab::Eyes,
            layer: 3,
            ..View::default()
        };
        assert_eq!(view.to_link(), "#tab=eyes&layer=3");
        let link = changed().to_link();
        assert!(link.contains("what_if.outliers=false"), "{link}");
    }

    #[test]
    fn the_ellipses_have_a_link_of_their_own() {
        let view = View::from_link("#tab=ellipses");
        assert_eq!(
            (view.tab, view.what_if_part()),
            (Tab::WhatIf, WhatIfPart::Ellipses)
        );
        let older = View::from_link("#tab=what-if&what_if.outliers=false");
        assert_eq!(older.what_if_part(), WhatIfPart::Run);
    }

    #[test]
    fn views_come_back() {
        for view in [View::default(), changed()] {
            let link = view.to_link();
            assert_eq!(View::from_link(&link), view, "{link}");
            assert_eq!(View::from_link(&link[1..]), view);
            assert_eq!(View::from_link(&format!("https://a.b/c/?d=e{link}")), view);
        }
    }

    #[test]
    fn what_is_wrong_is_left_out_and_the_rest_kept() {
        let expected = View {
            layer: 5,
            ..View::default()
        };
        for link in [
            "#tab=nonsense&layer=5",
            "#layer=5&vision_scale=NaN",
            "#layer=5&pair=-1&patch=%7B%7D",
            "#layer=5&layer=five&=&&===&unknown=1",
            "#layer=5&what_if=3&what_if.num_pairs=0&what_if.outliers.x=1",
            "#layer=5&%zz=1&tab=%ff",
            "#layer=5&tab=%",
            "#layer=5&embed=everything&part=7&part=whole&embed=",
        ] {
            assert_eq!(View::from_link(link), expected, "{link}");
        }
        assert_eq!(View::from_link("#layer=0").layer, 1);
        assert_eq!(View::from_link("#layer=99999999999").layer, 10_000);
        assert_eq!(View::from_link("#vision_scale=1e99").vision_scale, 100.0);
        assert_eq!(View::from_link("#vision_scale=-3").vision_scale, 0.01);
        let far = View::from_link("#layer=5&ellipse.x=1e9&ellipse.width=0&part=nowhere");
        assert_eq!((far.ellipse.x, far.ellipse.width), (2.0, 0.02));
        assert_eq!((far.layer, far.part), (5, None));
        let long = format!("#layer=5&tab={}", "x".repeat(LONGEST));
        assert_eq!(View::from_link(&long), View::default());
    }

    proptest::proptest! {
        #[test]
        fn no_link_makes_it_panic(link in "\\PC{0,200}", tail in "[a-z_.]{0,12}=[%0-9a-fA-F.e-]{0,9}") {
            View::from_link(&link);
            let view = View::from_link(&format!("{link}&{tail}"));
            proptest::prop_assert_eq!(View::from_link(&view.to_link()), view);
        }
    }
}
