//! Which rules could be read whole, of those that are kept although their files have errors.

use crate::diagnostic::Severity;
use crate::promql::ast::{ExprKind, Type};
use crate::source::FileSpan;

use super::{Rule, RuleSet};

/// Where the errors of rules stand.
pub(crate) struct Broken {
    /// Sorted; each reaches as far as any before it in its file, so the last one that begins early enough answers for
    /// all.
    errors: Vec<FileSpan>,
}

impl Broken {
    /// Looks at the problems that were found of rules so far. Cost: a sort of them.
    pub(crate) fn of(rules: &RuleSet) -> Self {
        let errors = rules.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let mut errors: Vec<FileSpan> = errors.filter_map(|found| Some(found.primary.as_ref()?.at)).collect();
        errors.sort_unstable_by_key(|at| (at.file, at.span.start));
        for at in 1..errors.len() {
            if errors[at - 1].file == errors[at].file {
                errors[at].span.end = errors[at].span.end.max(errors[at - 1].span.end);
            }
        }
        Self { errors }
    }

    /// Returns whether no error touches the expression of a rule, and it gives something that a rule can use. Cost: a
    /// binary search, and a walk over the expression.
    pub(crate) fn leaves(&self, rule: &Rule) -> bool {
        let (file, span) = (rule.text.file, rule.text.span);
        let before = self.errors.partition_point(|at| (at.file, at.span.start) <= (file, span.end));
        let last = before.checked_sub(1).map(|at| self.errors[at]);
        let mut whole = !last.is_some_and(|last| last.file == file && span.start <= last.span.end);
        rule.expr.walk(&mut |expr| whole &= !matches!(expr.kind, ExprKind::Invalid));
        whole && matches!(rule.expr.ty(), Type::Scalar | Type::Vector)
    }
}
