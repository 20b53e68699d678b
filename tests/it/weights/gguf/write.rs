//! Small GGUF files, good and bad.

/// A value of the metadata, as its type's code and its bytes.
pub struct Value(u32, Vec<u8>);

/// A text with its length before it.
pub fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

impl Value {
    pub fn u32(number: u32) -> Self {
        Self(4, number.to_le_bytes().to_vec())
    }

    pub fn f32(number: f32) -> Self {
        Self(6, number.to_le_bytes().to_vec())
    }

    pub fn text(value: &str) -> Self {
        Self(8, text(value))
    }

    /// A list that says to have `count` items of a type.
    pub fn list(code: u32, count: u64, items: Vec<u8>) -> Self {
        Self(
            9,
            [
                code.to_le_bytes().to_vec(),
                count.to_le_bytes().to_vec(),
                items,
            ]
            .concat(),
        )
    }

    pub fn texts(list: &[&str]) -> Self {
        Self::list(
            8,
            list.len() as u64,
            list.iter().flat_map(|item| text(item)).collect(),
        )
    }

    /// Anything.
    pub fn raw(code: u32, bytes: Vec<u8>) -> Self {
        Self(code, bytes)
    }
}

/// A tensor: sizes as the file has them, inner to outer.
pub struct Tensor {
    pub name: String,
    pub sizes: Vec<u64>,
    pub code: u32,
    pub data: Vec<u8>,
    /// In the place of where it lies.
    pub offset: Option<u64>,
}

/// A file.
pub struct File {
    pub version: u32,
    pub metadata: Vec<(String, Value)>,
    pub tensors: Vec<Tensor>,
}

impl File {
    pub fn set(&mut self, key: &str, value: Value) -> &mut Self {
        self.metadata.retain(|(known, _)| known != key);
        self.metadata.push((key.into(), value));
        self
    }

    pub fn without(&mut self, key: &str) -> &mut Self {
        self.metadata.retain(|(known, _)| known != key);
        self
    }

    pub fn without_tensor(&mut self, name: &str) {
        self.tensors.retain(|tensor| tensor.name != name);
    }

    /// The same file of another architecture.
    pub fn rename_architecture(&mut self, own: &str, other: &str) {
        for (key, _) in &mut self.metadata {
            if let Some(rest) = key.strip_prefix(&format!("{own}.")) {
                *key = format!("{other}.{rest}");
            }
        }
        self.set("general.architecture", Value::text(other));
    }

    /// The same file with another text in a token's place.
    pub fn rename_token(&mut self, own: &str, other: &str) {
        let [own, other] = [own, other].map(text);
        let (_, Value(_, bytes)) = (self.metadata.iter_mut())
            .find(|(key, _)| key == "tokenizer.ggml.tokens")
            .unwrap();
        let place = bytes.windows(own.len()).position(|part| part == own);
        let place = place.unwrap();
        bytes.splice(place..place + own.len(), other);
    }

    pub fn tensor(&mut self, name: &str) -> &mut Tensor {
        let mut tensors = self.tensors.iter_mut();
        tensors.find(|tensor| tensor.name == name).unwrap()
    }

    fn add(&mut self, name: &str, sizes: &[u64], code: u32, bytes_per_row: usize) {
        let rows: u64 = sizes.iter().skip(1).product();
        self.tensors.push(Tensor {
            name: name.into(),
            sizes: sizes.to_vec(),
            code,
            data: vec![0; rows as usize * bytes_per_row],
            offset: None,
        });
    }

    /// A decoder of 1 layer of width 32 with 2 heads, its matrices in Q4_0.
    pub fn llama() -> Self {
        let mut file = Self {
            version: 3,
            metadata: Vec::new(),
            tensors: Vec::new(),
        };
        file.set("general.architecture", Value::text("llama"));
        for (key, value) in [
            ("context_length", 64),
            ("embedding_length", 32),
            ("block_count", 1),
            ("feed_forward_length", 64),
            ("attention.head_count", 2),
            ("attention.head_count_kv", 1),
        ] {
            file.set(&format!("llama.{key}"), Value::u32(value));
        }
        file.set("llama.attention.layer_norm_rms_epsilon", Value::f32(1e-5));
        file.set("tokenizer.ggml.model", Value::text("gpt2"));
        file.set(
            "tokenizer.ggml.tokens",
            Value::texts(&["a", "b", "ab", "<end>"]),
        );
        file.set("tokenizer.ggml.merges", Value::texts(&["a b"]));
        file.set("tokenizer.ggml.eos_token_id", Value::u32(3));
        file.add("token_embd.weight", &[32, 4], 8, 34);
        file.add("output_norm.weight", &[32], 0, 128);
        for (part, sizes) in [
            ("attn_q", [32, 32]),
            ("attn_k", [32, 16]),
            ("attn_v", [32, 16]),
            ("attn_output", [32, 32]),
            ("ffn_gate", [32, 64]),
            ("ffn_up", [32, 64]),
            ("ffn_down", [64, 32]),
        ] {
            let row = sizes[0] as usize / 32 * 18;
            file.add(&format!("blk.0.{part}.weight"), &sizes, 2, row);
        }
        for part in ["attn_norm", "ffn_norm"] {
            file.add(&format!("blk.0.{part}.weight"), &[32], 0, 128);
        }
        file
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, Value(code, bytes)) in &self.metadata {
            out.extend(text(key));
            out.extend(code.to_le_bytes());
            out.extend(bytes);
        }
        let mut offset = 0;
        for tensor in &self.tensors {
            out.extend(text(&tensor.name));
            out.extend((tensor.sizes.len() as u32).to_le_bytes());
            out.extend(tensor.sizes.iter().flat_map(|size| size.to_le_bytes()));
            out.extend(tensor.code.to_le_bytes());
            out.extend(tensor.offset.unwrap_or(offset).to_le_bytes());
            offset += (tensor.data.len() as u64).next_multiple_of(32);
        }
        for tensor in &self.tensors {
            out.resize(out.len().next_multiple_of(32), 0);
            out.extend(&tensor.data);
        }
        out
    }
}
