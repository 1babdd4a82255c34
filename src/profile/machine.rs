//! What a measurement ran on, as the kernel tells it.

use std::fs;

use super::clock::Timer;
use super::digest::sha256;
use super::fields::Unknown;
use super::sample::Machine;

/// Describes this machine.
#[must_use]
pub fn describe(timer: Timer) -> Machine {
    let cpuinfo = read("/proc/cpuinfo");
    let cpu_model = cpu_model(&cpuinfo);
    let vcpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let virt = virtualisation(&cpuinfo, &read("/sys/class/dmi/id/sys_vendor"));
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let os = std::env::consts::OS.to_owned();
    let fingerprint = sha256(format!("{cpu_model}\n{vcpus}\n{virt}\n{kernel}\n{os}").as_bytes());
    Machine {
        fingerprint,
        cpu_model,
        vcpus,
        virt,
        kernel,
        os,
        cpu_quota: cpu_quota(&read("/sys/fs/cgroup/cpu.max")),
        clocksource: read("/sys/devices/system/clocksource/clocksource0/current_clocksource").trim().to_owned(),
        timer_grain_ns: timer.grain_ns,
        timer_cost_ns: (timer.cost_ns * 10.0).round() / 10.0,
        unknown: Unknown::new(),
    }
}

/// Reads a file of the kernel; empty where there is none.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn cpu_model(cpuinfo: &str) -> String {
    let value = |key: &str| cpuinfo.lines().find(|line| line.starts_with(key)).and_then(|line| line.split_once(':'));
    let named = value("model name").or_else(|| value("Model")).map(|(_, name)| name.trim().to_owned());
    named.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn virtualisation(cpuinfo: &str, vendor: &str) -> String {
    let hypervisor = cpuinfo.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor"));
    match (hypervisor, vendor.trim()) {
        (false, _) => "none".to_owned(),
        (true, "") => "vm".to_owned(),
        (true, vendor) => vendor.to_owned(),
    }
}

/// Returns the processors that a control group may use: `quota period` or `max period`.
fn cpu_quota(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let (quota, period) = (words.next()?.parse::<f64>().ok()?, words.next()?.parse::<f64>().ok()?);
    (period > 0.0).then(|| quota / period)
}

/// How busy the machine is: what may disturb a measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// The load average over one minute.
    pub load1: f64,
    /// Ticks that the hypervisor took away since the machine started.
    pub steal_ticks: u64,
    /// How long a quota held this control group back since it was made. Unit: nanoseconds.
    pub throttled_ns: u64,
}

impl Load {
    /// Reads it.
    #[must_use]
    pub fn now() -> Self {
        let load1 = read("/proc/loadavg").split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
        Self {
            load1,
            steal_ticks: steal(&read("/proc/stat")),
            throttled_ns: throttled(&read("/sys/fs/cgroup/cpu.stat")),
        }
    }
}

fn steal(stat: &str) -> u64 {
    stat.lines().next().and_then(|line| line.split_whitespace().nth(8)).and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn throttled(stat: &str) -> u64 {
    let line = stat.lines().find_map(|line| line.strip_prefix("throttled_usec "));
    line.and_then(|word| word.trim().parse::<u64>().ok()).unwrap_or(0).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC 9R14\nflags\t\t: fpu vme hypervisor lahf\n";
        assert_eq!(cpu_model(cpuinfo), "AMD EPYC 9R14");
        assert_eq!(cpu_model(""), std::env::consts::ARCH);
        assert_eq!(virtualisation(cpuinfo, "Amazon EC2\n"), "Amazon EC2");
        assert_eq!((virtualisation(cpuinfo, "").as_str(), virtualisation("", "x").as_str()), ("vm", "none"));
        assert_eq!((cpu_quota("max 100000\n"), cpu_quota("30000 100000\n"), cpu_quota("")), (None, Some(0.3), None));
        assert_eq!(steal("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1\n"), 8);
        assert_eq!(throttled("usage_usec 5\nthrottled_usec 12\n"), 12_000);
    }
}
