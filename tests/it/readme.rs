//! Runs what README and the pages of `docs` show: every line that begins with `$ alertctl` in a block of code, and the
//! GitHub workflow. The action next to it does the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::cases::words;
use crate::spawn;

/// The least that can be measured: one process never calls a time a regression, so that the answer is always the same.
const LEAST: &str = "--allow-debug --processes 1 --rounds 1 --sessions 1 --time-budget 1ms --seed 1";

/// A command of a page and the output below it.
struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

fn blocks(text: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let mut open = false;
    let mut taking = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            open = !open;
            taking = false;
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| open) {
            taking = command.starts_with("alertctl");
            if taking {
                shown.push(Shown { line: at + 1, command: command.to_owned(), output: Vec::new() });
            }
        } else if let Some(last) = shown.last_mut().filter(|_| taking) {
            last.output.push(line.to_owned());
        }
    }
    shown
}

/// Compares line by line; a line `...` stands for any number of lines.
fn matches(expected: &[String], found: &[String]) -> bool {
    match expected.split_first() {
        None => found.iter().all(|line| line.is_empty()),
        Some((dots, rest)) if dots == "..." => (0..=found.len()).any(|at| matches(rest, &found[at..])),
        Some((line, rest)) => {
            found.split_first().is_some_and(|(first, left)| first.trim_end() == line.trim_end() && matches(rest, left))
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(str::to_owned).collect()
}

/// Copies the files of a folder of the repository.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for file in fs::read_dir(from).expect("a folder").map(|file| file.expect("a file")) {
        fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
    }
}

/// A folder like a clone of the repository, with the rules of another branch in `base`: commands may write there.
fn clone() -> TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    for (from, to) in [("rules", "rules"), ("rules", "base/rules"), ("fixtures", "fixtures"), ("docs", "docs")] {
        copy_files(&root.join(from), &folder.path().join(to));
    }
    fs::create_dir(folder.path().join("ci")).expect("a folder");
    folder
}

/// Returns the text of README, or of a page of `docs`.
fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name)
}

/// Returns the names of all pages.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).expect("docs");
    let docs = docs.map(|entry| format!("docs/{}", entry.expect("an entry").file_name().to_string_lossy()));
    let mut pages: Vec<String> = docs.filter(|name| name.ends_with(".md")).collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

#[test]
fn the_commands_of_readme_and_docs_show_what_they_say() {
    let folder = clone();
    let mut wrong = Vec::new();
    for name in pages() {
        let shown = blocks(&page(&name));
        assert!(!shown.is_empty() || name != "README.md", "README shows commands");
        for Shown { line, command, output } in shown {
            let mut args = words(&command);
            if args.get(1).is_some_and(|word| word == "profile") {
                args.extend(words(LEAST));
            }
            let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
            let found = spawn::without_times(&spawn::shown(&args, folder.path()), folder.path());
            let expected = spawn::without_times(&output.join("\n"), folder.path());
            if !matches(&lines(&expected), &lines(&found)) {
                wrong.push(format!("{name}:{line}: $ {command}\nexpected:\n{expected}\nfound:\n{found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_flag_of_eval_stands_in_its_page() {
    let page = page("docs/eval.md");
    let help = spawn::shown(&["eval", "--help"], Path::new(env!("CARGO_MANIFEST_DIR")));
    // A line of the text of a flag may begin with the name of another one; only the flags' own are indented less.
    let own = help.lines().filter(|line| line.len() - line.trim_start().len() < 10).map(str::trim);
    let words = own.filter(|line| line.starts_with('-')).flat_map(|line| line.split([' ', ',']));
    for flag in words.filter(|word| word.starts_with("--") && *word != "--help") {
        assert!(page.contains(flag), "docs/eval.md does not name {flag}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for name in pages() {
        let text = page(&name);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        let folder = folder.parent().expect("a folder");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or(target);
            let outside = target.contains("://") || target.is_empty();
            assert!(outside || folder.join(target).exists(), "{name} links to {target}");
        }
    }
}

#[test]
fn the_workflow_of_the_profile_page_runs() {
    let folder = clone();
    let mut steps = commands(&workflow());
    steps.retain(|command| command.starts_with("alertctl "));
    let page = page("docs/profile.md");
    steps.extend(page.lines().filter(|line| line.starts_with("alertctl ") && line.contains("ci/")).map(str::to_owned));
    for command in &steps {
        let mut args = words(command);
        if args[1] == "profile" {
            args.extend(words(LEAST));
        }
        let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
        let output = spawn::alertctl(&args, folder.path(), None);
        assert_eq!(output.status.code(), Some(0), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(steps.len(), 4, "two commands of the workflow, and two with a baseline");
    assert!(folder.path().join("cost.md").exists(), "--out writes its file next to -o github");
}

#[test]
fn the_workflow_that_comments_what_changes_runs() {
    let folder = clone();
    let at = folder.path();
    let git = |args: &[&str]| {
        let own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
        let output = spawn::run(Path::new("git"), &[&own[..], args].concat(), at);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "rules"]);
    git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let rules = fs::read_to_string(at.join("rules/node.yml")).expect("rules");
    fs::write(at.join("rules/node.yml"), rules.replace("up == 0\n        for: 5m", "up == 0\n        for: 1h"))
        .expect("a file");
    let page = page("README.md");
    let mut blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let text = blocks.find(|text| text.contains("alertctl diff")).expect("a workflow");
    let workflow: serde_yaml::Value = serde_yaml::from_str(text).expect("YAML");
    let steps = workflow["jobs"]["diff"]["steps"].as_sequence().expect("steps");
    let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    let command = runs.iter().find(|run| run.starts_with("alertctl ")).expect("a command");
    let args = words(&command.replace("$GITHUB_BASE_REF", "main"));
    let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let output = spawn::alertctl(&args, at, None);
    // The change loses a critical firing.
    assert_eq!(output.status.code(), Some(1), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let annotations = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        annotations.starts_with("::warning file=rules/node.yml,line=16,title=InstanceDown::1 lost"),
        "{annotations}"
    );
    let comment = fs::read_to_string(at.join("diff.md")).expect("--out writes its file next to -o github");
    assert!(comment.contains("<details><summary>InstanceDown (critical): 1 lost"), "{comment}");
    assert!(runs.last().is_some_and(|run| run.starts_with("gh pr comment") && run.contains("--body-file diff.md")));
    assert_eq!(steps[0]["with"]["fetch-depth"].as_u64(), Some(0));
    assert_eq!(workflow["permissions"]["pull-requests"].as_str(), Some("write"));
}

/// Returns the action.
fn action() -> serde_yaml::Value {
    serde_yaml::from_str(&page(".github/actions/alertctl-profile/action.yml")).expect("YAML")
}

/// Returns the workflow of the page of `profile`, which is its first YAML.
fn workflow() -> serde_yaml::Value {
    let page = page("docs/profile.md");
    let text = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a workflow");
    serde_yaml::from_str(text).expect("YAML")
}

/// Returns the steps of a workflow or an action.
fn steps(of: &serde_yaml::Value) -> Vec<serde_yaml::Value> {
    let steps = of["runs"]["steps"].as_sequence().or_else(|| of["jobs"]["cost"]["steps"].as_sequence());
    steps.expect("steps").clone()
}

/// Returns the command lines of the steps.
fn commands(of: &serde_yaml::Value) -> Vec<String> {
    let scripts = steps(of).into_iter().filter_map(|step| step["run"].as_str().map(str::to_owned));
    scripts.flat_map(|script| script.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_action_does_what_the_workflow_does() {
    let uses = |of: &serde_yaml::Value| -> Vec<String> {
        steps(of).iter().filter_map(|step| step["uses"].as_str().map(str::to_owned)).collect()
    };
    let (page, action) = (workflow(), action());
    assert_eq!(uses(&page)[0].split('@').next(), Some("actions/checkout"));
    assert_eq!(uses(&page)[1..], uses(&action), "the same actions, of the same versions");
    assert_eq!(page["permissions"]["contents"].as_str(), Some("read"));
    for of in [&page, &action] {
        let last = steps(of).pop().expect("a step");
        assert_eq!(last["if"].as_str(), Some("always()"), "the report is uploaded also when the gate fails");
        let lines = commands(of);
        let place = |start: &str| lines.iter().position(|line| line.starts_with(start)).expect(start);
        let order = ["cargo install --locked", "git worktree add", "alertctl check", "alertctl profile"].map(place);
        assert!(order.is_sorted(), "{lines:?}");
    }
    let tag = format!("v{}", env!("CARGO_PKG_VERSION"));
    assert!(commands(&page).iter().any(|line| line.contains(&format!("--tag {tag} "))), "the version of the page");
    assert_eq!(action["inputs"]["version"]["default"].as_str(), Some(&tag[1..]), "the version of the action");
}

#[test]
fn the_action_uses_inputs_and_flags_that_exist() {
    let text = page(".github/actions/alertctl-profile/action.yml");
    let action = action();
    let declared: BTreeSet<&str> =
        action["inputs"].as_mapping().expect("inputs").keys().filter_map(|key| key.as_str()).collect();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let used: BTreeSet<&str> = text
        .split("inputs.")
        .skip(1)
        .map(|rest| &rest[..rest.find(|c: char| !is_name(c)).unwrap_or(rest.len())])
        .collect();
    assert_eq!(declared, used);
    for step in steps(&action) {
        // A value of a pull request within a script would be run.
        assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{step:?}");
        assert!(step["run"].is_null() || step["shell"].as_str() == Some("bash"), "{step:?}");
    }
    let workflow = workflow();
    let lines = [commands(&action), commands(&workflow)].concat();
    let mut checked = 0;
    for command in ["check", "profile"] {
        let help = spawn::shown(&[command, "--help"], Path::new(env!("CARGO_MANIFEST_DIR")));
        let own = lines.iter().filter_map(|line| line.strip_prefix(&format!("alertctl {command} ")));
        for flag in own.flat_map(|rest| rest.split(' ')).filter(|word| word.starts_with('-')) {
            assert!(help.split([' ', ',', '\n']).any(|word| word == flag), "{command} has no flag {flag}");
            checked += 1;
        }
    }
    assert!(checked >= 9, "{lines:?}");
}

#[test]
fn the_flags_of_profile_in_its_page_exist() {
    let page = page("docs/profile.md");
    let help = spawn::shown(&["profile", "--help"], Path::new(env!("CARGO_MANIFEST_DIR")));
    let commands = page.lines().filter_map(|line| line.split_once("alertctl profile ")).map(|(_, rest)| rest);
    let flags = commands.flat_map(|rest| rest.split(['#', '`']).next().unwrap_or("").split(' '));
    for flag in flags.filter(|word| word.starts_with('-')) {
        assert!(help.split([' ', ',', '\n']).any(|word| word == flag), "profile has no flag {flag}");
    }
}
