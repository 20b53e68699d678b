//! Messages whose content is a list of parts.

use std::{fmt, sync::Arc};

use minijinja::{
    Value,
    value::{Enumerator, Object, ObjectRepr},
};

/// Stands in a rendering where a template printed the list itself, not what is in it.
pub(in crate::input) const PRINTED: char = '\u{e002}';

/// A list of parts.
#[derive(Debug)]
pub(super) struct Parts(Vec<Value>);

/// A part: what it is called and what it says, in this order.
#[derive(Debug)]
pub(super) struct Part(Vec<(&'static str, Value)>);

impl Object for Parts {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PRINTED}{}", Value::from(self.0.clone()))
    }
}

impl Object for Part {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let found = self.0.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.0.iter().map(|(name, _)| Value::from(*name));
        Enumerator::Values(names.collect())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.0.iter().cloned();
        write!(f, "{PRINTED}{}", Value::from_pairs(pairs))
    }
}

/// Whether a value is such a list or a part of one.
pub(super) fn is_of_parts(value: &Value) -> bool {
    value.downcast_object_ref::<Parts>().is_some() || value.downcast_object_ref::<Part>().is_some()
}

/// A list of parts, each with what it is called and what it says.
pub(super) fn list(parts: Vec<Vec<(&'static str, Value)>>) -> Value {
    let parts = parts.into_iter().map(|part| Value::from_object(Part(part)));
    Value::from_object(Parts(parts.collect()))
}
