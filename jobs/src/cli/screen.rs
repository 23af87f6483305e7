//! The display of `watch`: bars that are redrawn on a terminal that supports it, otherwise a line for each change.

use std::collections::HashMap;

use chrono::Utc;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::failure::CommandResult;
use super::output::Output;
use super::schedule::{about, summary};
use super::{table, text};
use crate::{JobId, JobRecord, JobStatus, Message};

pub(super) enum Screen {
    Bars(Bars),
    Lines(Output),
}

impl Screen {
    pub(super) fn new(output: Output) -> Self {
        let target = ProgressDrawTarget::stdout();
        if output.is_json() || target.is_hidden() { Self::Lines(output) } else { Self::Bars(Bars::new(target)) }
    }

    /// Shows a job whose state has changed.
    pub(super) fn changed(&mut self, job: &JobRecord) -> CommandResult {
        match self {
            Self::Bars(bars) => {
                bars.changed(job);
                Ok(())
            }
            Self::Lines(output) => {
                let change = json!({
                    "time": Utc::now(), "id": job.id, "name": job.name, "status": job.status, "attempt": job.attempt,
                    "progress": job.progress,
                });
                output.show_line(&change, || format!("{} {}", table::time(Utc::now()), state(job)))
            }
        }
    }

    /// Shows a new message of a job.
    pub(super) fn said(&mut self, job: &JobRecord, message: &Message) -> CommandResult {
        let line = || text::line(&format!("job {} {} {}", job.id, message.level, message.text));
        match self {
            Self::Bars(bars) => {
                bars.bar(job).set_message(text::line(&message.text));
                Ok(())
            }
            Self::Lines(output) => {
                let said = json!({ "time": message.time, "id": job.id, "name": job.name, "message": message });
                output.show_line(&said, || format!("{} {}", table::time(message.time), line()))
            }
        }
    }

    /// Shows that a job was deleted.
    pub(super) fn gone(&mut self, id: JobId) -> CommandResult {
        match self {
            Self::Bars(bars) => {
                bars.end(id, &format!("job {id} was deleted"));
                Ok(())
            }
            Self::Lines(output) => {
                let gone = json!({ "time": Utc::now(), "id": id, "status": null });
                output.show_line(&gone, || format!("{} job {id} was deleted", table::time(Utc::now())))
            }
        }
    }

    /// Shows the number of running jobs.
    pub(super) fn count(&mut self, running: usize) {
        if let Self::Bars(bars) = self {
            bars.count(running);
        }
    }
}

fn state(job: &JobRecord) -> String {
    if job.status.is_closed() {
        return summary(job);
    }
    let asked = if job.cancel_requested_at.is_some() { ", asked to stop" } else { "" };
    let attempt = match job.attempt {
        0 => String::new(),
        attempt => format!(", attempt {attempt}, {} %", job.progress),
    };
    format!("{} is {}{attempt}{asked}", about(job.id, &job.name), job.status)
}

/// A bar for each open job, below lines for those that have ended.
pub(super) struct Bars {
    all: MultiProgress,
    jobs: HashMap<JobId, ProgressBar>,
    count: Option<ProgressBar>,
}

impl Bars {
    fn new(target: ProgressDrawTarget) -> Self {
        let all = MultiProgress::with_draw_target(target);
        Self { all, jobs: HashMap::new(), count: None }
    }

    fn changed(&mut self, job: &JobRecord) {
        if job.status.is_closed() {
            return self.end(job.id, &summary(job));
        }
        let bar = self.bar(job);
        bar.set_position(job.progress.into());
        if job.status == JobStatus::Scheduled {
            bar.set_message(format!("due {}", table::time(job.scheduled_at)));
        }
    }

    fn bar(&mut self, job: &JobRecord) -> &ProgressBar {
        self.jobs.entry(job.id).or_insert_with(|| {
            let style = ProgressStyle::with_template("{prefix} [{bar:30}] {percent:>3} % {wide_msg}");
            let bar = ProgressBar::new(100).with_style(style.expect("the template is valid"));
            self.all.add(bar).with_prefix(about(job.id, &job.name))
        })
    }

    fn end(&mut self, id: JobId, line: &str) {
        if let Some(bar) = self.jobs.remove(&id) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
        // Nothing depends on whether it could be drawn.
        let _ = self.all.println(line);
    }

    fn count(&mut self, running: usize) {
        let bar = self.count.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}").expect("the template is valid");
            self.all.insert(0, ProgressBar::no_length().with_style(style))
        });
        bar.set_message(format!("{running} job(s) running; Ctrl-C ends"));
        bar.tick();
    }
}
