// A decoder of one layer and four tokens, as a file in GGUF format.

const u32 = (number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
};
const u64 = (number) => Buffer.concat([u32(number), u32(0)]);
const f32 = (number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(number);
  return bytes;
};
const text = (words) => Buffer.concat([u64(Buffer.byteLength(words)), Buffer.from(words)]);

/** Values of the metadata: the code of their type, and their bytes. */
const number = (value) => Buffer.concat([u32(4), u32(value)]);
const word = (value) => Buffer.concat([u32(8), text(value)]);
const words = (list) => Buffer.concat([u32(9), u32(8), u64(list.length), ...list.map(text)]);

const METADATA = [
  ['general.architecture', word('llama')],
  ['llama.context_length', number(64)],
  ['llama.embedding_length', number(32)],
  ['llama.block_count', number(1)],
  ['llama.feed_forward_length', number(64)],
  ['llama.attention.head_count', number(2)],
  ['llama.attention.head_count_kv', number(1)],
  ['llama.attention.layer_norm_rms_epsilon', Buffer.concat([u32(6), f32(1e-5)])],
  ['tokenizer.ggml.model', word('gpt2')],
  ['tokenizer.ggml.tokens', words(['a', 'b', 'ab', '<end>'])],
  ['tokenizer.ggml.merges', words(['a b'])],
  ['tokenizer.ggml.eos_token_id', number(3)],
];

/** Tensors of F32 with their sizes, inner to outer. */
const TENSORS = [
  ['token_embd', 32, 4], ['output_norm', 32],
  ['blk.0.attn_norm', 32], ['blk.0.attn_q', 32, 32], ['blk.0.attn_k', 32, 16], ['blk.0.attn_v', 32, 16],
  ['blk.0.attn_output', 32, 32], ['blk.0.ffn_norm', 32], ['blk.0.ffn_gate', 32, 64], ['blk.0.ffn_up', 32, 64],
  ['blk.0.ffn_down', 64, 32],
];

/** The file's bytes; its weights are zero. */
export function tinyGguf() {
  let offset = 0;
  const entries = TENSORS.map(([name, ...sizes]) => {
    const entry = [text(`${name}.weight`), u32(sizes.length), ...sizes.map(u64), u32(0), u64(offset)];
    offset += 4 * sizes.reduce((all, size) => all * size);
    return Buffer.concat(entry);
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'), u32(3), u64(TENSORS.length), u64(METADATA.length),
    ...METADATA.flatMap(([key, value]) => [text(key), value]), ...entries,
  ]);
  return Buffer.concat([head, Buffer.alloc((32 - (head.length % 32)) % 32 + offset)]);
}
