/// Resize an image to fit in a box.
#[derive(Job)]
#[job(queue = "images", max_attempts = 3, timeout = "5m")]
#[job_params]
pub struct Resize {
    /// Where the image is.
    file: String,
    #[param(default = 32)]
    width: u32,
    #[param(default = 32)]
    height: u32,
}
