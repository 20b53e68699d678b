//! What a pickle of `torch.save` builds.

use std::rc::Rc;

use safetensors::Dtype;

use super::CONVERT;

/// Bytes of tensors in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) dtype: Dtype,
}

/// A tensor as a view of a storage; offset and strides in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TensorRef {
    pub(super) storage: Storage,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// What a pickle builds. What holds others is known by its place in a [`Heap`], so that nothing is deep or holds itself
/// when it is dropped.
#[derive(Clone, Debug)]
pub(super) enum Value {
    None,
    Bool,
    Int(i64),
    Text(Rc<str>),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Global(Global),
    Storage(Rc<Storage>),
    Tensor(Rc<TensorRef>),
}

/// All that values hold.
#[derive(Debug, Default)]
pub(super) struct Heap {
    /// Items of tuples and lists.
    items: Vec<Vec<Value>>,
    /// Entries of dictionaries.
    pairs: Vec<Vec<(Value, Value)>>,
}

impl Heap {
    pub(super) fn tuple(&mut self, items: Vec<Value>) -> Value {
        self.items.push(items);
        Value::Tuple(self.items.len() - 1)
    }

    pub(super) fn list(&mut self) -> Value {
        self.items.push(Vec::new());
        Value::List(self.items.len() - 1)
    }

    pub(super) fn dict(&mut self) -> Value {
        self.pairs.push(Vec::new());
        Value::Dict(self.pairs.len() - 1)
    }

    /// What a tuple or a list holds; nothing of another value.
    pub(super) fn items(&self, value: &Value) -> &[Value] {
        match value {
            Value::Tuple(place) | Value::List(place) => &self.items[*place],
            _ => &[],
        }
    }

    /// What a dictionary holds; nothing of another value.
    pub(super) fn pairs(&self, value: &Value) -> &[(Value, Value)] {
        match value {
            Value::Dict(place) => &self.pairs[*place],
            _ => &[],
        }
    }

    pub(super) fn list_mut(&mut self, value: &Value) -> Option<&mut Vec<Value>> {
        match value {
            Value::List(place) => self.items.get_mut(*place),
            _ => None,
        }
    }

    pub(super) fn dict_mut(&mut self, value: &Value) -> Option<&mut Vec<(Value, Value)>> {
        match value {
            Value::Dict(place) => self.pairs.get_mut(*place),
            _ => None,
        }
    }
}

/// A name that a pickle may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

impl Global {
    pub(super) fn named(module: &str, name: &str) -> Result<Self, String> {
        let storage = |dtype| Ok(Self::Storage(dtype));
        match (module, name) {
            ("collections", "OrderedDict") => Ok(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Ok(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Ok(Self::RebuildParameter),
            ("torch", "FloatStorage") => storage(Dtype::F32),
            ("torch", "HalfStorage") => storage(Dtype::F16),
            ("torch", "BFloat16Storage") => storage(Dtype::BF16),
            ("torch", "DoubleStorage") => storage(Dtype::F64),
            ("torch", "LongStorage") => storage(Dtype::I64),
            ("torch", "IntStorage") => storage(Dtype::I32),
            ("torch", "ShortStorage") => storage(Dtype::I16),
            ("torch", "CharStorage") => storage(Dtype::I8),
            ("torch", "ByteStorage") => storage(Dtype::U8),
            ("torch", "BoolStorage") => storage(Dtype::BOOL),
            _ => Err(format!(
                "a call of `{}.{}`, which is not run{CONVERT}",
                short(module),
                short(name)
            )),
        }
    }
}

/// A stranger's name, cut and fit for a message.
fn short(name: &str) -> String {
    let shown = name.chars().take(60);
    shown.flat_map(char::escape_default).collect()
}
