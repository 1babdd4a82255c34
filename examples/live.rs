//! Watches two disks that fill up, a snapshot every ten seconds.

use std::error::Error;
use std::io::Write;

use alertctl::labels::LabelSet;
use alertctl::live::{Live, NewRule};
use alertctl::time::{Millis, Timestamp};

fn main() -> Result<(), Box<dyn Error>> {
    let mut live = Live::new();
    let full = NewRule::alert("DiskFull", "100 * disk_free / disk_size < 20")?
        .hold(Millis(30_000))
        .severity("critical")
        .annotation("summary", "{{ $labels.disk }} has {{ printf \"%.0f\" $value }} % left")?;
    live.add(full)?;
    let names = ["sda", "sdb"];
    let series = names.map(|disk| {
        ["disk_free", "disk_size"].map(|name| live.series(&LabelSet::new([("__name__", name), ("disk", disk)])))
    });
    for step in 0..20 {
        let mut snapshot = live.at(Timestamp(step * 10_000));
        for ([free, size], speed) in series.iter().zip([7.0, 3.0]) {
            snapshot.set(*free, 100.0 - speed * step as f64).set(*size, 100.0);
        }
        for event in live.evaluate() {
            let summary = event.annotations.iter().map(|(_, text)| format!(": {text}")).collect::<String>();
            let at = event.at.0 / 1000;
            writeln!(std::io::stdout(), "{at} s: {} is {}{summary}", event.labels, event.to.word())?;
        }
    }
    Ok(())
}
