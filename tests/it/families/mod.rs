//! Families of models: what their image processors make of pictures, and what their configurations say.

mod qwen_vl;
