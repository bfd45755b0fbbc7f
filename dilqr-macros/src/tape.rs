//! The differentiable form of the model: a list of small expressions, each with its partials from Symbolica.
//!
//! Every shared node is brought into Symbolica's normal form and cut into pieces: a function call, a power of a
//! quantity, a product of powers, a sum of such products, each over inputs and earlier pieces. Equal pieces are one. The
//! chain rule then runs over the list, in `partials`, and its cost grows with the length of the list and not with the
//! number of paths through it.

use std::collections::HashMap;

use crate::graph::{Graph, Input, Node, NodeId};
use crate::symbolic::{self, Partials};
use crate::term::Term;

/// What a piece, or an output, refers to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operand {
    Constant(f64),
    Input(Input),
    /// Index into [`Tape::pieces`].
    Piece(usize),
}

pub(crate) struct Piece {
    /// The expression over `operands`.
    pub(crate) term: Term,
    /// Inputs and earlier pieces; never constants.
    pub(crate) operands: Vec<Operand>,
    pub(crate) partials: Partials,
}

pub(crate) struct Tape {
    /// Each refers to earlier ones only.
    pub(crate) pieces: Vec<Piece>,
    /// Next state.
    pub(crate) f: Vec<Operand>,
    /// Stage cost.
    pub(crate) l: Operand,
    /// Terminal cost.
    pub(crate) terminal: Operand,
}

/// A constant of the model that f64 cannot hold.
pub(crate) struct Overflow;

/// Derives the tape; to be called inside [`symbolic::session`].
pub(crate) fn tape(graph: &Graph, f: &[NodeId], l: NodeId, terminal: NodeId) -> Result<Tape, Overflow> {
    let mut cutter = Cutter { pieces: Vec::new(), known: HashMap::new(), overflow: false };
    let mut values: HashMap<NodeId, Operand> = HashMap::new();
    for node in needed(graph, f.iter().copied().chain([l, terminal])) {
        let value = match graph.node(node) {
            Node::Input(input) => Operand::Input(*input),
            Node::Constant(value) => Operand::Constant(*value),
            Node::Shared(inner) => {
                let mut operands = Vec::new();
                let term = symbolic::normal_form(graph, *inner, &mut operands);
                let operands: Vec<Operand> = operands.iter().map(|operand| values[operand]).collect();
                cutter.cut(&term, &operands)
            }
            _ => continue,
        };
        values.insert(node, value);
    }
    if cutter.overflow {
        return Err(Overflow);
    }
    Ok(Tape {
        pieces: cutter.pieces,
        f: f.iter().map(|node| values[node]).collect(),
        l: values[&l],
        terminal: values[&terminal],
    })
}

/// The nodes under `roots`, operands first.
fn needed(graph: &Graph, roots: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
    let mut wanted = vec![false; graph.len()];
    for root in roots {
        wanted[root.index()] = true;
    }
    let ids: Vec<NodeId> = graph.ids().collect();
    for &id in ids.iter().rev() {
        if wanted[id.index()] {
            match graph.node(id) {
                Node::Input(_) | Node::Constant(_) => {}
                Node::Negate(a) | Node::Power(a, _) | Node::Shared(a) => wanted[a.index()] = true,
                Node::Binary(_, a, b) => {
                    wanted[a.index()] = true;
                    wanted[b.index()] = true;
                }
                Node::Call(_, arguments) => arguments.iter().for_each(|a| wanted[a.index()] = true),
            }
        }
    }
    ids.into_iter().filter(|id| wanted[id.index()]).collect()
}

struct Cutter {
    pieces: Vec<Piece>,
    /// Pieces by their text over global operands.
    known: HashMap<String, usize>,
    overflow: bool,
}

impl Cutter {
    /// The value of `term` over `operands`, making the pieces it takes.
    fn cut(&mut self, term: &Term, operands: &[Operand]) -> Operand {
        let mut local = Vec::new();
        let term = match term {
            Term::Constant(value) => {
                self.overflow |= !value.is_finite();
                return Operand::Constant(*value);
            }
            Term::Atom(atom) => return operands[*atom],
            Term::Sum(terms) => {
                Term::Sum(terms.iter().map(|term| self.monomial(term, operands, &mut local)).collect())
            }
            Term::Call(function, arguments) => {
                Term::Call(*function, arguments.iter().map(|term| self.whole(term, operands, &mut local)).collect())
            }
            other => self.monomial(other, operands, &mut local),
        };
        if local.is_empty() {
            // All operands have turned out constant; the builder folds what is left.
            let mut builder = crate::program::Builder::default();
            let value = builder.term(&term, &[]);
            let value = builder.constant_value(value).unwrap_or(f64::NAN);
            self.overflow |= !value.is_finite();
            return Operand::Constant(value);
        }
        let key = format!("{term:?} over {local:?}");
        if let Some(&piece) = self.known.get(&key) {
            return Operand::Piece(piece);
        }
        let partials = symbolic::partials(&term, local.len());
        self.pieces.push(Piece { term, operands: local, partials });
        self.known.insert(key, self.pieces.len() - 1);
        Operand::Piece(self.pieces.len() - 1)
    }

    /// A term of a sum: a product of powers, its factors reduced to operands.
    fn monomial(&mut self, term: &Term, operands: &[Operand], local: &mut Vec<Operand>) -> Term {
        match term {
            Term::Product(factors) => {
                Term::Product(factors.iter().map(|factor| self.factor(factor, operands, local)).collect())
            }
            other => self.factor(other, operands, local),
        }
    }

    fn factor(&mut self, term: &Term, operands: &[Operand], local: &mut Vec<Operand>) -> Term {
        match term {
            Term::Power(base, exponent) => Term::Power(Box::new(self.whole(base, operands, local)), *exponent),
            other => self.whole(other, operands, local),
        }
    }

    /// `term` as one operand.
    fn whole(&mut self, term: &Term, operands: &[Operand], local: &mut Vec<Operand>) -> Term {
        match self.cut(term, operands) {
            Operand::Constant(value) => Term::Constant(value),
            operand => {
                let index = local.iter().position(|known| *known == operand).unwrap_or_else(|| {
                    local.push(operand);
                    local.len() - 1
                });
                Term::Atom(index)
            }
        }
    }
}
