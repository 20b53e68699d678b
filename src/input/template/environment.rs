//! What a template finds around it: transformers' environment, with a meter in each thing that grows.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use minijinja::{
    Environment, Error, ErrorKind, State, Value, escape_formatter, filters,
    syntax::SyntaxConfig,
    value::{Rest, ValueKind, ValueOrKwargs, from_args},
};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::{
    bounds::TEXTS,
    json::tojson,
    marks::{EACH, KEEP, STORE},
    meter::{Meter, holds_a_namespace, refused},
    strftime::strftime,
};

/// Instructions of one rendering; a conversation of a hundred turns takes some ten thousand.
const FUEL: u64 = 2_000_000;
/// Blocks and macros within each other at run time, a macro counting as four.
const MAX_RECURSION: usize = 80;
/// Largest number in a format string, and most values of a sum.
const MAX_WIDTH: u64 = 4096;
const MAX_SUM: usize = 2048;

/// An environment in which `texts` are the long plain texts of the template, and it is the second
/// `now` after the beginning of 1970. `dated` tells whether the template asked for the date.
///
/// # Errors
/// None that depends on a template.
pub(super) fn environment(
    texts: Vec<String>,
    now: i64,
    dated: Arc<AtomicBool>,
) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.set_debug(false);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    // There is no other template to include, and a template cannot include itself.
    environment.set_path_join_callback(|_, _| "".into());
    environment.set_formatter(|out, state, value| {
        Meter::of(state).weigh(value)?;
        escape_formatter(out, state, value)
    });
    environment.set_unknown_method_callback(method);
    environment.remove_global("debug");
    environment.add_global(TEXTS, Value::from_iter(texts));
    environment.add_function("raise_exception", |message: Value| {
        let message = message.to_string();
        Err::<Value, _>(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", move |format: &str| {
        dated.store(true, Ordering::Relaxed);
        strftime(format, now)
    });
    environment.add_function(KEEP, keep);
    environment.add_function(STORE, |state: &mut State<'_, '_>, value: Value| {
        let value = keep(state, value)?;
        match holds_a_namespace(&value) {
            true => Err(refused("keeps a namespace within a namespace".into())),
            false => Ok(value),
        }
    });
    environment.add_function(
        EACH,
        |state: &mut State<'_, '_>, value: Value| match value.kind() {
            ValueKind::None => Err(Error::new(
                ErrorKind::InvalidOperation,
                "none is not iterable",
            )),
            ValueKind::Iterable => Meter::of(state).charge(0).map(|()| value),
            _ => Meter::of(state).weigh(&value).map(|()| value),
        },
    );
    for (name, filter) in all_filters() {
        environment.add_filter(name, guarded(name, filter));
    }
    environment.add_filter(
        "tojson",
        |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
            let args: Vec<Value> = args.0.into_iter().map(Value::from).collect();
            let json = tojson(&args, Meter::of(state).most)?;
            Meter::of(state).weigh(&json).map(|()| json)
        },
    );
    environment.add_test("sequence", |value: &Value| {
        let sized = [
            ValueKind::String,
            ValueKind::Seq,
            ValueKind::Map,
            ValueKind::Undefined,
        ];
        sized.contains(&value.kind())
    });
    environment.add_test("iterable", |value: &Value| {
        !value.is_none() && value.try_iter().is_ok()
    });
    Ok(environment)
}

/// Weighs a value and hands it on; what is made while it is gone through is made now.
fn keep(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    let meter = Meter::of(state);
    meter.weigh(&value)?;
    match value.kind() {
        ValueKind::Iterable => Ok(Value::from(value.try_iter()?.collect::<Vec<Value>>())),
        _ => Ok(value),
    }
}

/// A filter whose input is weighed and whose output is foreseen.
fn guarded(
    name: &'static str,
    filter: Value,
) -> impl Fn(&mut State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Send + Sync + 'static
{
    move |state, args| {
        let args: Vec<Value> = args.0.into_iter().map(Value::from).collect();
        let meter = Meter::of(state);
        args.iter().try_for_each(|value| meter.weigh(value))?;
        let (value, rest) = args.split_first().unzip();
        let value = value.cloned().unwrap_or_default();
        meter.charge(growth(name, &value, rest.unwrap_or_default())?)?;
        filter.call(state, &args)
    }
}

/// Python's methods of strings, lists and dictionaries.
fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let meter = Meter::of(state);
    meter.weigh(value)?;
    let name = if method == "join" { ".join" } else { method };
    meter.charge(growth(name, value, args)?)?;
    let cut = |rest: Option<&str>| Value::from(rest.or(value.as_str()).unwrap_or_default());
    match (method, value.as_str()) {
        ("removeprefix", Some(text)) => {
            let (prefix,): (&str,) = from_args(args)?;
            Ok(cut(text.strip_prefix(prefix)))
        }
        ("removesuffix", Some(text)) => {
            let (suffix,): (&str,) = from_args(args)?;
            Ok(cut(text.strip_suffix(suffix)))
        }
        ("partition", Some(text)) => {
            let (mark,): (&str,) = from_args(args)?;
            let (before, after) = text.split_once(mark).unzip();
            let found = before.map_or("", |_| mark);
            let parts = [before.unwrap_or(text), found, after.unwrap_or("")];
            Ok(Value::from_iter(parts))
        }
        _ => unknown_method_callback(state, value, method, args),
    }
}

/// About how many bytes a filter or a method makes beyond what it is given.
fn growth(name: &str, value: &Value, args: &[Value]) -> Result<usize, Error> {
    let length = |value: Option<&Value>| value.map_or(0, |value| value.to_string().len());
    let number = |index: usize| args.get(index).and_then(Value::as_usize).unwrap_or(0);
    let items = |value: Option<&Value>| value.and_then(|value| value.try_iter().ok());
    let count = |value| items(value).map_or(0, Iterator::count);
    let named = |name: &str| {
        let last = args.last().filter(|value| value.is_kwargs())?;
        last.get_attr(name)
            .ok()
            .filter(|value| !value.is_undefined())
    };
    Ok(match name {
        "replace" => {
            let (text, old) = (value.to_string(), args.first().map(Value::to_string));
            let matches = text.matches(&old.unwrap_or_default()).count();
            matches.saturating_mul(length(args.get(1)))
        }
        // As a filter of the list, and as a method of what stands between its items.
        "join" => {
            let mark = named("d").or(args.first().cloned());
            count(Some(value)).saturating_mul(length(mark.as_ref()))
        }
        ".join" => count(args.first()).saturating_mul(length(Some(value))),
        "indent" => {
            let width = named("width").and_then(|width| width.as_usize());
            let width = width.unwrap_or_else(|| number(0));
            let lines = value.to_string().matches('\n').count() + 2;
            lines.saturating_mul(width)
        }
        "batch" | "slice" => {
            let counts = ["count", "linecount", "slices"]
                .iter()
                .filter_map(|name| named(name));
            let most = counts.filter_map(|value| value.as_usize()).max();
            most.unwrap_or(0).max(number(0)).saturating_mul(32)
        }
        "sum" if count(Some(value)) > MAX_SUM => {
            return Err(refused(format!("sums up more than {MAX_SUM} values")));
        }
        "format" => {
            if is_wide(&value.to_string()) {
                return Err(refused(format!(
                    "formats wider than {MAX_WIDTH} characters"
                )));
            }
            0
        }
        _ => 0,
    })
}

/// Whether a format string asks for a large width or precision, or leaves it to another value.
fn is_wide(format: &str) -> bool {
    let flag = |c: char| c.is_ascii_digit() || "#- +.*".contains(c);
    let printf = format.split('%').skip(1).map(|rest| {
        let end = rest.find(|c| !flag(c)).unwrap_or(rest.len());
        rest.split_at(end).0
    });
    let braces = format
        .split('{')
        .skip(1)
        .map(|rest| match rest.split_once('}') {
            Some((inside, _)) => inside,
            // Braces within braces.
            None if rest.contains(':') => "*",
            None => "",
        });
    let large = |number: &str| {
        let digits = number.trim_start_matches('0');
        digits.len() > 6 || digits.parse::<u64>().is_ok_and(|number| number > MAX_WIDTH)
    };
    printf.chain(braces).any(|inside| {
        inside.contains('*') || inside.split(|c: char| !c.is_ascii_digit()).any(large)
    })
}

/// The filters that minijinja and Jinja share.
fn all_filters() -> Vec<(&'static str, Value)> {
    macro_rules! list {
        ($($name:literal $filter:path),* $(,)?) => {
            vec![$(($name, Value::from_function($filter))),*]
        };
    }
    list![
        "abs" filters::abs,
        "attr" filters::attr,
        "batch" filters::batch,
        "capitalize" filters::capitalize,
        "chain" filters::chain,
        "count" filters::length,
        "d" filters::default,
        "default" filters::default,
        "dictsort" filters::dictsort,
        "e" filters::escape,
        "escape" filters::escape,
        "first" filters::first,
        "float" filters::float,
        "format" filters::format,
        "groupby" filters::groupby,
        "indent" filters::indent,
        "int" filters::int,
        "items" filters::items,
        "join" filters::join,
        "last" filters::last,
        "length" filters::length,
        "lines" filters::lines,
        "list" filters::list,
        "lower" filters::lower,
        "map" filters::map,
        "max" filters::max,
        "min" filters::min,
        "pprint" filters::pprint,
        "reject" filters::reject,
        "rejectattr" filters::rejectattr,
        "replace" filters::replace,
        "reverse" filters::reverse,
        "round" filters::round,
        "safe" filters::safe,
        "select" filters::select,
        "selectattr" filters::selectattr,
        "slice" filters::slice,
        "sort" filters::sort,
        "split" filters::split,
        "string" filters::string,
        "sum" filters::sum,
        "title" filters::title,
        "trim" filters::trim,
        "unique" filters::unique,
        "upper" filters::upper,
        "zip" filters::zip,
        "bool" filters::bool,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_formatted_may_be_too_wide() {
        for narrow in ["**%s** costs 5000", "a:{} b: {:>20} {0.x}", "%5.2f 100%"] {
            assert!(!is_wide(narrow), "{narrow}");
        }
        for wide in [
            "%100000d", "%.99999f", "%*d", "{:99999}", "{:{}}", "{:>{w}}",
        ] {
            assert!(is_wide(wide), "{wide}");
        }
    }
}
