//! Tensors of the values that a pickle builds.

use std::rc::Rc;

use super::value::{Global, Heap, Storage, TensorRef, Value};

/// Most axes of a tensor.
const MOST_AXES: usize = 16;
/// Most dictionaries inside of each other around the tensors.
const MOST_NESTED: usize = 8;

/// The few calls that build tensors.
pub(super) fn call(heap: &mut Heap, callable: &Value, arguments: &Value) -> Result<Value, String> {
    if !matches!(arguments, Value::Tuple(_)) {
        return Err("a call without arguments".into());
    }
    match (callable, heap.items(arguments)) {
        (Value::Global(Global::OrderedDict), []) => Ok(heap.dict()),
        (
            Value::Global(Global::RebuildTensor),
            [
                Value::Storage(storage),
                Value::Int(offset),
                shape @ Value::Tuple(_),
                strides @ Value::Tuple(_),
                ..,
            ],
        ) => {
            let (shape, strides) = (sizes(heap.items(shape))?, sizes(heap.items(strides))?);
            if shape.len() != strides.len() {
                return Err("a tensor with other strides than axes".into());
            }
            Ok(Value::Tensor(Rc::new(TensorRef {
                storage: Storage::clone(storage),
                offset: usize::try_from(*offset).map_err(|_| "a negative offset")?,
                shape,
                strides,
            })))
        }
        (Value::Global(Global::RebuildParameter), [Value::Tensor(tensor), ..]) => {
            Ok(Value::Tensor(tensor.clone()))
        }
        _ => Err("a call that builds no tensor".into()),
    }
}

fn sizes(values: &[Value]) -> Result<Vec<usize>, String> {
    let size = |value: &Value| match value {
        Value::Int(size) => usize::try_from(*size).ok(),
        _ => None,
    };
    let sizes: Option<Vec<usize>> = values.iter().map(size).collect();
    sizes
        .filter(|sizes| sizes.len() <= MOST_AXES)
        .ok_or_else(|| "sizes that are none".into())
}

/// The storage that a persistent id names: `('storage', class, key, place, elements, view)`.
pub(super) fn storage(heap: &Heap, id: &Value) -> Result<Value, String> {
    let none = || "a persistent id that is no storage's".to_owned();
    match heap.items(id) {
        [
            Value::Text(kind),
            Value::Global(Global::Storage(dtype)),
            Value::Text(key),
            _,
            Value::Int(_),
            rest @ ..,
        ] if &**kind == "storage" => {
            if !matches!(rest, [] | [Value::None]) {
                return Err("a storage that is a part of another one".into());
            }
            Ok(Value::Storage(Rc::new(Storage {
                key: key.to_string(),
                dtype: *dtype,
            })))
        }
        _ => Err(none()),
    }
}

/// The tensors of a dictionary by name, or of the one that it holds under a trainer's usual key.
///
/// # Errors
/// The value is something else.
pub(super) fn tensors(heap: &Heap, value: &Value) -> Result<Vec<(String, TensorRef)>, String> {
    let mut value = value;
    // A dictionary may hold itself.
    for _ in 0..MOST_NESTED {
        if !matches!(value, Value::Dict(_)) {
            return Err("a pickle that is no dictionary of tensors".into());
        }
        let dict = heap.pairs(value);
        let named = |(key, value): &(Value, Value)| match (key, value) {
            (Value::Text(name), Value::Tensor(tensor)) => {
                Some((name.to_string(), TensorRef::clone(tensor)))
            }
            _ => None,
        };
        let found: Vec<(String, TensorRef)> = dict.iter().filter_map(named).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let inner = dict.iter().find(|(key, value)| {
            let usual = matches!(key, Value::Text(name) if ["state_dict", "model", "module"].contains(&&**name));
            usual && matches!(value, Value::Dict(_))
        });
        match inner {
            Some((_, inner)) => value = inner,
            None => break,
        }
    }
    Err("a dictionary without tensors".into())
}
