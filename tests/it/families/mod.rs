//! Families of models: what their image processors make of pictures, and whole models at their real size.

mod full_size;
mod idefics3;
mod images;
mod internvl;
