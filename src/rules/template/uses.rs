//! What of its data a template may show.

use super::tree::{Branches, Node, Operand, Pipe, Term, Tree};

/// What a template may show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// The value: by its variable, by `.Value`, or as part of all the data.
    pub(super) value: bool,
    /// The answer to a query.
    pub(super) query: bool,
}

/// Determines what a template may show. Cost: linear in its size.
pub(super) fn uses(tree: &Tree) -> Uses {
    let mut uses = Uses::default();
    list(&mut uses, &tree.root, true);
    for (_, body) in &tree.defined {
        // Whoever hands all the data to a named template has mentioned it.
        list(&mut uses, body, false);
    }
    uses
}

/// `whole` tells whether the dot is all the data there; where it is rebound, whoever bound it has mentioned it.
fn list(uses: &mut Uses, nodes: &[Node], whole: bool) {
    let branches = |uses: &mut Uses, branches: &Branches, inner: bool| {
        for (condition, body) in &branches.branches {
            pipe(uses, condition, whole);
            list(uses, body, inner);
        }
        list(uses, &branches.otherwise, whole);
    };
    for node in nodes {
        match node {
            Node::Text(_) | Node::Break | Node::Continue => {}
            Node::Action(action) => pipe(uses, action, whole),
            Node::If(node) => branches(uses, node, whole),
            Node::With(node) => branches(uses, node, false),
            Node::Range(range) => {
                pipe(uses, &range.pipe, whole);
                list(uses, &range.body, false);
                list(uses, &range.otherwise, whole);
            }
            Node::Call(call) => call.pipe.iter().for_each(|argument| pipe(uses, argument, whole)),
        }
    }
}

fn pipe(uses: &mut Uses, pipe: &Pipe, whole: bool) {
    pipe.commands.iter().flat_map(|command| &command.words).for_each(|word| operand(uses, word, whole));
}

fn operand(uses: &mut Uses, word: &Operand, whole: bool) {
    let value_or_all = |fields: &[String]| fields.first().is_none_or(|field| field == "Value");
    match &word.term {
        Term::Function(function) => uses.query |= function.name == "query",
        Term::Dot => uses.value |= whole,
        Term::Field(fields) => uses.value |= whole && value_or_all(fields),
        Term::Variable(name, fields) => {
            uses.value |= name == "$value" || (name == "$" && value_or_all(fields));
        }
        Term::Pipe(inner) => pipe(uses, inner, whole),
        Term::Chain(inner, _) => operand(uses, inner, whole),
        Term::Nil | Term::Bool(_) | Term::Int(..) | Term::Float(..) | Term::Text(..) => {}
    }
}
