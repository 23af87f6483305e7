//! The statements that a worker sends while there is nothing to do.

use std::time::Duration;

use crate::Result;
use crate::bench::Bench;
use crate::figure::{Figure, Goal, Samples, Unit, per_second};
use crate::statements;
use crate::workers::Workers;

/// A worker that has just started, or worked, polls more often.
const UNTIL_QUIET: Duration = Duration::from_secs(12);

/// Statements that are sent every ten seconds must not be counted twice, or not at all.
const WINDOW: u16 = 20;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for number in [1, 10] {
        bench.says(format_args!("idle worker, {number} queues"));
        let database = bench.server.make().await?;
        let names: Vec<_> =
            (0..number).map(|queue| if queue == 0 { "bench".into() } else { format!("bench-{queue}") }).collect();
        let queues: Vec<_> = names.iter().map(|name: &String| (name.as_str(), 10)).collect();
        let mut workers = Workers::start(&database, 1, &queues).await?;
        workers.until(tokio::time::sleep(UNTIL_QUIET)).await?;
        let window = Duration::from_secs(bench.arguments.seconds().max(WINDOW).into());
        let ((), sent) = workers.until(statements::during(tokio::time::sleep(window))).await?;
        workers.stop().await?;
        bench.server.remove(database).await?;
        let name = format!("idle worker, {number} queue{}", if number == 1 { "" } else { "s" });
        let ours = Samples::from(per_second(sent.number * 60, window));
        figures.push(Figure::new(name, Unit::StatementsPerMinute, ours).goal(Goal::AtMost(30.0)));
    }
    Ok(figures)
}
