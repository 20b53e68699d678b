//! Families of models: what their image processors make of pictures, their prompts and states, and whole
//! models at their real size.

mod full_size;
mod idefics3;
mod images;
mod internvl;
mod llava_next;
mod llava_onevision;
mod nanovlm;
mod qwen_vl;
mod states;

pub use states::{cases, folders as golden_folders};
