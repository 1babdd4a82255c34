//! Parts of a plan that are the same, found by what they compute.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::HashTable;

use crate::labels::Regexp;
use crate::source::Span;

use super::{Kind, Node, NodeId, Operand, Place, Plan};

/// A number of an expression, equal to those with the same bits: 0 is not -0, and NaN is itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Operand {
    /// Returns what stands for it where operands are compared.
    fn key(self) -> (Number, Option<NodeId>) {
        match self {
            Self::Const(value) => (Number(value), None),
            Self::Node(node) => (Number(0.0), Some(node)),
        }
    }
}

impl PartialEq for Operand {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Operand {}

impl Hash for Operand {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// A regular expression, equal to those that are written alike.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) regexp: Regexp,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// The parts of a plan to which others are added.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// By kind.
    nodes: HashTable<NodeId>,
    /// The programs of subqueries, by what they compute.
    inner: HashTable<usize>,
}

impl Plan {
    /// Adds a node, or finds the one that is the same. Cost: the size of the node alone.
    pub(in crate::promql) fn node(&mut self, kind: Kind) -> NodeId {
        let hash = hash_of(&kind);
        if let Some(id) = self.known.nodes.find(hash, |id| self.nodes[*id].kind == kind) {
            return *id;
        }
        let invariant = !self.options.reads_written && self.is_invariant(&kind);
        let id = self.nodes.len();
        self.nodes.push(Node { kind, span: self.span, invariant, place: Place::default() });
        self.known.nodes.insert_unique(hash, id, |id| hash_of(&self.nodes[*id].kind));
        id
    }

    /// Takes back the nodes that were added from a number on, which nothing reads.
    pub(in crate::promql) fn forget_from(&mut self, first: NodeId) {
        for (id, node) in self.nodes.drain(first..).enumerate() {
            if let Ok(entry) = self.known.nodes.find_entry(hash_of(&node.kind), |known| *known == first + id) {
                entry.remove();
            }
        }
    }

    /// Adds the program of a subquery, or finds the one that computes the same.
    pub(in crate::promql) fn inner(&mut self, plan: Self, span: Span) -> usize {
        let hash = hash_of(&plan);
        if let Some(number) = self.known.inner.find(hash, |number| *self.inner[*number] == plan) {
            return *number;
        }
        self.inner.push(Arc::new(plan));
        self.inner_spans.push(span);
        let number = self.inner.len() - 1;
        self.known.inner.insert_unique(hash, number, |number| hash_of(&*self.inner[*number]));
        number
    }
}

/// Plans that are not bound are equal where they compute the same, subqueries and all.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.roots == other.roots
            && self.nodes.len() == other.nodes.len()
            && self.nodes.iter().zip(&other.nodes).all(|(a, b)| a.kind == b.kind)
            && self.inner == other.inner
    }
}

impl Hash for Plan {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.roots.hash(state);
        self.nodes.iter().for_each(|node| node.kind.hash(state));
        self.inner.hash(state);
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    foldhash::fast::FixedState::default().hash_one(value)
}
