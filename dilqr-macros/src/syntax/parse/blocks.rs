//! Blocks and statements, loops and branches.

use super::parser::Parser;
use crate::syntax::ast::{BinaryOp, Block, Branch, Expr, ExprKind, Let, Range, Statement};
use crate::syntax::errors::Span;
use crate::syntax::messages::message;

impl Parser<'_> {
    pub(super) fn block(&mut self, block: &syn::Block) -> Block {
        let mut statements = Vec::new();
        let mut value = None;
        for (index, statement) in block.stmts.iter().enumerate() {
            let last = index + 1 == block.stmts.len();
            match statement {
                syn::Stmt::Local(local) => statements.extend(self.let_statement(local).map(Statement::Let)),
                syn::Stmt::Expr(syn::Expr::Assign(assignment), _) => {
                    let place = self.expr(&assignment.left);
                    statements.push(Statement::Assign { place, op: None, value: self.expr(&assignment.right) });
                }
                syn::Stmt::Expr(syn::Expr::Binary(binary), _) if compound(&binary.op).is_some() => {
                    let place = self.expr(&binary.left);
                    let value = self.expr(&binary.right);
                    statements.push(Statement::Assign { place, op: compound(&binary.op), value });
                }
                syn::Stmt::Expr(expr, None) if last => value = Some(Box::new(self.expr(expr))),
                // A semicolon of its own, which rustc has its lint for.
                syn::Stmt::Expr(syn::Expr::Verbatim(tokens), Some(_)) if tokens.is_empty() => {}
                syn::Stmt::Expr(expr, _) => {
                    let parsed = self.expr(expr);
                    match parsed.kind {
                        ExprKind::If { .. } | ExprKind::For { .. } | ExprKind::Block(_) => {
                            statements.push(Statement::Effect(parsed));
                        }
                        // A construct outside the language has had its message already.
                        ExprKind::Unknown => value = last.then(|| Box::new(parsed)),
                        _ => self.errors.at(expr, message::STATEMENT),
                    }
                }
                syn::Stmt::Macro(statement) => {
                    self.errors.at(&statement.mac.path, message::MACRO);
                    value = last.then(|| Box::new(Expr { kind: ExprKind::Unknown, span: Span::of(statement) }));
                }
                syn::Stmt::Item(item) => self.outside_item(item, message::ITEM_IN_BODY),
            }
        }
        Block { statements, value, end: Span::from(block.brace_token.span.close()) }
    }

    fn let_statement(&mut self, local: &syn::Local) -> Option<Let> {
        let Some(init) = &local.init else {
            self.errors.at(local, message::LET_WITHOUT_VALUE);
            return None;
        };
        if let Some((token, _)) = &init.diverge {
            self.errors.at(token, message::LET_ELSE);
        }
        let (pattern, ty) = match &local.pat {
            syn::Pat::Type(typed) => (&*typed.pat, Some(self.ty(&typed.ty))),
            pattern => (pattern, None),
        };
        Some(Let { pattern: self.pattern(pattern), ty, value: self.expr(&init.expr) })
    }

    pub(super) fn branch(&mut self, item: &syn::ExprIf) -> ExprKind {
        let condition = Box::new(self.expr(&item.cond));
        let then = self.block(&item.then_branch);
        let otherwise = item.else_branch.as_ref().map(|(_, otherwise)| Box::new(self.expr(otherwise)));
        ExprKind::If(Branch { condition, then, otherwise })
    }

    /// `for pattern in range { body }`; the range may be in parentheses and reversed.
    pub(super) fn for_loop(&mut self, item: &syn::ExprForLoop) -> ExprKind {
        let mut iterated = &*item.expr;
        let mut reversed = false;
        loop {
            match iterated {
                syn::Expr::Paren(inner) => iterated = &inner.expr,
                syn::Expr::Group(inner) => iterated = &inner.expr,
                syn::Expr::MethodCall(call) if call.method == "rev" && call.args.is_empty() => {
                    reversed = !reversed;
                    iterated = &call.receiver;
                }
                _ => break,
            }
        }
        let pattern = self.pattern(&item.pat);
        let body = self.block(&item.body);
        let syn::Expr::Range(syn::ExprRange { start: Some(start), end: Some(end), limits, .. }) = iterated else {
            return self.unknown(&item.expr, message::FOR_RANGE);
        };
        let range = Range {
            start: Box::new(self.expr(start)),
            end: Box::new(self.expr(end)),
            inclusive: matches!(limits, syn::RangeLimits::Closed(_)),
            reversed,
        };
        ExprKind::For { pattern, range, body }
    }

    pub(super) fn check_label(&mut self, label: Option<&syn::Label>) {
        if let Some(label) = label {
            self.errors.at(label, message::LABEL);
        }
    }
}

/// The operation of a compound assignment, as `+` of `+=`.
pub(super) fn compound(op: &syn::BinOp) -> Option<BinaryOp> {
    match op {
        syn::BinOp::AddAssign(_) => Some(BinaryOp::Add),
        syn::BinOp::SubAssign(_) => Some(BinaryOp::Sub),
        syn::BinOp::MulAssign(_) => Some(BinaryOp::Mul),
        syn::BinOp::DivAssign(_) => Some(BinaryOp::Div),
        syn::BinOp::RemAssign(_) => Some(BinaryOp::Rem),
        _ => None,
    }
}
