//! Families of models: their images, prompts and states.

mod states;
