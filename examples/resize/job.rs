//! The job: its parameters, what it does, and what it returns.

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, ImageReader};
use jobs::BoxError;
use jobs::prelude::*;
use serde::{Deserialize, Serialize};

/// Resize a picture to fit in a box.
#[derive(Job)]
#[job(queue = "images", max_attempts = 3, timeout = "5m")]
#[job_params]
pub(crate) struct Resize {
    file: PathBuf,
    #[param(default = 320)]
    width: u32,
    #[param(default = 200)]
    height: u32,
}

/// The job's output: the new picture.
#[derive(Serialize, Deserialize)]
pub(crate) struct Picture {
    pub(crate) file: PathBuf,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Execute for Resize {
    type Output = Picture;

    async fn execute(&self, job: &JobContext) -> JobResult<Picture> {
        let (file, width, height) = (self.file().to_owned(), self.width(), self.height());

        // Computation runs on a thread of its own, where it does not block other jobs.
        job.message(format!("decoding {}", file.display()));
        let decoded = job.run_blocking(move || decode(&file)).await;
        // The same file would fail again: no further attempt.
        let (picture, format) =
            decoded.map_err(|error| JobError::fail(format!("{}: {error}", self.file().display())))?;
        job.set_result("format", format.to_mime_type())?;
        job.set_result("original_size", [picture.width(), picture.height()])?;
        job.set_progress(30);

        job.message(format!("resizing {}x{} to fit in {width}x{height}", picture.width(), picture.height()));
        let picture = job.run_blocking(move || fit(picture, width, height)).await;
        job.set_progress(90);

        let name = self.file().file_stem().unwrap_or_default().display();
        let file = self.file().with_file_name(format!("{name}-{width}x{height}.{}", format.extensions_str()[0]));
        job.message(format!("writing {}", file.display()));
        let new = Picture { file: file.clone(), width: picture.width(), height: picture.height() };
        // A full disk may have room later: `?` asks for another attempt.
        job.run_blocking(move || picture.save_with_format(file, format)).await?;
        Ok(new)
    }
}

fn decode(file: &Path) -> Result<(DynamicImage, ImageFormat), BoxError> {
    let reader = ImageReader::open(file)?.with_guessed_format()?;
    let format = reader.format().ok_or("this is no image")?;
    Ok((reader.decode()?, format))
}

fn fit(picture: DynamicImage, width: u32, height: u32) -> DynamicImage {
    let fits = picture.width() <= width && picture.height() <= height;
    if fits { picture } else { picture.resize(width, height, FilterType::Lanczos3) }
}
