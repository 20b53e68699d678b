//! How much a template may do: bytes, depth and time of one rendering.

use std::time::Duration;

use minijinja::{Error, ErrorKind, State, Value, value::ValueKind};
use web_time::Instant;

/// Lists within lists of a value.
const MAX_DEPTH: usize = 64;
/// What any value weighs beside its text, in bytes.
const WEIGHT: usize = 32;
/// All values together may weigh this many times as much as the largest one may.
const VALUES: usize = 64;
/// A rendering takes far less than a millisecond, and it takes eight to find the form of the messages.
const MOST_TIME: Duration = Duration::from_secs(1);

/// Name of the variable that holds the largest value's weight.
pub(super) const MOST: &str = "__most";

/// What one rendering has left.
pub(super) struct Meter {
    /// Largest weight of a value, in bytes.
    pub most: usize,
    left: usize,
    until: Instant,
}

impl Meter {
    /// The meter of a rendering.
    pub fn of<'a>(state: &'a mut State<'_, '_>) -> &'a mut Self {
        let most = state.lookup(MOST).and_then(|most| most.as_usize());
        state.get_or_insert_extension_with(|| {
            let most = most.unwrap_or(1 << 20);
            Self {
                most,
                left: most.saturating_mul(VALUES),
                // Long texts may take longer.
                until: Instant::now() + MOST_TIME * (most >> 20).max(1) as u32,
            }
        })
    }

    /// Takes the weight of something that is about to be made.
    ///
    /// # Errors
    /// It is too large, or the rendering has made too much, or taken too long.
    pub fn charge(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes > self.most {
            return Err(refused(format!(
                "makes a value of more than {} bytes",
                self.most
            )));
        }
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => return Err(refused("makes too many large values".into())),
        }
        if Instant::now() > self.until {
            return Err(refused("takes too long".into()));
        }
        Ok(())
    }

    /// Weighs a value.
    ///
    /// # Errors
    /// As [`Meter::charge`], or it is nested too deep.
    pub fn weigh(&mut self, value: &Value) -> Result<(), Error> {
        let mut weight = 0;
        weigh(value, 0, self.most, &mut weight)?;
        self.charge(weight)
    }
}

/// What a rendering is refused for: a limit, like that of its instructions.
pub(super) fn refused(what: String) -> Error {
    Error::new(ErrorKind::OutOfFuel, what)
}

/// Adds the weight of a value that is `depth` values deep, up to a little more than `most`.
fn weigh(value: &Value, depth: usize, most: usize, weight: &mut usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(refused(format!("nests values more than {MAX_DEPTH} deep")));
    }
    *weight += WEIGHT + value.as_str().map_or(0, str::len);
    let holds = matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable
    );
    if !holds {
        return Ok(());
    }
    let pairs = match value.kind() {
        ValueKind::Map => value.as_object().and_then(|object| object.try_iter_pairs()),
        _ => None,
    };
    if let Some(pairs) = pairs {
        for (key, item) in pairs {
            weigh(&key, depth + 1, most, weight)?;
            weigh(&item, depth + 1, most, weight)?;
            if *weight > most {
                break;
            }
        }
    } else if let Ok(items) = value.try_iter() {
        for item in items {
            // What is made while it is gone through could hide a chain of such.
            if depth > 0 && item.kind() == ValueKind::Iterable {
                return Err(refused("keeps an iteration within a list".into()));
            }
            weigh(&item, depth + 1, most, weight)?;
            if *weight > most {
                break;
            }
        }
    }
    Ok(())
}

/// Whether a value is or holds a namespace, in which a circle could be closed.
pub(super) fn holds_a_namespace(value: &Value) -> bool {
    let own = value
        .as_object()
        .is_some_and(|object| object.type_name().ends_with("Namespace"));
    let within = || match value.kind() {
        ValueKind::Map => (value.as_object())
            .and_then(|object| object.try_iter_pairs())
            .is_some_and(|mut pairs| pairs.any(|(_, item)| holds_a_namespace(&item))),
        ValueKind::Seq => {
            (value.try_iter()).is_ok_and(|mut items| items.any(|item| holds_a_namespace(&item)))
        }
        _ => false,
    };
    own || within()
}
