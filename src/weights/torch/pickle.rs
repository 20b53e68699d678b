//! The part of Python's pickle format that `torch.save` needs, as a small machine that builds plain
//! values and calls nothing.

use std::{collections::BTreeMap, io::Read};

use super::{
    CONVERT,
    build::{call, storage},
    value::{Global, Heap, Value},
};

/// Most values that a pickle may build or keep.
const MOST_VALUES: usize = 4_000_000;
/// Longest text in it, in bytes.
const LONGEST_TEXT: u64 = 1 << 20;

/// Reads one pickle: its value, and what that holds.
///
/// # Errors
/// A clause about what was found instead of tensors.
pub(super) fn read(input: &mut dyn Read) -> Result<(Value, Heap), String> {
    let mut machine = Machine {
        input,
        heap: Heap::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
        built: 0,
    };
    loop {
        if let Some(value) = machine.step()? {
            return Ok((value, machine.heap));
        }
    }
}

struct Machine<'a> {
    input: &'a mut dyn Read,
    heap: Heap,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: BTreeMap<u32, Value>,
    built: usize,
}

impl Machine<'_> {
    /// Runs one instruction; the value at the end.
    fn step(&mut self) -> Result<Option<Value>, String> {
        self.built += 1;
        if self.built > MOST_VALUES {
            return Err("a pickle beyond all bounds".into());
        }
        let [code] = self.bytes()?;
        match code {
            // PROTO
            0x80 => {
                let [version] = self.bytes()?;
                if version > 5 {
                    return Err(format!("a pickle of protocol {version}"));
                }
            }
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            b'}' => {
                let dict = self.heap.dict();
                self.push(dict);
            }
            b']' => {
                let list = self.heap.list();
                self.push(list);
            }
            b')' => self.push_tuple(Vec::new()),
            b'N' => self.push(Value::None),
            // NEWTRUE, NEWFALSE
            0x88 | 0x89 => self.push(Value::Bool),
            b'K' => {
                let [byte] = self.bytes()?;
                self.push(Value::Int(byte.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.bytes()?);
                self.push(Value::Int(number.into()));
            }
            b'J' => {
                let number = i32::from_le_bytes(self.bytes()?);
                self.push(Value::Int(number.into()));
            }
            // LONG1
            0x8a => {
                let [length] = self.bytes()?;
                let number = self.long(length.into())?;
                self.push(Value::Int(number));
            }
            // BINFLOAT, which no tensor is made of.
            b'G' => {
                let _: [u8; 8] = self.bytes()?;
                self.push(Value::None);
            }
            b'X' => {
                let length = u32::from_le_bytes(self.bytes()?);
                self.text(length.into())?;
            }
            // SHORT_BINUNICODE
            0x8c => {
                let [length] = self.bytes()?;
                self.text(length.into())?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(Global::named(&module, &name)?));
            }
            // STACK_GLOBAL
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err("a name that is none".into());
                };
                self.push(Value::Global(Global::named(&module, &name)?));
            }
            b'q' => {
                let [index] = self.bytes()?;
                self.keep(index.into())?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.bytes()?);
                self.keep(index)?;
            }
            // MEMOIZE
            0x94 => self.keep(self.memo.len() as u32)?,
            b'h' => {
                let [index] = self.bytes()?;
                self.kept(index.into())?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.bytes()?);
                self.kept(index)?;
            }
            // FRAME
            0x95 => {
                let _: [u8; 8] = self.bytes()?;
            }
            b't' => {
                let items = self.since_mark()?;
                self.push_tuple(items);
            }
            // TUPLE1, TUPLE2, TUPLE3
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let start = self.stack.len().checked_sub(count).ok_or_else(empty)?;
                let items = self.stack.split_off(start);
                self.push_tuple(items);
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.extend(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![key, value])?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(items)?;
            }
            // BUILD: attributes, such as the versions of modules.
            b'b' => drop(self.pop()?),
            b'R' => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                let called = call(&mut self.heap, &callable, &arguments)?;
                self.push(called);
            }
            // BINPERSID
            b'Q' => {
                let id = self.pop()?;
                let storage = storage(&self.heap, &id)?;
                self.push(storage);
            }
            other => {
                return Err(format!(
                    "instruction {other:#04x} in its pickle, which no tensor needs{CONVERT}"
                ));
            }
        }
        Ok(None)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(cut_short)?;
        Ok(bytes)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    fn push_tuple(&mut self, items: Vec<Value>) {
        let tuple = self.heap.tuple(items);
        self.push(tuple);
    }

    fn pop(&mut self) -> Result<Value, String> {
        // What a mark holds together stays together.
        let least = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > least {
            true => self.stack.pop().ok_or_else(empty),
            false => Err(empty()),
        }
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, String> {
        let mark = self.marks.pop().ok_or_else(empty)?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn long(&mut self, length: usize) -> Result<i64, String> {
        let mut bytes = [0; 16];
        let place = bytes
            .get_mut(..length)
            .ok_or("a number beyond all bounds")?;
        self.input.read_exact(place).map_err(cut_short)?;
        let negative = place.last().is_some_and(|byte| byte & 0x80 != 0);
        if negative {
            bytes[length..].fill(0xff);
        }
        // The magic number of the old form does not fit; nothing counts so far.
        Ok(i64::try_from(i128::from_le_bytes(bytes)).unwrap_or(i64::MAX))
    }

    fn text(&mut self, length: u64) -> Result<(), String> {
        if length > LONGEST_TEXT {
            return Err("a text beyond all bounds".into());
        }
        let mut bytes = vec![0; length as usize];
        self.input.read_exact(&mut bytes).map_err(cut_short)?;
        let text = String::from_utf8(bytes).map_err(|_| "a text that is none")?;
        self.push(Value::Text(text.into()));
        Ok(())
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            match self.bytes()? {
                [b'\n'] => break,
                [byte] if line.len() < 256 => line.push(byte),
                _ => return Err("a name beyond all bounds".into()),
            }
        }
        String::from_utf8(line).map_err(|_| "a name that is none".into())
    }

    fn keep(&mut self, index: u32) -> Result<(), String> {
        let value = self.stack.last().ok_or_else(empty)?.clone();
        self.memo.insert(index, value);
        Ok(())
    }

    fn kept(&mut self, index: u32) -> Result<(), String> {
        let value = self.memo.get(&index).ok_or("a value that was never kept")?;
        self.stack.push(value.clone());
        Ok(())
    }

    fn extend(&mut self, items: Vec<Value>) -> Result<(), String> {
        let list = self.stack.last();
        let list = list.and_then(|list| self.heap.list_mut(list));
        list.ok_or("items of no list")?.extend(items);
        Ok(())
    }

    fn set(&mut self, items: Vec<Value>) -> Result<(), String> {
        let dict = self.stack.last();
        let dict = dict.and_then(|dict| self.heap.dict_mut(dict));
        let dict = dict.ok_or("entries of no dictionary")?;
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            dict.push((key, value));
        }
        Ok(())
    }
}

fn empty() -> String {
    "a pickle that takes more than it has".into()
}

fn cut_short(_: std::io::Error) -> String {
    "a pickle that is cut short".into()
}
