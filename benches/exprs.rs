//! Ten thousand expressions of rule files, read and laid out. Run `cargo bench --bench exprs`.
//!
//! They are those of real rules where `../shared/corpus` is there, otherwise those of `rules/`.

use std::fs;
use std::path::Path;

use alertctl::promql::layout::lines;
use alertctl::promql::parse::parse;
use alertctl::rules::RuleSet;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

/// How many there are; those of the files come again and again.
const COUNT: usize = 10_000;

fn main() {
    divan::main();
}

fn expressions() -> Vec<String> {
    let folder = ["../shared/corpus", "rules"].map(Path::new).into_iter().find(|folder| folder.is_dir());
    let mut paths: Vec<_> =
        fs::read_dir(folder.expect("a folder")).expect("a folder").map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let mut rules = RuleSet::default();
    for path in paths {
        rules.add(&path.to_string_lossy(), &fs::read(&path).expect("a file"));
    }
    let texts: Vec<String> = rules.rules().map(|(_, rule)| rule.text.text.clone()).collect();
    texts.iter().cycle().take(COUNT).cloned().collect()
}

#[divan::bench]
fn parsed(bencher: Bencher<'_, '_>) {
    let texts = expressions();
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| {
        for text in &texts {
            black_box(parse(black_box(text)));
        }
    });
}

#[divan::bench]
fn parsed_and_laid_out(bencher: Bencher<'_, '_>) {
    let texts = expressions();
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| {
        for text in &texts {
            let parsed = parse(black_box(text));
            black_box(lines(&parsed.expr, text));
        }
    });
}
