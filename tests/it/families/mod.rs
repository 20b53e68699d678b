//! Families of models: what their image processors and prompts make of images, against transformers.

mod llava_next;
mod llava_onevision;
