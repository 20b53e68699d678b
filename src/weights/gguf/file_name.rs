//! What GGUF files are called.

/// Whether a file is called as GGUF files are.
pub fn is_gguf(file: &str) -> bool {
    file.to_lowercase().ends_with(".gguf")
}

/// Whether a file is called as those with the vision part are.
pub fn is_projector(file: &str) -> bool {
    file.to_lowercase().contains("mmproj")
}
