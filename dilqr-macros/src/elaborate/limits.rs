//! The limits of trajectories: bounds, and constraints of stages and of both ends.

use super::elaborated_system::{Bounded, Constraints, Limits, OpenSides, Row, Vectors};
use super::elaborator::{Arguments, Elaborator, EntryPointValues};
use super::graph::{Node, NodeId};
use super::soft::{Soft, SoftConstraints};
use super::value::{Shape, SymbolicValue, flatten};
use crate::program::vectors::{Input, Vector};
use crate::syntax::ast::{Bounds, Expr, Field};
use crate::syntax::entry_points::{Part, Point};
use crate::syntax::messages::message;

/// The sides of bounds, by entries; `None` where a side is open.
#[derive(Default)]
struct Sides {
    lower: Vec<Option<NodeId>>,
    upper: Vec<Option<NodeId>>,
}

/// Inequalities beside those of the model's functions, each with what it is.
type Rows = Vec<(NodeId, Row)>;

/// The bounds that a model declares.
struct DeclaredBounds {
    state: Sides,
    control: Sides,
    rate: Sides,
    design: Sides,
}

impl Elaborator<'_> {
    /// The limits. The model's functions were elaborated to `values`.
    pub(crate) fn limits(
        &mut self,
        values: &EntryPointValues,
        soft: &Soft,
        arguments: &Arguments,
        vectors: &Vectors,
    ) -> Limits<NodeId> {
        let declared = self.declared_bounds(arguments);
        let opposites =
            |soft: &Option<SoftConstraints>| soft.as_ref().map_or_else(Vec::new, |soft| soft.opposites.clone());
        let absolute_values = [&soft.stage, &soft.terminal].map(opposites);
        let mut limits = Limits { open: self.open(&declared, values, soft), absolute_values, ..Limits::default() };
        let (bounds, bound_rows) = self.bounds_and_rows(declared.control, arguments);
        (limits.lower, limits.upper) = (bounds.lower, bounds.upper);
        self.bound_slacks(soft, vectors, &mut limits);
        let state_rows = self.rows(Bounded::State, &entries(&arguments.x), &declared.state);
        let of = |point: Point, part: Part| {
            let found = values.iter().find(|(entry, _)| (entry.point, entry.part) == (point, part));
            found.map_or_else(Vec::new, |(_, values)| values.clone())
        };
        let constraints = |point: Point, added: Rows| {
            let mut values = of(point, Part::Inequalities);
            let (added, rows): (Vec<_>, Vec<_>) = added.into_iter().unzip();
            values.extend(added);
            let inequalities = values.len();
            values.extend(of(point, Part::Equalities));
            Constraints { values, inequalities, rows }
        };

        let mut added = self.soft_rows(soft.stage.as_ref());
        let first = of(Point::Stage, Part::Inequalities).len() + added.len();
        limits.state_bounds = first..first + if vectors.lift.free_start { 0 } else { state_rows.len() };
        added.extend(&state_rows);
        added.extend(self.rate_rows(&declared.rate, arguments));
        added.extend(bound_rows);
        limits.stage = constraints(Point::Stage, added);

        let mut added = self.soft_rows(soft.terminal.as_ref());
        added.extend(&state_rows);
        limits.terminal = constraints(Point::Terminal, added);

        let design = arguments.d.as_ref().map_or_else(Vec::new, entries);
        let mut added = self.rows(Bounded::Design, &design, &declared.design);
        added.extend(self.slack_rows(soft.terminal.as_ref()));
        limits.initial = constraints(Point::Initial, added);
        limits
    }

    /// The parameters of bounds that may be infinite.
    fn open(&self, declared: &DeclaredBounds, values: &EntryPointValues, soft: &Soft) -> OpenSides {
        let DeclaredBounds { state, control, rate, design } = declared;
        let sides = [state, control, rate, design].into_iter();
        let sides: Vec<NodeId> =
            sides.flat_map(|sides| sides.lower.iter().chain(&sides.upper).flatten().copied()).collect();
        let factors = [&soft.stage, &soft.terminal].into_iter().flatten().flat_map(|soft| soft.factors);
        let values = values.iter().flat_map(|(_, values)| values.iter().copied());
        self.open_sides(&sides, &values.chain(factors).collect::<Vec<_>>())
    }

    fn declared_bounds(&mut self, arguments: &Arguments) -> DeclaredBounds {
        DeclaredBounds {
            state: self.sides("State", |field| field.bounds.as_ref(), arguments),
            control: self.sides(self.model.kind.control(), |field| field.bounds.as_ref(), arguments),
            rate: self.sides("Control", |field| field.rate_bounds.as_ref(), arguments),
            design: self.sides("Design", |field| field.bounds.as_ref(), arguments),
        }
    }

    /// The bounds of a struct's fields, one for each entry.
    fn sides(&mut self, name: &str, of: fn(&Field) -> Option<&Bounds>, arguments: &Arguments) -> Sides {
        let mut sides = Sides::default();
        let Some(item) = self.model.vector(name) else { return sides };
        let mut scope = arguments.scope();
        if name == "Design" {
            // The same at all stages.
            scope.retain(|(name, _)| name != "s");
            self.withheld = Some(("s", message::DESIGN_AT_A_STAGE));
        }
        for field in &item.fields {
            let shape = self.shape(&field.ty);
            let count = self.number_count(&shape);
            let (mut low, mut high) = (vec![None; count], vec![None; count]);
            if let Some(Bounds { lower, upper, span }) = of(field) {
                low = self.side(lower.as_ref(), &scope, &shape, f64::NEG_INFINITY);
                high = self.side(upper.as_ref(), &scope, &shape, f64::INFINITY);
                let constant = |bound: Option<NodeId>| bound.and_then(|node| self.graph.constant_value(node));
                let reversed = low.iter().zip(&high).any(|(&low, &high)| match (constant(low), constant(high)) {
                    (Some(low), Some(high)) => low > high,
                    _ => false,
                });
                if reversed {
                    self.errors.on(*span, message::BOUNDS_REVERSED);
                }
            }
            sides.lower.extend(low);
            sides.upper.extend(high);
        }
        self.withheld = None;
        sides
    }

    /// One side of a field's bounds, by entries; `None` where it is open, which the infinity `open` means, too.
    fn side(
        &mut self,
        side: Option<&Expr>,
        scope: &[(String, SymbolicValue)],
        shape: &Shape,
        open: f64,
    ) -> Vec<Option<NodeId>> {
        let length = self.number_count(shape);
        let Some(side) = side else { return vec![None; length] };
        self.infinite = true;
        let value = self.expr(side, &mut scope.to_vec());
        self.infinite = false;
        let aggregate = matches!(value, SymbolicValue::Array(_) | SymbolicValue::Struct(..));
        let wanted = if aggregate { shape } else { &Shape::Float };
        let value = self.expect(value, wanted, side.span);
        let value = self.let_bind(&value, side.span);
        let bounds = entries(&value).into_iter().map(|entry| match self.graph.constant_value(entry) {
            Some(constant) if constant == open => None,
            _ => Some(entry),
        });
        let bounds: Vec<Option<NodeId>> = bounds.collect();
        // Anywhere else in a bound an infinity is not a number to compute with.
        let infinite = |node: &NodeId| matches!(self.graph.node(*node), Node::Constant(value) if !value.is_finite());
        if self.graph.reachable(bounds.iter().flatten().copied()).iter().any(infinite) {
            self.errors.on(side.span, message::INFINITE_BOUND);
        }
        // A single number is the bound of every entry.
        match bounds.as_slice() {
            [one] => vec![*one; length],
            _ => bounds,
        }
    }
}

/// Bounds as constraints.
impl Elaborator<'_> {
    /// The bounds of the control over consts and `p`, and the rows of the others.
    fn bounds_and_rows(&mut self, declared: Sides, arguments: &Arguments) -> (Sides, Rows) {
        let all = declared.lower.iter().chain(&declared.upper).flatten().copied();
        let varies = |roots: Vec<NodeId>| self.reads(roots, &[Vector::X, Vector::S]);
        if !varies(all.collect()) {
            return (declared, Vec::new());
        }
        let split = |side: &[Option<NodeId>]| -> (Vec<Option<NodeId>>, Vec<Option<NodeId>>) {
            let sides = side.iter().map(|&bound| {
                if bound.is_some_and(|bound| varies(vec![bound])) { (None, bound) } else { (bound, None) }
            });
            sides.unzip()
        };
        let (lower, lower_rows) = split(&declared.lower);
        let (upper, upper_rows) = split(&declared.upper);
        let sides = Sides { lower: lower_rows, upper: upper_rows };
        let rows = self.rows(Bounded::Control, &entries(&arguments.u), &sides);
        (Sides { lower, upper }, rows)
    }

    /// Whether any of the nodes depends on one of the vectors.
    fn reads(&self, roots: Vec<NodeId>, vectors: &[Vector]) -> bool {
        let reads = |node: &Node| matches!(node, Node::Input(Input { vector, .. }) if vectors.contains(vector));
        self.graph.reachable(roots.into_iter()).iter().any(|&node| reads(self.graph.node(node)))
    }

    /// `value - upper` and `lower - value` for the sides there are, entry by entry.
    fn rows(&mut self, of: Bounded, values: &[NodeId], Sides { lower, upper }: &Sides) -> Rows {
        let mut rows = Vec::new();
        for (entry, &value) in values.iter().enumerate() {
            for (sides, upper) in [(upper, true), (lower, false)] {
                let Some(side) = sides.get(entry).copied().flatten() else { continue };
                let known = !self.reads(vec![side], &[Vector::X, Vector::U]);
                let row = if upper { self.difference(value, side) } else { self.difference(side, value) };
                rows.push((row, Row::Bound { of, entry, upper, known }));
            }
        }
        rows
    }

    fn rate_rows(&mut self, rate: &Sides, arguments: &Arguments) -> Rows {
        let Some(previous) = &arguments.previous else { return Vec::new() };
        let bounded =
            |entry: usize| rate.lower.get(entry).copied().flatten().or(rate.upper.get(entry).copied().flatten());
        let pairs = entries(&arguments.u).into_iter().zip(entries(previous)).enumerate();
        let rates: Vec<NodeId> = pairs
            .map(|(entry, (u, previous))| if bounded(entry).is_some() { self.difference(u, previous) } else { u })
            .collect();
        self.rows(Bounded::Rate, &rates, rate)
    }

    /// `c - e` for the slacks `e`.
    fn soft_rows(&mut self, soft: Option<&SoftConstraints>) -> Rows {
        let Some(soft) = soft else { return Vec::new() };
        let values = soft.values.iter().enumerate();
        values.map(|(i, &value)| (self.difference(value, soft.slack_of(i)), Row::SoftConstraint(i))).collect()
    }

    /// The slacks of a stage are controls, with a bound.
    fn bound_slacks(&mut self, soft: &Soft, vectors: &Vectors, limits: &mut Limits<NodeId>) {
        let bounded = soft.stage.as_ref().filter(|soft| soft.are_bounded(self));
        let zero = bounded.map(|_| self.graph.constant(0.0));
        let has_bound = |slack: usize| bounded.is_some_and(|soft| !soft.is_absolute_value(slack));
        limits.lower.extend((0..vectors.lift.stage_slacks).map(|slack| zero.filter(|_| has_bound(slack))));
        limits.upper.extend(vec![None; vectors.lift.stage_slacks]);
    }

    /// `-e` for the slacks of the terminal state, which a solve chooses with the initial state.
    fn slack_rows(&mut self, soft: Option<&SoftConstraints>) -> Rows {
        let Some(soft) = soft.filter(|soft| soft.are_bounded(self)) else { return Vec::new() };
        let bounded = soft.slacks.iter().enumerate().filter(|(slack, _)| !soft.is_absolute_value(*slack));
        let negated = bounded.map(|(i, &slack)| {
            let negated = self.graph.add(Node::Negate(slack));
            (self.graph.let_bind(negated), Row::Slack(i))
        });
        negated.collect()
    }
}

/// The numbers of a value, in order.
fn entries(value: &SymbolicValue) -> Vec<NodeId> {
    let mut entries = Vec::new();
    flatten(value, &mut entries);
    entries
}
